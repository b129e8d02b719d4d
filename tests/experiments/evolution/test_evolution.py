"""A watched training: what is seen equals a plain computation, and the training is as unwatched."""

from __future__ import annotations

import copy
import random
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import zfwidgets as zf
from tests.engine import reference
from tests.experiments.evolution.trained import IMAGES, Pictures, network, train, watch
from tests.same import assert_same
from tests.waiting import SECONDS
from tests.without_torch import run_without_torch
from zfwidgets.errors import InputError
from zfwidgets.experiments import EvolutionRecord
from zfwidgets.experiments.evolution import looking
from zfwidgets.experiments.evolution.moments import Moment, Strongest
from zfwidgets.records import Box, Unit


def plain_outputs(model: nn.Sequential, images: Tensor) -> dict[str, Tensor]:
    model, outputs = copy.deepcopy(model).eval(), {}
    with torch.no_grad():
        for name, module in model.named_children():
            images = module(images)
            outputs[name] = images.clone()
    return outputs


def plain_projection(model: nn.Sequential, image: Tensor, unit: Unit, value: float) -> Tensor:
    """By tests/engine/reference.py in float64, over the switches of a plain float32 pass."""
    model, switches, signal = copy.deepcopy(model).eval(), [], image[None]
    names = [name for name, _ in model.named_children()]
    below = names[: names.index(unit.layer) + 1]
    with torch.no_grad():
        for name in below:
            module = getattr(model, name)
            if isinstance(module, nn.MaxPool2d):
                shape = module.kernel_size, module.stride
                signal, chosen = F.max_pool2d(signal, *shape, return_indices=True)
                switches.append(chosen)
            else:
                signal = module(signal)
    down = reference.Down(reference.input_shapes(model, image[None]), iter(switches[::-1]))
    start = torch.zeros(signal.shape, dtype=torch.float64)
    start[0, unit.channel, unit.row, unit.col] = value
    for name in reversed(below):
        start = down(getattr(model, name), start)
    return start[0].detach()


@pytest.mark.parametrize("background", [False, True])
def test_every_moment_equals_a_plain_computation(background: bool) -> None:
    model, copies, images = network(), {}, Pictures().tensors
    copies[0] = copy.deepcopy(model)
    watched = watch(model, at=[0, 1, 2, 5, 9], background=background, pending=9)

    def told(loss: Tensor) -> None:
        watched.step(loss)
        copies[watched.steps] = copy.deepcopy(model)

    torch.manual_seed(0)
    train(model, 12, told)
    record = watched.finish(SECONDS)
    assert record.steps.tolist() == [0, 1, 2, 5, 9]
    assert record.missed == ()
    assert record.layers == ("conv1", "conv2", "conv3")
    assert len(record.losses) == 12
    jumped, silent = 0, 0
    before: dict[tuple[str, int], int] = {}
    for at, moment in enumerate(record.moments):
        plain = copies[moment.step]
        outputs = plain_outputs(plain, images)
        for number, (found, unit) in enumerate(zip(moment.strongest, record.units, strict=True)):
            layer, channel = unit
            maps = outputs[layer][:, channel]
            image, place = divmod(int(maps.flatten().argmax()), maps[0].numel())
            row, col = divmod(place, maps.shape[2])
            assert found.unit == Unit(layer, channel, row, col)
            assert found.image == image
            assert found.value == pytest.approx(float(maps[image, row, col]), rel=1e-5)
            assert record.jumps(number)[at] == (before.get(unit, image) != image)
            jumped += before.get(unit, image) != image
            before[unit] = image
            if found.value <= 0:
                silent += 1
                assert found.pixels is None
                continue
            exact = plain_projection(plain, images[image], found.unit, found.value)
            exact = exact.permute(1, 2, 0).numpy()
            inside = found.box.cut(exact)
            outside = exact.copy()
            seen = found.box.clip(*exact.shape[:2])
            outside[seen.top : seen.bottom, seen.left : seen.right] = 0
            assert not outside.any(), "the box holds the whole projection"
            largest = np.abs(inside).max()
            assert found.scale == pytest.approx(largest, rel=1e-5)
            np.testing.assert_allclose(found.pixels, inside, atol=largest * (1 / 254 + 1e-4))
            shown = watched.engine.photo(image)
            np.testing.assert_array_equal(found.patch, found.box.cut(shown, 128))
    assert jumped > 0
    assert record.jumps(0).shape == (5,)


def test_features_are_all_channels_at_the_same_places() -> None:
    model, images = network(), Pictures().tensors
    watched = watch(model, at=[0, 3])
    torch.manual_seed(0)
    train(model, 3, watched.step)
    record = watched.finish(SECONDS)
    for number, layer in enumerate(record.layers):
        info = watched.engine.layer(layer)
        which, places = looking._sampled(info, IMAGES, number)
        assert len(which) == looking.SAMPLES
        assert set(which.tolist()) == set(range(IMAGES))
        outputs = plain_outputs(model, images)[layer].flatten(2)
        plain = torch.stack([outputs[i, :, p] for i, p in zip(which, places, strict=True)], 1)
        plain = (plain - plain.mean(1, keepdim=True)) / plain.std(1, keepdim=True, correction=0)
        found = record.moments[-1].features[layer]
        assert found.dtype == np.float16
        np.testing.assert_allclose(found, plain.numpy(), atol=4e-3)
        # the curve is the mean of NumPy's correlation coefficients
        first = record.moments[0].features[layer].astype(np.float64)
        rows = [np.corrcoef(a, b)[0, 1] for a, b in zip(first, found, strict=True)]
        curve = record.likeness(layer)
        assert curve[0] == pytest.approx(np.mean(rows), abs=1e-3)
        assert curve[-1] == pytest.approx(1, abs=1e-5)


def made_record(features: list[np.ndarray], images: list[int] | None = None) -> EvolutionRecord:
    """One map of one layer, with the features and the photos of each moment."""
    moments = []
    for step, values in enumerate(features):
        image = 0 if images is None else images[step]
        patch = np.full((4, 3, 3), image, dtype=np.uint8)
        levels = None if step == 0 else np.full((4, 3, 3), step, dtype=np.int8)
        box = Box(1, 2, 4, 3)
        found = Strongest(Unit("a", 0, 1, 2), 0.5 * step, image, f"{image}", box, levels, 2, patch)
        z = looking.standardised(values)
        moments.append(Moment(10 * step, step / 2, (found,), {"a": z}, 0.1))
    return EvolutionRecord("Net", (("a", 0),), "deconvnet", 3, "f", tuple(moments))


def test_a_layer_has_settled_once_it_stays_as_it_is_at_the_end() -> None:
    end = np.random.default_rng(0).normal(size=(3, 50))
    other = np.random.default_rng(1).normal(size=(3, 50))
    near = end + 0.05 * other
    assert made_record([other, near, 2 * end + 3, end]).settled("a") == 10
    assert made_record([end, other, near, end]).settled("a") == 20, "it has left again"
    assert made_record([near, near, end]).settled("a") == 0
    assert made_record([near, other, end]).settled("a") is None, "the last is like itself"
    assert made_record([end]).settled("a") is None
    assert made_record([near, other, end]).settled("a", -1) == 0


def test_constant_channels_are_alike_only_if_both_are() -> None:
    end = np.random.default_rng(0).normal(size=(2, 50))
    dead = np.array([end[0], np.full(50, 3.25)])
    np.testing.assert_allclose(made_record([dead, end]).likeness("a"), [0.5, 1], atol=1e-3)
    np.testing.assert_allclose(made_record([dead, dead]).likeness("a"), [1, 1], atol=1e-3)
    assert np.isnan(made_record([dead[1:], dead[1:]]).likeness("a")).all()
    assert made_record([dead[1:], dead[1:]]).settled("a") is None


def test_jumps_tables_and_the_figure() -> None:
    values = [np.random.default_rng(step).normal(size=(2, 9)) for step in range(4)]
    record = made_record(values, [1, 1, 2, 2])
    assert record.jumps(0).tolist() == [False, False, True, False]
    frame = record.to_frame()
    assert frame["jumped"].tolist() == [False, False, True, False]
    assert frame["value"].tolist() == [0, 0.5, 1, 1.5]
    assert record.convergence()["picture_changes"].tolist() == [1]
    sheet = np.asarray(record.to_pil("a", size=40))
    orange = (sheet == (0xC2, 0x41, 0x0C)).all(-1)
    assert orange.any(0).sum() == 2, "one bar, where the photo changes"
    assert record.moments[0].strongest[0].to_pil() is None
    assert record.moments[1].strongest[0].to_pil().size == (3, 4)
    with pytest.raises(InputError, match="wasn't watched: expected a"):
        record.to_pil("b")
    with pytest.raises(InputError, match="Channel 4 of layer 'a' wasn't watched"):
        record.number("a", 4)


def test_saved_and_loaded_it_is_the_same_without_pickle_or_torch(tmp_path: Path) -> None:
    model = network()
    watched = watch(model, at=[0, 1, 4])
    train(model, 5, watched.step)
    record, path = watched.finish(SECONDS), tmp_path / "folder" / "evolution.npz"
    record.save(path)
    again = EvolutionRecord.load(path)
    for name in ("model", "units", "rule", "images", "fingerprint", "missed", "ended", "layers"):
        assert getattr(again, name) == getattr(record, name)
    np.testing.assert_array_equal(again.losses, record.losses)
    assert len(again.moments) == 3
    for one, other in zip(record.moments, again.moments, strict=True):
        assert (one.step, one.epoch, one.seconds) == (other.step, other.epoch, other.seconds)
        for layer in record.layers:
            np.testing.assert_array_equal(one.features[layer], other.features[layer])
        for a, b in zip(one.strongest, other.strongest, strict=True):
            assert (a.unit, a.value, a.image, a.image_name, a.box, a.scale) == (
                (b.unit, b.value, b.image, b.image_name, b.box, b.scale)
            )
            np.testing.assert_array_equal(a.patch, b.patch)
            assert (a.levels is None) == (b.levels is None)
            if a.levels is not None:
                np.testing.assert_array_equal(a.levels, b.levels)
    code = (
        "from zfwidgets.experiments import EvolutionRecord\n"
        f"record = EvolutionRecord.load({str(path)!r})\n"
        "print(record.to_pil().size, record.settled('conv1', -1))"
    )
    assert run_without_torch(code).split() == [*str(record.to_pil().size).split(), "0"]


@pytest.mark.parametrize("damage", ["cut", "other", "missing"])
def test_a_file_that_is_something_else_is_named(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "evolution.npz"
    if damage == "cut":
        made_record([np.ones((1, 3)), np.eye(1, 3)]).save(path)
        path.write_bytes(path.read_bytes()[:-200])
    elif damage == "other":
        np.savez(path, numbers=np.arange(3))
    with pytest.raises(InputError, match=r"evolution\.npz isn't a readable zfwidgets evolution"):
        EvolutionRecord.load(path)


def everything(model: nn.Module) -> dict[str, Any]:
    """All that a training leaves behind."""
    return {
        "weights": {name: t.clone() for name, t in model.state_dict().items()},
        "gradients": [None if p.grad is None else p.grad.clone() for p in model.parameters()],
        "modes": [module.training for module in model.modules()],
        "asked": [p.requires_grad for p in model.parameters()],
        "torch": torch.get_rng_state(),
        "numpy": np.random.get_state()[1].copy(),  # noqa: NPY002
        "python": random.getstate(),
        "next": torch.rand(3),
    }


@pytest.mark.parametrize("how", ["unwatched again", "inline", "background", "other thread"])
def test_trained_weights_are_bit_equal_with_and_without_watching(how: str) -> None:
    def trained(how: str) -> tuple[dict[str, Any], int]:
        model, calls = network(), []
        model.conv2.register_forward_hook(lambda *_: calls.append(1))
        torch.manual_seed(4)
        np.random.seed(4)  # noqa: NPY002
        random.seed(4)
        stop = threading.Event()
        if "unwatched" in how:
            train(model, 15)
        else:
            watched = watch(model, every=2, background=how != "inline")

            def look_on() -> None:
                while not stop.is_set():
                    watched.snapshot()
                    assert watched.record.model == "Sequential"
                    watched.wait(0.01)

            others = threading.Thread(target=look_on)
            if how == "other thread":
                others.start()
            try:
                train(model, 15, watched.step)
            finally:
                stop.set()
            if how == "other thread":
                others.join(SECONDS)
            left = everything(model)
            assert len(watched.finish(SECONDS).moments) > 1
            assert_same(
                {**left, "next": 0, "torch": 0}, {**everything(model), "next": 0, "torch": 0}
            )
            return left, len(calls)
        return everything(model), len(calls)

    plain, plain_calls = trained("unwatched")
    watched, watched_calls = trained(how)
    assert_same(plain, watched)
    assert plain_calls == watched_calls == 15, "hooks of the user's run for the user alone"


class Normed(nn.Module):
    """Weights that are computed from others, tied ones, and a number read in the forward."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.utils.parametrizations.weight_norm(nn.Conv2d(3, 4, 3))
        self.second = nn.Conv2d(4, 4, 3)
        self.third = nn.Conv2d(4, 4, 3)
        self.third.weight = self.second.weight
        self.gain = nn.Parameter(torch.ones(()))

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x).relu() * self.gain.item()
        return self.third(self.second(x).relu()).mean((2, 3)) * self.gain


def test_what_is_computed_from_weights_follows_them() -> None:
    torch.manual_seed(2)
    model = Normed()
    watched = watch(model, {"first": 2, "second": 2, "third": 2}, at=[0, 4], background=False)
    train(model, 3)
    with torch.no_grad():
        model.gain.fill_(1.75)
    for _ in range(4):
        watched.step()
    engine = zf.Engine(model, Pictures(), cache=False, denormalize=([0.5] * 3, [0.25] * 3))
    strongest = [one for one in watched.record.moments[-1].strongest if one.value > 0]
    assert {one.unit.layer for one in strongest} == {"first", "second", "third"}
    for found in strongest:
        exact = engine.project(found.unit, found.image)
        assert found.value == pytest.approx(exact.activation.value, rel=1e-5)
        inside = found.box.cut(exact.pixels)
        largest = np.abs(inside).max()
        np.testing.assert_allclose(found.pixels, inside, atol=largest * (1 / 254 + 1e-4))
