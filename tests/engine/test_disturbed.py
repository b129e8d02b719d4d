"""Engines among a user's modes, interrupts, odd models: the same answers, or an error in words."""

from __future__ import annotations

import gc
import json
import sys
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import zfwidgets as zf
from zfwidgets.engine.local import LocalEngine
from zfwidgets.engine.network import network as network_module
from zfwidgets.errors import UnsupportedModel
from zfwidgets.widgets.telling import wire
from zfwidgets.widgets.wire.service import service_of

ROWS, COLUMNS = 22, 18
SCALE = {"denormalize": ((0, 0, 0), (1, 1, 1))}


class Net(nn.Module):
    """Two convolutions and class scores; ``between`` is between them, ``end`` after the scores."""

    def __init__(
        self, between: nn.Module | None = None, end: Callable[[Tensor], Tensor] | None = None
    ) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(3)
        self.first = nn.Conv2d(3, 6, 3, padding=1)
        self.between = between or nn.ReLU()
        self.pool = nn.MaxPool2d(2)
        self.second = nn.Conv2d(6, 7, 3)
        self.scores = nn.Linear(7 * 9 * 7, 5)
        with torch.no_grad():
            for parameter in self.parameters():
                parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.2)
        self.end = end
        self.eval()

    def forward(self, x: Tensor) -> Tensor:
        x = self.pool(self.between(self.first(x)))
        scores = self.scores(torch.relu(self.second(x)).flatten(1))
        return scores if self.end is None else self.end(scores)


def images(number: int = 12) -> list[Tensor]:
    generator = torch.Generator().manual_seed(7)
    return [torch.rand(3, ROWS, COLUMNS, generator=generator) for _ in range(number)]


IMAGES = images()


def make(model: nn.Module | None = None, **options: Any) -> LocalEngine:
    return LocalEngine(model or Net(), IMAGES, cache=False, **{**SCALE, **options})


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


def test_widgets_experiments_and_reports_work_in_inference_mode(tmp_path: Path) -> None:
    labelled = [(image, number % 3) for number, image in enumerate(images())]
    with torch.inference_mode():
        model, own = Net(), images()  # whose tensors autograd can't use any more
        engine = LocalEngine(model, own, cache=False, **SCALE)
        explorer = zf.Explorer(engine)
        assert explorer.settle()
        zf.save_report(explorer, tmp_path / "report.html", progress=False)
        zf.experiments.diagnose(engine, progress=False)
        zf.experiments.measure_invariance(engine, [0], progress=False)
        zf.experiments.lesion(engine, labelled, off={"first": [1]}, progress=False)
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


# ---------------------------------------------------------------------- interrupts


def test_interrupts_at_any_moment_leave_no_hook_that_does_anything() -> None:
    network = make().session.network
    batch = torch.stack(images(2))
    expected = _shown(network, batch)
    wanted_scores = network(batch)
    changed = {"first": lambda _, output: output * 0}
    calls = [
        lambda: _shown(network, batch),
        lambda: network.run(batch, lambda *_: None, only="second"),
        lambda: network.run_changed(batch, changed),
        lambda: network(batch),
    ]
    chance, lengths = np.random.default_rng(0), [_steps_of(call)[0] for call in calls]
    struck = 0
    for number in range(2000):
        which = number % len(calls)
        struck += _steps_of(calls[which], chance.integers(1, lengths[which] + 1))[1]
    assert struck > 1900
    # Nothing that an earlier pass left may see, or change, the next one.
    np.testing.assert_array_equal(network(batch), wanted_scores)
    found = _shown(network, batch)
    assert [name for name, _ in found] == [name for name, _ in expected]
    for (_, mine), (_, wanted) in zip(found, expected, strict=True):
        assert torch.equal(mine, wanted)


def _shown(network: Any, batch: Tensor) -> list[tuple[str, Tensor]]:
    found: list[tuple[str, Tensor]] = []
    network.run(batch, lambda name, output: found.append((name, output.clone())))
    return found


def _steps_of(call: Callable[[], Any], interrupt_at: int | None = None) -> tuple[int, bool]:
    """Run a call; how many instructions it took, and whether it was interrupted at one of them.

    Counted are the instructions of the module that hooks, and the lines of all others.
    """
    done = 0

    def count(frame: FrameType, event: str, arg: Any) -> Any:
        nonlocal done
        frame.f_trace_opcodes = frame.f_code.co_filename == network_module.__file__
        done += 1
        if done == interrupt_at:
            raise KeyboardInterrupt
        return count

    before = sys.gettrace()
    sys.settrace(count)
    try:
        call()
    except KeyboardInterrupt:
        return done, True
    finally:
        sys.settrace(before)
    return done, False


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
    assert explorer.settle()
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
