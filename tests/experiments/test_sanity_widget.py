"""The sanity check's widget shows the record, off the kernel's main thread."""

from __future__ import annotations

import asyncio
import io
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import ipywidgets
import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

import zfwidgets as zf
from zfwidgets.errors import InactiveUnit, InputError
from zfwidgets.experiments import sanity, sanity_check
from zfwidgets.experiments.randomise import Stage


@pytest.fixture(scope="module")
def engine() -> zf.Engine:
    random = np.random.default_rng(3)
    pictures = [
        Image.fromarray(random.integers(0, 256, (5, 4, 3), dtype=np.uint8)).resize((32, 40))
        for _ in range(3)
    ]
    with torch.random.fork_rng():
        torch.manual_seed(4)
        model = nn.Sequential(
            nn.Conv2d(3, 4, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(4, 6, 3), nn.ReLU()
        )

    def transform(picture: Image.Image) -> torch.Tensor:
        return torch.tensor(np.asarray(picture)).permute(2, 0, 1) / 255 - 0.5

    return zf.Engine(model, pictures, transform, cache=False, denormalize=([0.5] * 3, [1.0] * 3))


@pytest.fixture(autouse=True)
def closed_afterwards() -> Iterator[None]:
    yield
    ipywidgets.Widget.close_all()


def strongest(engine: zf.Engine) -> tuple[str, int]:
    return "4", int(engine.channels("4").strongest.argmax())


def parts(check: zf.SanityCheck, kind: type) -> list[ipywidgets.Widget]:
    found = []
    queue = list(check.children)
    for widget in queue:
        queue += list(getattr(widget, "children", ()))
        if isinstance(widget, kind):
            found.append(widget)
    return found


def shown(check: zf.SanityCheck) -> np.ndarray:
    """Pixels of the second picture, that of the chosen step."""
    return np.asarray(Image.open(io.BytesIO(parts(check, ipywidgets.Image)[1].value)))


def step_pixels(check: zf.SanityCheck, number: int) -> np.ndarray:
    return np.asarray(check.result.steps[number].to_pil())


def test_curve_and_pictures_are_the_records(engine: zf.Engine) -> None:
    unit = strongest(engine)
    check = zf.SanityCheck(engine, unit, seed=6)
    assert check.settle()
    record = sanity_check(engine, unit, seed=6, progress=False)
    assert check.result.complete
    (measure,) = parts(check, ipywidgets.Dropdown)
    for name in ("rank", "rank_absolute", "ssim"):
        measure.value = name
        np.testing.assert_allclose(check.result.curve(name), record.curve(name), rtol=1e-6)
        np.testing.assert_allclose(check._curve.y, record.curve(name), rtol=1e-6)
        for kind, line in check._lines.items():
            np.testing.assert_allclose(line.y, [np.median(record.control(kind, name))] * 2)
    (slider,) = parts(check, ipywidgets.IntSlider)
    assert slider.max == 2
    for number in (2, 0, 1):
        slider.value = number
        pixels = step_pixels(check, number)
        factor = shown(check).shape[0] // pixels.shape[0]
        np.testing.assert_array_equal(shown(check)[::factor, ::factor], pixels)
        assert check._mark.x == [number]


def test_a_click_on_a_point_moves_the_slider(engine: zf.Engine) -> None:
    check = zf.SanityCheck(engine, strongest(engine))
    assert check.settle()
    (slider,) = parts(check, ipywidgets.IntSlider)
    check._points._handle_custom_msgs(
        None, {"event": "element_click", "data": {"index": 1, "x": 1}}, []
    )
    assert slider.value == 1
    assert "1: 3" in check._caption.value


def test_nothing_is_computed_on_the_main_thread_and_traits_are_set_there(
    engine: zf.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    computed, told = set(), set()
    original = sanity._Projector.__call__

    def projected(self: sanity._Projector, *arguments: object) -> object:
        computed.add(threading.current_thread())
        return original(self, *arguments)

    monkeypatch.setattr(sanity._Projector, "__call__", projected)

    async def cell() -> None:
        check = zf.SanityCheck(engine, strongest(engine))
        done = asyncio.Event()

        def changed(change: dict[str, str]) -> None:
            told.add(threading.current_thread())
            if change["new"].startswith("done"):
                done.set()

        check._status.observe(changed, "value")
        await asyncio.wait_for(done.wait(), 60)
        assert check.result.complete

    asyncio.run(cell())
    assert threading.current_thread() not in computed
    assert computed
    assert told == {threading.current_thread()}


def test_stopping_keeps_what_was_done_and_starting_again_finishes(
    engine: zf.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    reached, go_on = threading.Event(), threading.Event()
    original = Stage.randomise_

    def randomise_(self: Stage, generator: torch.Generator) -> None:
        if self.name == "0":
            reached.set()
            assert go_on.wait(60)
        original(self, generator)

    monkeypatch.setattr(Stage, "randomise_", randomise_)
    check = zf.SanityCheck(engine, strongest(engine))
    (button,) = parts(check, ipywidgets.Button)
    assert reached.wait(60)
    assert button.description == "Stop"
    button.click()
    go_on.set()
    assert check.settle()
    assert check._status.value.startswith("stopped")
    assert len(check.result.steps) < 3
    assert button.description == "Start again"
    button.click()
    assert check.settle()
    assert check.result.complete
    assert check._status.value == "done: 2 modules"


def test_a_closed_widget_computes_no_more(
    engine: zf.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    reached, go_on, randomised = threading.Event(), threading.Event(), []
    original = Stage.randomise_

    def randomise_(self: Stage, generator: torch.Generator) -> None:
        randomised.append(self.name)
        reached.set()
        assert go_on.wait(60)
        original(self, generator)

    monkeypatch.setattr(Stage, "randomise_", randomise_)
    check = zf.SanityCheck(engine, strongest(engine))
    assert reached.wait(60)
    check.close()
    go_on.set()
    other = zf.SanityCheck(engine, strongest(engine), rule="gradient")
    assert other.settle()
    assert randomised == ["3", "3", "0"]


def test_what_fails_is_said_in_its_place(engine: zf.Engine) -> None:
    with pytest.raises(InputError, match="channels 0 to 5"):
        zf.SanityCheck(engine, ("4", 6))
    silent = int(engine.channels("4").strongest.argmin())
    photo = int(engine.channels("4").image[silent])
    tensor = engine._image(photo)[2]
    with torch.no_grad():
        row, col = (engine._network.module(tensor[None])[0, silent] <= 0).nonzero()[0].tolist()
    check = zf.SanityCheck(engine, zf.records.Unit("4", silent, row, col), photo)
    with pytest.raises(InactiveUnit):
        check.settle()
    assert "isn&#x27;t active" in check._status.value
    assert check.result is None


def test_importing_the_widget_imports_no_torch(root: Path) -> None:
    script = (
        "import sys, zfwidgets as zf; zf.SanityCheck; "
        "assert not {'torch', 'bqplot', 'scipy', 'skimage'} & sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", script], check=True, cwd=root, timeout=300)
