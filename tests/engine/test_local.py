"""The engine on real weights and photos, against plain loops over full forward passes."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from torch import Tensor

import zfwidgets as zf
from zfwidgets.engine.local import LocalEngine
from zfwidgets.engine.network.modes import computing
from zfwidgets.engine.network.network import Network
from zfwidgets.engine.projection.deconv import record
from zfwidgets.engine.protocol import EngineProtocol
from zfwidgets.errors import InactiveUnit, InputError, UnknownLayer
from zfwidgets.records import Activation, Box, Occluder, TopActivations, Unit, softmax


def outputs(network: Network, images: Tensor) -> dict[str, Tensor]:
    found: dict[str, Tensor] = {}
    with computing(network.device):
        network.run(images, lambda name, out: found.__setitem__(name, out.clone()))
    return found


def batches(engine: LocalEngine, size: int) -> Iterator[tuple[list[int], Tensor]]:
    numbers = list(range(len(engine.info.images)))
    for start in range(0, len(numbers), size):
        part = numbers[start : start + size]
        yield part, torch.stack([engine.session.source.tensor(i) for i in part])


def test_it_is_an_engine(engine: LocalEngine) -> None:
    assert isinstance(engine, EngineProtocol)


def test_shipped_index_is_used_at_once(engine: LocalEngine) -> None:
    assert engine.indexed, "run python -m benchmarks.building.build_samples_index"


def test_top_equals_the_naive_computation() -> None:
    """Value, image and place, in every channel of every layer, on all sample photos."""
    photos = zf.samples.photos()[1:]  # not the shipped index's set, so the pass runs here
    fresh = LocalEngine(zf.samples.network(), photos, cache=False)
    assert not fresh.indexed
    largest: dict[str, list[Tensor]] = {}
    places: dict[str, list[Tensor]] = {}
    means: dict[str, list[Tensor]] = {}
    for _, images in batches(fresh, 16):  # the same batches: kernels round by batch size
        for name, out in outputs(fresh.session.network, images).items():
            value, place = out.flatten(2).max(-1)
            largest.setdefault(name, []).append(value)
            places.setdefault(name, []).append(place)
            means.setdefault(name, []).append(out.double().mean((2, 3)))
    index = fresh.index(progress=False)
    assert len(fresh.layers) == 64
    for layer in fresh.layers:
        values, place = (torch.cat(x[layer.name]).numpy().T for x in (largest, places))
        numbers = np.broadcast_to(np.arange(len(photos)), values.shape)
        order = np.lexsort((numbers, -values))[:, :9]  # by value, then by image
        part, strongest = index.layers[layer.name], np.take_along_axis(values, order, 1)
        there = strongest > 0
        np.testing.assert_array_equal(part.images[:, :9], np.where(there, order, -1))
        np.testing.assert_array_equal(part.values[:, :9], np.where(there, strongest, 0))
        units = part.rows[:, :9] * layer.shape[2] + part.cols[:, :9]
        np.testing.assert_array_equal(units[there], np.take_along_axis(place, order, 1)[there])
        mean = torch.cat(means[layer.name]).mean(0)
        np.testing.assert_allclose(part.mean, mean, rtol=1e-4, atol=1e-4)
        silent = (values <= 0).mean(1).astype(np.float32)
        np.testing.assert_array_equal(part.silent, silent)


def assert_reaches_all_of_its_box(engine: LocalEngine, top: TopActivations, size: int) -> None:
    """Gradients of its units stay inside their boxes, and reach all four sides of them."""
    reached = np.zeros((size, size), bool)
    for a in top:
        forward = record(
            engine.session.network, engine.session.source.tensor(a.image)[None], top.layer
        )
        leaf, output = forward.leaf, forward.output
        output[0, top.channel, a.unit.row, a.unit.col].backward()
        own = (leaf.grad[0] != 0).any(0).numpy()
        assert a.box.cut(own).sum() == own.sum() > 0
        assert (a.box.height, a.box.width) == (size, size)
        reached |= a.box.cut(own)
    assert reached[[0, -1]].any(1).all()
    assert reached[:, [0, -1]].any(0).all()


def test_top_lists_positive_units_with_their_boxes(engine: LocalEngine) -> None:
    top = engine.top("features.7", 42)
    values = [a.value for a in top]
    assert values == sorted(values, reverse=True)
    assert len(top) == len({a.image for a in top}) == 9
    for channel, size in ((42, 47), (200, 63)):  # of the 1 x 1 and of the 3 x 3 branch
        assert_reaches_all_of_its_box(engine, engine.top("features.7", channel), size)
    rare = [
        (layer.name, int(channel))
        for layer in engine.layers
        for channel in np.flatnonzero(engine.channels(layer.name).silent > 0.96)
    ]
    assert rare
    for name, channel in rare:
        entries = engine.top(name, channel)
        silent = engine.channels(name).silent[channel]
        assert len(entries) == round((1 - silent) * len(engine.info.images)) < 9
        assert all(a.value > 0 for a in entries)


def test_shipped_index_equals_a_fresh_one_on_a_sample(engine: LocalEngine) -> None:
    """The shipped values, on this machine's kernels, to rounding."""
    rng = np.random.default_rng(7)
    for layer in ("features.1", "features.6", "features.12", "classifier.3"):
        for channel in rng.integers(0, engine.layer(layer).channels, 4):
            for a in engine.top(layer, int(channel), 3):
                out = outputs(engine.session.network, engine.session.source.tensor(a.image)[None])[
                    layer
                ][0]
                assert a.value == pytest.approx(
                    float(out[a.unit.channel, a.unit.row, a.unit.col]), rel=1e-3
                )
                assert a.value == pytest.approx(float(out[a.unit.channel].max()), rel=1e-3)


def test_sample_holds_every_images_maximum(engine: LocalEngine) -> None:
    sample = engine.sample("features.6", 5)
    assert sample.complete
    assert len(sample.images) == len(engine.info.images)
    for number in (0, 17, 100):
        out = outputs(engine.session.network, engine.session.source.tensor(number)[None])[
            "features.6"
        ][0, 5]
        at = list(sample.images).index(number)
        assert sample.values[at] == pytest.approx(
            float(out.max()), abs=2e-3 * float(sample.values.max())
        )


def test_samples_of_all_channels_are_those_of_each(engine: LocalEngine) -> None:
    every = engine.samples("features.6")
    assert len(every) == engine.layer("features.6").channels
    for channel in (0, 5, 31):
        one = engine.sample("features.6", channel)
        assert (every[channel].layer, every[channel].channel) == ("features.6", channel)
        assert np.array_equal(every[channel].values, one.values)
        assert np.array_equal(every[channel].images, one.images)
        assert every[channel].complete == one.complete


def test_projection_of_the_index_equals_one_by_one(engine: LocalEngine) -> None:
    top = engine.top("features.7", 42, 3)
    together = engine.project_all(top.activations)
    for activation, projection in zip(top, together, strict=True):
        alone = engine.project(activation.unit, activation.image, keep_switches=True)
        scale = np.abs(alone.pixels).max()
        assert np.abs(alone.pixels - projection.pixels).max() <= 1e-4 * scale
        assert [s.shape for s in alone.switches] == [(128, 27, 27), (64, 55, 55)]
        assert alone.status == "adjoint"  # fire modules concatenate
        assert alone.pools == 2
        outside = np.ones(alone.pixels.shape[:2], dtype=bool)
        box = activation.box.clip(*outside.shape)
        outside[box.top : box.bottom, box.left : box.right] = False
        assert not alone.pixels[outside].any()


def test_projection_without_place_takes_the_strongest(engine: LocalEngine) -> None:
    out = outputs(engine.session.network, engine.session.source.tensor(8)[None])["features.4"][
        0, 11
    ]
    unit = engine.project(Unit("features.4", 11), 8).activation.unit
    assert out[unit.row, unit.col] == out.max() > 0


def test_an_inactive_unit_has_no_projection(engine: LocalEngine) -> None:
    out = outputs(engine.session.network, engine.session.source.tensor(8)[None])["features.4"][0]
    channel, row, col = (out == 0).nonzero()[0].tolist()
    with pytest.raises(InactiveUnit, match=rf"Unit {row}, {col} of channel {channel}.*features\.4"):
        engine.project(Unit("features.4", channel, row, col), 8)


def test_predict_names_what_a_person_sees(engine: LocalEngine) -> None:
    names = [label for _, label, _ in engine.predict(engine.info.images.index("coffee")).top(2)]
    assert "espresso" in names


def test_occlude_equals_a_loop_of_full_forwards() -> None:
    model = zf.samples.network()
    photos = zf.samples.photos()[["coffee"]]
    engine = LocalEngine(model, photos, cache=False)
    seen = list(
        engine.occlude_steps(
            zf.records.OcclusionRequest(0, (40, 56), (32, 48), layer="features.12")
        )
    )
    found = seen[-1]
    assert found.grid == (7, 5)
    assert found.complete
    image = engine.session.source.tensor(0)
    grey = (0.5 - torch.tensor([0.485, 0.456, 0.406])) / torch.tensor([0.229, 0.224, 0.225])
    with torch.no_grad():
        clean = model(image[None])[0]
        for i in range(7):
            for j in range(5):
                top, left = 32 * i + 16 - 20, 48 * j + 24 - 28
                covered = image.clone()
                covered[:, max(top, 0) : top + 40, max(left, 0) : left + 56] = grey[:, None, None]
                box = found.box(i, j)
                assert (box.top, box.left) == (max(top, 0), max(left, 0))
                maps: list[Tensor] = []
                handle = model.features[12].register_forward_hook(
                    lambda m, a, out, maps=maps: maps.append(out.clone())
                )
                logits = model(covered[None])[0]
                handle.remove()
                np.testing.assert_allclose(found.logits[i, j], logits, rtol=1e-4, atol=1e-4)
                np.testing.assert_allclose(
                    found.features.totals[i, j], maps[0][0].sum((1, 2)), rtol=1e-4, atol=1e-2
                )
                expected = softmax(logits.numpy())[int(clean.argmax())]
                assert found.probability()[i, j] == pytest.approx(float(expected), abs=1e-5)
                assert found.predicted()[i, j] == int(logits.argmax())
    assert found.target == int(clean.argmax())


def test_occlusion_is_coarse_to_fine_and_says_what_is_missing(engine: LocalEngine) -> None:
    steps = engine.occlude_steps(zf.records.OcclusionRequest(3, 32, 16))
    first = next(steps)
    assert not first.complete
    done = np.argwhere(first.done)
    assert len(done) == 16
    assert {tuple(c) for c in done} >= {(2, 2), (2, 6), (6, 2), (10, 10)}  # all over the image
    assert np.isnan(first.probability()[~first.done]).all()
    assert (first.predicted()[~first.done] == -1).all()
    second = next(steps)
    assert first.done.sum() == 16, "an earlier step's record must not change"
    assert second.done.sum() > 16
    np.testing.assert_array_equal(second.logits[first.done], first.logits[first.done])


def test_predict_under_an_occluder_is_the_maps_value(engine: LocalEngine) -> None:
    steps = engine.occlude_steps(zf.records.OcclusionRequest(3, 48, 32))
    first = next(steps)
    i, j = np.argwhere(first.done)[0]
    alone = engine.predict(3, Occluder(first.box(i, j)))
    np.testing.assert_allclose(alone.logits, first.logits[i, j], rtol=1e-4, atol=1e-4)
    far = Occluder(Box(-50, -50, 20, 20))
    np.testing.assert_array_equal(engine.predict(3, far).logits, engine.predict(3).logits)


def test_own_images_are_taken_like_the_engines(engine: LocalEngine) -> None:
    number = engine.info.images.index("coffee")
    own = zf.samples.photos()["coffee"]
    np.testing.assert_allclose(engine.predict(own).logits, engine.predict(number).logits, rtol=1e-5)
    assert engine.predict(own).image is None


def test_unknown_layer_names_the_nearest(engine: LocalEngine) -> None:
    with pytest.raises(UnknownLayer, match=r"no layer 'feature.7'.*features\.7"):
        engine.top("feature.7", 0)


def test_project_all_takes_one_layer_and_any_of_its_channels(engine: LocalEngine) -> None:
    a, b = engine.top("features.4", 1, 1)[0], engine.top("features.4", 2, 1)[0]
    for activation, together in zip([a, b], engine.project_all([a, b]), strict=True):
        (alone,) = engine.project_all([activation])
        assert (together.activation.unit, together.activation.image) == (
            activation.unit,
            activation.image,
        )
        np.testing.assert_array_equal(together.pixels, alone.pixels)
    with pytest.raises(InputError, match="one layer"):
        engine.project_all([a, engine.top("features.7", 2, 1)[0]])
    own = Activation(a.unit, None, "mine", 1.0, a.box)
    with pytest.raises(InputError, match="image of your own"):
        engine.patch(own)
