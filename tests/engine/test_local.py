"""The engine on real weights and photos, against plain loops over full forward passes."""

from __future__ import annotations

import copy
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

import zfwidgets as zf
from tests.same import assert_same
from tests.waiting import SECONDS
from zfwidgets.engine.local import LocalEngine
from zfwidgets.engine.network.modes import computing
from zfwidgets.engine.network.network import Network
from zfwidgets.engine.projection.deconv import record
from zfwidgets.engine.protocol import EngineProtocol
from zfwidgets.errors import InactiveUnit, IndexMismatch, InputError, UnknownLayer, UnsupportedModel
from zfwidgets.index.storing import load
from zfwidgets.records import Activation, Box, Occluder, TopActivations, Unit, softmax


@pytest.fixture(scope="module")
def engine() -> LocalEngine:
    return LocalEngine(zf.samples.network(), zf.samples.photos(), cache=False)


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
    assert engine.indexed, "run python -m zfwidgets.cli.build_samples_index"


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


# The index on disk


def few(cache: Path, **kwargs: object) -> LocalEngine:
    model = kwargs.pop("model", None) or zf.samples.network()
    return LocalEngine(model, zf.samples.photos()[:5], cache=cache, **kwargs)


def test_index_is_kept_and_reused(tmp_path: Path) -> None:
    first = few(tmp_path)
    assert not first.indexed
    steps = [p.done for p in first.index_steps()]
    assert steps[-1] == 5
    again = few(tmp_path)
    assert again.indexed
    assert [a.value for a in again.top("features.4", 3)] == [
        a.value for a in first.top("features.4", 3)
    ]


def test_other_weights_have_another_index(tmp_path: Path) -> None:
    few(tmp_path).index(progress=False)
    changed = zf.samples.network()
    with torch.no_grad():
        changed.features[0].bias[0] += 1e-3
    assert not few(tmp_path, model=changed).indexed


def halved(image: Image.Image) -> Tensor:
    return to_tensor(image) / 2


def test_transforms_of_one_name_are_told_apart(tmp_path: Path) -> None:
    """Digests can't tell two lambdas apart; what they make of the images can."""
    photos = pictures(4)

    def engine(transform: object) -> LocalEngine:
        return LocalEngine(Counting(), photos, transform, cache=tmp_path)

    torch.manual_seed(8)
    first = engine(lambda image: to_tensor(image))
    first.index(progress=False)
    (path,) = tmp_path.glob("*/index.safetensors")
    torch.manual_seed(8)
    assert engine(lambda image: to_tensor(image) * (1 + 1e-5)).indexed, "rounding of a version"
    torch.manual_seed(8)
    other = engine(lambda image: halved(image))
    assert not other.indexed
    assert any("another transform of the same name" in note for note in other.info.notes)
    with pytest.raises(IndexMismatch, match=r"transform.*there, .* here"):
        load(path, other._indexing.fingerprint, other.session.source.probe)
    assert other.index(progress=False).probe == other.session.source.probe


def test_damaged_and_foreign_indexes_are_said_and_rebuilt(tmp_path: Path) -> None:
    few(tmp_path).index(progress=False)
    (path,) = tmp_path.glob("*/index.safetensors")
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    engine = few(tmp_path)
    assert not engine.indexed
    assert any("isn't a readable zfwidgets index" in note for note in engine.info.notes)
    engine.index(progress=False)
    assert few(tmp_path).indexed
    with pytest.raises(IndexMismatch, match=r"model is .* there, 'other' here"):
        load(path, {"model": "other"})


def test_an_unwritable_cache_is_said(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    engine = few(blocked / "cache")
    engine.index(progress=False)
    assert engine.indexed
    assert any("in memory only" in note for note in engine.info.notes)


def test_an_interrupted_pass_keeps_no_half_batch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = LocalEngine(zf.samples.network(), zf.samples.photos()[:20], cache=tmp_path)
    steps = engine.index_steps()
    next(steps)

    def interrupt(self: Network, *args: object, **kwargs: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Network, "run", interrupt)
        with pytest.raises(KeyboardInterrupt):
            next(steps)
    assert not engine.indexed
    engine.index(progress=False)
    reference = LocalEngine(zf.samples.network(), zf.samples.photos()[:20], cache=False)
    for name, part in reference.index(progress=False).layers.items():
        np.testing.assert_array_equal(part.values, engine.index().layers[name].values)


def test_two_threads_share_one_pass(tmp_path: Path) -> None:
    engine = LocalEngine(zf.samples.network(), zf.samples.photos()[:40], cache=tmp_path)
    seen: list[list[int]] = [[], []]
    threads = [
        threading.Thread(target=lambda i=i: seen[i].extend(p.done for p in engine.index_steps()))
        for i in (0, 1)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    together = sorted(seen[0] + seen[1])
    assert together == [16, 32, 40]


# The user's things stay as they were


class Counting(nn.Module):
    """A model with all that could be disturbed: hooks, buffers, dropout, mixed requires_grad."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(3, 6, 5, stride=2),
            nn.BatchNorm2d(6),
            nn.ReLU(inplace=True),
            nn.Dropout(0.5),
            nn.Conv2d(6, 8, 3),
            nn.ReLU(inplace=True),
        )
        self.head = nn.Linear(8, 4)
        self.calls = 0

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        return self.head(self.body(x).amax((2, 3)))


def pictures(count: int) -> list[Image.Image]:
    rng = np.random.default_rng(2)
    return [Image.fromarray(rng.integers(0, 256, (40, 56, 3), np.uint8)) for _ in range(count)]


def to_tensor(image: Image.Image) -> Tensor:
    return torch.from_numpy(np.asarray(image).transpose(2, 0, 1).astype(np.float32) / 255)


def observed(model: nn.Module) -> dict[str, object]:
    return {
        "state": {k: v.clone() for k, v in model.state_dict().items()},
        "training": [m.training for m in model.modules()],
        "hooks": [(len(m._forward_hooks), len(m._backward_hooks)) for m in model.modules()],
        "requires_grad": [p.requires_grad for p in model.parameters()],
        "grads": [None if p.grad is None else p.grad.clone() for p in model.parameters()],
        "calls": model.calls,
        "ids": [id(p) for p in model.parameters()],
        "torch": torch.get_rng_state(),
        "numpy": np.random.get_state()[1].copy(),  # noqa: NPY002
        "grad mode": torch.is_grad_enabled(),
        "threads": torch.get_num_threads(),
    }


def public_calls(engine: LocalEngine) -> Iterator[object]:
    yield lambda: engine.info
    yield lambda: engine.layers
    yield lambda: engine.index(progress=False)
    yield lambda: engine.top("body.5", 2)
    yield lambda: engine.channels("body.5")
    yield lambda: engine.sample("body.5", 1)
    yield lambda: engine.photo(1)
    yield lambda: engine.patch(engine.top("body.5", 2)[0])
    yield lambda: engine.project(Unit("body.2", 1), 2)
    yield lambda: engine.project_all(engine.top("body.5", 2).activations)
    yield lambda: engine.predict(0)
    yield lambda: engine.occlude(0, 9, 7, baseline=0.5, layer="body.5", progress=False)
    yield lambda: engine.occlude(
        0, 9, 7, baseline="noise", extra_boxes=[Box(0, 0, 3, 4)], progress=False
    )
    yield lambda: engine.predict(0, Occluder(Box(1, 2, 5, 6), "blur"))
    yield lambda: engine.estimate(0, 9, 7)
    yield lambda: engine.cover_patches("body.5", 2, k=3)


def failing_calls(engine: LocalEngine) -> Iterator[tuple[type[Exception], object]]:
    yield UnknownLayer, lambda: engine.top("bodi.5", 0)
    yield InputError, lambda: engine.top("body.5", 8)
    yield InputError, lambda: engine.top("body.5", -1)
    yield InputError, lambda: engine.top("body.5", 0, k=0)
    yield InputError, lambda: engine.project(Unit("body.5", 2, 99, 0), 0)
    yield InputError, lambda: engine.project(Unit("body.5", 2, 1, None), 0)
    yield InputError, lambda: engine.project(Unit("body.5", 2), 3, rule="magic")
    yield InputError, lambda: engine.predict(77)
    yield InputError, lambda: engine.predict(0, Occluder(Box(0, 0, 3, 3), "pink"))
    yield InputError, lambda: engine.occlude(0, 99, progress=False)
    yield InputError, lambda: engine.occlude(0, stride=0, progress=False)
    yield InputError, lambda: engine.occlude(0, 9, target="zebra", progress=False)
    yield InputError, lambda: engine.occlude(0, 9, target=4, progress=False)
    yield UnknownLayer, lambda: engine.occlude(0, 9, layer="nowhere", progress=False)


def test_model_and_generators_are_untouched() -> None:
    torch.manual_seed(4)
    model = Counting().train()
    model.head.weight.requires_grad_(False)
    model.body[0].register_forward_hook(lambda m, a, o: o * 0)  # must not reach the engine
    model.head.bias.grad = torch.ones(4)
    before = observed(model)
    engine = LocalEngine(model, pictures(7), to_tensor, cache=False)
    assert_same(before, observed(model))
    for call in public_calls(engine):
        call()
        assert_same(before, observed(model))
    for error, call in failing_calls(engine):
        with pytest.raises(error):
            call()
        assert_same(before, observed(model))
    assert not engine.session.network.module.training
    assert engine.top("body.0", 0)[0].value > 0, "the user's hook is not the engine's"


def train(model: nn.Module, steps: int, started: threading.Event | None = None) -> None:
    torch.manual_seed(11)
    optimiser = torch.optim.SGD(model.parameters(), 0.05, momentum=0.9)
    for step in range(steps):
        images = torch.randn(4, 3, 40, 56)
        loss = nn.functional.cross_entropy(model(images), torch.randint(0, 4, (4,)))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        if started is not None and step == 2:
            started.set()


def test_training_in_another_thread_ends_bit_equal() -> None:
    first = Counting().train()
    alone, watched = copy.deepcopy(first), copy.deepcopy(first)
    train(alone, 60)
    started = threading.Event()
    thread = threading.Thread(target=train, args=(watched, 60, started))
    thread.start()
    started.wait(SECONDS)
    rounds = 0
    while thread.is_alive():
        engine = LocalEngine(watched, pictures(5), to_tensor, cache=False)
        for call in public_calls(engine):
            with suppress(InactiveUnit, IndexError):  # the weights change from round to round
                call()
        rounds += 1
    thread.join()
    assert rounds
    assert_same(dict(alone.state_dict()), dict(watched.state_dict()))


# Bad input


def test_unknown_layer_names_the_nearest(engine: LocalEngine) -> None:
    with pytest.raises(UnknownLayer, match=r"no layer 'feature.7'.*features\.7"):
        engine.top("feature.7", 0)


def test_wrong_models_are_explained() -> None:
    with pytest.raises(UnsupportedModel, match=r"Expected a torch.nn.Module, got function"):
        LocalEngine(to_tensor, pictures(1), to_tensor)
    with pytest.raises(UnsupportedModel, match=r"weight is float16.*float\(\)"):
        LocalEngine(Counting().half(), pictures(1), to_tensor)
    with pytest.raises(UnsupportedModel, match=r"failed in layer '0'.*\(1, 3, 40, 56\)"):
        LocalEngine(nn.Sequential(nn.Linear(7, 3)), pictures(1), to_tensor)
    with pytest.raises(UnsupportedModel, match=r"failed in layer '0'.*Check that it is"):
        LocalEngine(nn.Sequential(nn.Embedding(5, 3)), pictures(1), to_tensor)
    with pytest.raises(UnsupportedModel, match="no layer with feature maps"):
        LocalEngine(nn.Identity(), pictures(1), to_tensor)
    with pytest.raises(UnsupportedModel, match="meta device"):
        LocalEngine(Counting().to("meta"), pictures(1), to_tensor)
    with pytest.raises(UnsupportedModel, match="Device 'qpu'"):
        LocalEngine(Counting(), pictures(1), to_tensor, device="qpu")


def test_wrong_labels_are_explained() -> None:
    with pytest.raises(InputError, match="4 classes, got 2 labels"):
        LocalEngine(Counting(), pictures(1), to_tensor, labels=["a", "b"])


def test_a_network_without_classes_still_has_layers() -> None:
    engine = LocalEngine(Counting().body, pictures(3), to_tensor, cache=False)
    assert len(engine.top("4", 1)) <= 3
    with pytest.raises(UnsupportedModel, match=r"a tensor of shape \(1, 8, 16, 24\)"):
        engine.predict(0)


def test_activations_that_are_not_numbers_are_refused() -> None:
    model = Counting()
    with torch.no_grad():
        model.body[4].bias[3] = 3e38  # overflows where the rest of the sum is large
        model.body[4].weight[3] = 3e38
    engine = LocalEngine(model, pictures(2), to_tensor, cache=False)
    with pytest.raises(UnsupportedModel, match=r"'body.4' gives inf in channel 3 for image 0"):
        engine.index(progress=False)
    with pytest.raises(UnsupportedModel, match=r"'body.4' gives NaN or infinite values"):
        engine.project(Unit("body.5", 3), 1)


def test_weights_that_are_not_numbers_are_refused() -> None:
    model = Counting()
    with torch.no_grad():
        model.body[4].bias[3:5] = float("nan")
    with pytest.raises(UnsupportedModel, match=r"body\.4\.bias has 2 NaN or infinite values of 8"):
        LocalEngine(model, pictures(2), to_tensor, cache=False)


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
