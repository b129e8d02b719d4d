"""Engines among a user's modes, interrupts, odd models: the same answers, or an error in words."""

from __future__ import annotations

import gc
import json
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import zfwidgets as zf
from tests.engine.calls import Counting, pictures, public_calls, to_tensor
from tests.engine.two_convolutions import COLUMNS, IMAGES, ROWS, SCALE, Net, images, make
from tests.experiments.small_variants import BASE
from tests.experiments.small_variants import images as learnable
from tests.same import assert_same
from tests.waiting import SECONDS
from zfwidgets import records
from zfwidgets.engine.local import LocalEngine
from zfwidgets.errors import UnsupportedModel
from zfwidgets.widgets.wire.service import service_of
from zfwidgets.widgets.wire.telling import wire

BOXES = {"nose": [(2, 3, 9, 5), (0, 10, 7, 8)], "tail": [(12, 2, 9, 6), (10, 6, 9, 8)]}


def answers(engine: LocalEngine) -> list[np.ndarray]:
    """What the public calls give."""
    engine.index(progress=False)
    summary = engine.channels("second")
    top = engine.top("second", int(summary.strongest.argmax()))
    pictures = engine.project_all(list(top))
    slid = engine.occlude(1, patch=6, stride=5, layer="second", progress=False)
    own = engine.predict(IMAGES[2].clone())
    return [
        summary.mean,
        np.array([activation.value for activation in top]),
        *(picture.pixels for picture in pictures),
        engine.project(top[1].unit, top[1].image).pixels,
        engine.photo(3),
        engine.predict(0).logits,
        own.logits,
        slid.logits,
        slid.feature_map(),
    ]


# ---------------------------------------------------------------------- the user's modes


@contextmanager
def default_dtype() -> Iterator[None]:
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


MODES: dict[str, Callable[[], Any]] = {
    "inference_mode": torch.inference_mode,
    "no_grad": torch.no_grad,
    "autocast": lambda: torch.autocast("cpu", torch.bfloat16),
    "default device": lambda: torch.device("meta"),
    "default dtype": default_dtype,
}


def modes() -> tuple[Any, ...]:
    return (
        torch.is_inference_mode_enabled(),
        torch.is_grad_enabled(),
        torch.is_autocast_enabled("cpu"),
        torch.get_default_dtype(),
        torch.get_default_device(),
    )


@pytest.mark.parametrize("made_inside", [True, False])
@pytest.mark.parametrize("mode", MODES)
def test_answers_are_the_same_in_any_mode_of_the_users(mode: str, made_inside: bool) -> None:
    expected = answers(make())
    before = modes()
    engine = None if made_inside else make()
    model = Net()
    with MODES[mode]():
        inside = modes()
        engine = engine or make(model)
        found = answers(engine)
        steps = engine.occlude_steps(zf.records.OcclusionRequest(2, patch=6, stride=5))
        next(steps)
        assert modes() == inside
    assert modes() == before
    later = answers(engine)
    steps.close()
    for mine, after, wanted in zip(found, later, expected, strict=True):
        assert mine.dtype == wanted.dtype
        np.testing.assert_allclose(mine, wanted, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(after, wanted, rtol=1e-5, atol=1e-6)


@pytest.fixture(scope="module")
def outside() -> list[Any]:
    """What all public calls give in no mode."""
    return [call() for call in public_calls(counting())]


def counted() -> Counting:
    torch.manual_seed(4)
    return Counting()


def counting() -> LocalEngine:
    return LocalEngine(counted(), pictures(7), to_tensor, cache=False)


@pytest.mark.parametrize("made_inside", [True, False])
@pytest.mark.parametrize("mode", MODES)
def test_every_public_call_answers_the_same_in_any_mode(
    mode: str, made_inside: bool, outside: list[Any]
) -> None:
    """In a row: one after the other finds what the earlier ones kept."""
    engine = None if made_inside else counting()
    model, photos = counted(), pictures(7)
    before = modes()
    with MODES[mode]():
        inside = modes()
        engine = engine or LocalEngine(model, photos, to_tensor, cache=False)
        found = []
        for call in public_calls(engine):
            found.append(call())
            assert modes() == inside
    assert modes() == before
    for mine, wanted in zip(found, outside, strict=True):
        if not isinstance(wanted, records.Estimate):  # seconds
            assert_same(mine, wanted)


def test_widgets_experiments_and_reports_work_in_inference_mode(tmp_path: Path) -> None:
    labelled = [(image, number % 3) for number, image in enumerate(images())]
    with torch.inference_mode():
        model, own = Net(), images()  # whose tensors autograd can't use any more
        engine = LocalEngine(model, own, cache=False, **SCALE)
        explorer = zf.Explorer(engine)
        assert explorer.settle(SECONDS)
        zf.save_report(
            explorer, tmp_path / "report.html", alive=True, licence="CC0", progress=False
        )
        zf.experiments.diagnose(engine, progress=False)
        zf.experiments.measure_invariance(engine, [0], progress=False)
        zf.experiments.lesion(engine, labelled, off={"first": [1]}, progress=False)
        zf.experiments.measure_correspondence(engine, BOXES, [0, 1], draws=2, progress=False)
        zf.experiments.strongest_map(engine, 0, patch=6, stride=5, progress=False)
        zf.experiments.quiz_questions(engine, "second", 2, progress=False)
        pytest.importorskip("skimage")
        active = int(engine.channels("second").strongest.argmax())
        zf.experiments.sanity_check(engine, ("second", active), controls=2, progress=False)
        pytest.importorskip("sklearn")
        zf.experiments.transfer_features(engine, labelled, repeats=2, progress=False)
        zf.experiments.ablate([BASE], learnable(), epochs=1, progress=False)
        watch = zf.watch(model, own, background=False, **SCALE)
    record = watch.finish()
    assert len(record.moments) == 1
    for mine, wanted in zip(answers(engine), answers(make()), strict=True):
        np.testing.assert_allclose(mine, wanted, rtol=1e-5, atol=1e-6)


def test_an_engine_that_is_let_go_is_gone_at_once(tmp_path: Path) -> None:
    """Its memory and its lock on a folder don't wait until Python looks for circles."""
    gc.collect()
    gc.disable()
    try:
        engine = LocalEngine(Net(), IMAGES, cache=tmp_path, **SCALE)
        steps = engine.index_steps()
        next(steps)
        steps.close()
        answers(engine)
        seen = weakref.ref(engine)
        del engine, steps
        assert seen() is None
    finally:
        gc.enable()


# ---------------------------------------------------------------------- scores that are no numbers


def undefined(scores: Tensor) -> Tensor:
    return scores / (scores - scores)


def one_infinite(scores: Tensor) -> Tensor:
    return torch.where(scores == scores.amax(1, keepdim=True), torch.inf, scores)


def sometimes(scores: Tensor) -> Tensor:
    """NaN where class 2 would be the weakest: for some photos, and under some occluders."""
    bad = scores.argmin(1, keepdim=True) == scores[:1].argmin()
    return torch.where(bad, torch.nan, scores)


@pytest.mark.parametrize("end", [undefined, one_infinite])
def test_scores_that_are_no_numbers_are_shown_in_words(end: Any, tmp_path: Path) -> None:
    engine = make(Net(end=end))
    assert any("NaN or infinite" in note for note in engine.info.notes)
    found = engine.predict(0)
    np.testing.assert_array_equal(found.probabilities, torch.tensor(found.logits).softmax(0))
    slid = engine.occlude(0, patch=6, stride=5, layer="second", progress=False)
    assert set(slid.predicted().ravel()) == {-1}
    assert set(slid.to_frame()["label"]) == {None}
    slid.to_pil()
    explorer = zf.Explorer(engine)
    assert explorer.settle(SECONDS)
    zf.save_report(explorer, tmp_path / "report.html", progress=False)
    service = service_of(engine)
    for kind, fields in explorer._needs():
        data, _ = wire("reply", service.source.cached(kind, fields))
        json.dumps(data, allow_nan=False)
        if kind == "occlusion":
            assert data["clean"]["predicted"] is None
            assert "NaN or infinite at" in data["note"]
    zf.experiments.measure_invariance(engine, [0], progress=False)
    zf.experiments.diagnose(engine, progress=False)
    labelled = [(image, number % 3) for number, image in enumerate(images())]
    zf.experiments.lesion(engine, labelled, off={"first": [1]}, progress=False)


# ---------------------------------------------------------------------- parts of another kind


class Part(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Conv2d(6, 6, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.inner(x))


def part() -> nn.Module:
    torch.manual_seed(5)
    return Part().eval()


@pytest.mark.filterwarnings("ignore:.*torch.jit.*:FutureWarning")
@pytest.mark.parametrize("kind", ["scripted", "traced"])
def test_a_part_in_torchscript_gives_what_its_original_gives(kind: str) -> None:
    other = torch.jit.script(part())
    if kind == "traced":
        other = torch.jit.trace(part(), torch.zeros(1, 6, ROWS, COLUMNS))
    engine, original = make(Net(other)), make(Net(part()))
    assert [layer.name for layer in engine.layers if "between" in layer.name] == []
    assert any("TorchScript" in note and "between" in note for note in engine.info.notes)
    assert not any("TorchScript" in note for note in original.info.notes)
    for mine, wanted in zip(answers(engine), answers(original), strict=True):
        np.testing.assert_allclose(mine, wanted, rtol=1e-5, atol=1e-6)


# ---------------------------------------------------------------------- other images in a batch


class WholeBatch(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x - x.mean(0, keepdim=True) + x.mean((0, 1), keepdim=True)


class Trained(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return F.batch_norm(x, None, None, training=True)


@pytest.mark.parametrize(
    "between",
    [
        nn.BatchNorm2d(6, track_running_stats=False),
        nn.SyncBatchNorm(6, track_running_stats=False),
        nn.Sequential(nn.ReLU(), nn.BatchNorm2d(6, track_running_stats=False)),
        Trained(),
        WholeBatch(),
    ],
)
def test_what_depends_on_the_other_images_is_refused(between: nn.Module) -> None:
    name = "between.1" if isinstance(between, nn.Sequential) else "between"
    with pytest.raises(UnsupportedModel, match=f"'{name}'.*batch"):
        make(Net(between))


@pytest.mark.parametrize(
    "between",
    [
        nn.InstanceNorm2d(6),
        nn.GroupNorm(2, 6),
        nn.BatchNorm2d(6),
        nn.LocalResponseNorm(3),
        nn.Sequential(nn.InstanceNorm2d(6, track_running_stats=True), nn.ReLU()),
    ],
)
def test_what_is_each_images_own_is_taken(between: nn.Module) -> None:
    engine = make(Net(between))
    alone = engine.predict(4).logits
    with torch.no_grad():
        together = Net(between).eval()(torch.stack(images()))[4]
    np.testing.assert_allclose(alone, together, rtol=1e-4, atol=1e-5)
