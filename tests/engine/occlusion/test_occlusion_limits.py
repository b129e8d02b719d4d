"""Requests that can't be, networks without classes, memory that runs out."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
import torchvision
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

import zfwidgets as zf
from tests.engine.occlusion.plain import Small, assert_near, check, small
from zfwidgets.engine.local import LocalEngine
from zfwidgets.engine.network import memory
from zfwidgets.engine.network.costs import CPU
from zfwidgets.engine.occlusion import scoring
from zfwidgets.errors import InputError, UnknownLayer, UnsupportedModel
from zfwidgets.records import Box, Occluder


class NoClasses(Small):
    def forward(self, x: Tensor) -> Tensor:
        return self.second(self.pool(self.relu(self.first(x))))


def test_what_is_not_possible_is_named() -> None:
    engine = small()
    wrong: list[tuple[str, Callable[[], object]]] = [
        ("patch is 45: .*from 1 to the image's size, 44 x 68", lambda: engine.occlude(0, 45)),
        (r"patch is \(9, 69\)", lambda: engine.occlude(0, (9, 69))),
        ("patch is 0", lambda: engine.occlude(0, 0)),
        ("stride is 0", lambda: engine.occlude(0, 9, 0)),
        ("stride is 45", lambda: engine.occlude(0, 9, 45)),
        ("stride is 2.5", lambda: engine.occlude(0, 9, 2.5)),
        (r"stride is \(1, 2, 3\)", lambda: engine.occlude(0, 9, (1, 2, 3))),
        ("There are classes 0 to 4, got 5", lambda: engine.occlude(0, 9, target=5)),
        ("'zebra' is no class name", lambda: engine.occlude(0, 9, target="zebra")),
        ("no baseline 'pink'.*grey, mean, blur", lambda: engine.occlude(0, 9, baseline="pink")),
        ("no baseline 'pink'", lambda: engine.predict(0, Occluder(Box(0, 0, 2, 2), "pink"))),
        ("64 hex digits", lambda: engine.occlude(0, 9, mask="ff")),
        ("covers nothing", lambda: engine.occlude(0, 9, mask="0" * 64)),
        ("covers no pixel", lambda: engine.occlude(0, 1, mask="8" + "0" * 63)),
        ("At most 8", lambda: engine.occlude(0, 9, extra_boxes=[Box(0, 0, 1, 1)] * 9)),
        ("at least one pixel", lambda: engine.occlude(0, 9, extra_boxes=[Box(0, 0, 0, 1)])),
        ("controls is -1", lambda: engine.cover_patches("second", 0, controls=-1)),
    ]
    for says, call in wrong:
        with pytest.raises(InputError, match=says):
            call()
    with pytest.raises(UnknownLayer, match="no layer 'third'"):
        engine.occlude(0, 9, layer="third")
    assert engine.occlude(0, 9, progress=False).complete, "the engine stays usable"


@pytest.mark.parametrize(
    ("baselines", "says"),
    [
        ({"grey": [0, 0, 0]}, "'grey' can't be a baseline's name"),
        ({"": [0, 0, 0]}, "can't be a baseline's name"),
        ({"two": [0, 0]}, r"'two' has shape \(2,\): expected \(3,\), a colour, or \(3, 44, 68\)"),
        ({"turned": np.zeros((3, 68, 44))}, r"'turned' has shape \(3, 68, 44\)"),
        ({"nan": [0, 0, np.nan]}, "'nan' has NaN"),
        ({"words": ["a", "b", "c"]}, "'words' is no array"),
    ],
)
def test_fills_that_are_not_possible_are_named(baselines: dict[str, object], says: str) -> None:
    with pytest.raises(InputError, match=says):
        small(baselines=baselines)


def test_what_a_callable_fill_gives_is_checked() -> None:
    baselines = {"flat": lambda x: x[0], "dice": torch.rand_like, "over": lambda x: x.zero_()}
    baselines["broken"] = lambda x: x.no_such_thing
    engine = small(baselines=baselines)
    before, state = engine.session.source.tensor(0), torch.get_rng_state()
    with pytest.raises(InputError, match=r"'flat' has shape \(44, 68\)"):
        engine.occlude(0, 9, baseline="flat")
    with pytest.raises(InputError, match="The baseline 'dice' draws random numbers"):
        engine.occlude(0, 9, baseline="dice")
    with pytest.raises(InputError, match=r"The baseline 'broken' failed .* 'no_such_thing'"):
        engine.predict(0, Occluder(Box(0, 0, 2, 2), "broken"))
    assert engine.occlude(0, 9, baseline="over", progress=False).complete
    assert torch.equal(engine.session.tensor(0), before), "a callable gets a copy"
    assert torch.equal(torch.get_rng_state(), state)


def test_an_image_smaller_than_the_networks_minimum_is_named() -> None:
    images = [torch.rand(3, 20, 300)]
    with pytest.raises(
        UnsupportedModel, match=r"failed in layer 'features\.\d+'.*\(1, 3, 20, 300\)"
    ):
        LocalEngine(torchvision.models.alexnet(weights=None), images, cache=False)


def test_without_class_scores_maps_are_of_activations() -> None:
    engine = small(NoClasses())
    assert "(1, 6, 22, 17) for one image; class probabilities need" in engine.info.no_classes
    with pytest.raises(UnsupportedModel, match="choose a layer"):
        engine.occlude(0, 9)
    with pytest.raises(UnsupportedModel, match="class probabilities need"):
        engine.predict(0)
    with pytest.raises(UnsupportedModel, match="class probabilities need"):
        engine.occlude(0, 9, target=0, layer="pool")
    found = engine.occlude(0, (9, 14), (7, 5), layer="pool", progress=False)
    assert (found.logits, found.clean, found.target, found.labels) == (None, None, None, ())
    assert found.no_classes == engine.info.no_classes
    with pytest.raises(InputError, match="no class scores: NoClasses gives a tensor"):
        found.probability()
    check(engine, found, engine.session.source.tensor(0), torch.full((3, 1, 1), 0.5))
    assert set(found.maps()) == {"total", "unit", "hamming", "cosine"}
    assert engine.estimate(0, 9, 7, "pool").seconds > 0


def test_memory_that_runs_out_makes_batches_smaller(monkeypatch) -> None:
    engine, most = small(), 3
    whole = engine.occlude(0, 9, 7, layer="second", progress=False)
    computes = scoring.Scorer.__call__

    def scarce(self: scoring.Scorer, boxes: list[Box]) -> scoring.Scores:
        if len(boxes) > most:
            raise memory.OutOfMemory("no memory left")
        return computes(self, boxes)

    monkeypatch.setattr(scoring.Scorer, "__call__", scarce)
    found = engine.occlude(0, 9, 7, layer="second", progress=False)
    assert_near(found.logits, whole.logits)
    assert any("sliding the occluder: 2 images at a time" in note for note in engine.info.notes)
    steps = engine.occlude_steps(zf.records.OcclusionRequest(0, 9, 7))
    part = next(steps)
    most = 0
    with pytest.raises(UnsupportedModel, match="memory of cpu doesn't hold one image"):
        list(steps)
    most = 3
    assert engine.occlude(0, 9, 7, resume=part, progress=False).complete


@pytest.mark.parametrize("full", [False, True])
def test_batches_keep_tensors_small(monkeypatch, full: bool) -> None:
    """The largest tensor of a batch, measured as the operations see it, keeps to the bound."""
    monkeypatch.setattr(scoring, "WORTHWHILE", math.inf if full else 0)
    engine = small()
    whole = engine.occlude(0, 9, 4, layer="second", progress=False)
    bound = 12 * 4 * 6 * 44 * 34  # bytes of a dozen maps of the first convolution
    monkeypatch.setattr(scoring, "costs_on", lambda device: replace(CPU, at_once=bound))
    largest = [0]

    class Watch(TorchDispatchMode):
        def __torch_dispatch__(self, func, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
            out = func(*args, **(kwargs or {}))
            if isinstance(out, Tensor) and out.dim() == 4 and out.dtype == torch.float32:
                largest[0] = max(largest[0], out.numel() * 4)
            return out

    with Watch():
        found = engine.occlude(0, 9, 4, layer="second", progress=False)
    assert 0 < largest[0] <= bound
    assert_near(found.logits, whole.logits)
    assert_near(found.features.totals, whole.features.totals)


def test_memory_that_does_not_hold_one_image_is_named(monkeypatch) -> None:
    engine = small()

    def scarce(*_: object, **__: object) -> None:
        raise memory.OutOfMemory("no memory left")

    with monkeypatch.context() as patch:
        patch.setattr(engine.session.network, "run", scarce)
        for call in (
            lambda: engine.occlude(0, 9, progress=False),
            lambda: engine.estimate(0, 9),
            lambda: engine.predict(0),
        ):
            with pytest.raises(UnsupportedModel, match="memory of cpu doesn't hold one image"):
                call()
    assert engine.predict(0).probabilities.sum() == pytest.approx(1)
