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
from tests.experiments.small import parts
from tests.experiments.small_state import assert_synchronised_state_is_small
from tests.waiting import PROGRAM, SECONDS
from zfwidgets.engine.projection.sanity.randomise import Stage
from zfwidgets.errors import InactiveUnit, InputError
from zfwidgets.experiments import sanity_check
from zfwidgets.experiments.sanity import check as sanity
from zfwidgets.experiments.sanity.curve import CONTROLS
from zfwidgets.experiments.sanity.widget_pictures import StepPictures


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


def ask(widget: zf.SanityCheck, monkeypatch: pytest.MonkeyPatch, **key: object) -> tuple:
    """What the page is told when it asks for a step: (message, buffers)."""
    (pictures,) = parts(widget, StepPictures)
    sent: list[tuple] = []
    request = {"zf": 1, "op": "get", "view": "v", "slot": "s", "kind": "check", "key": key}
    with monkeypatch.context() as patch:
        patch.setattr(pictures, "send", lambda content, buffers: sent.append((content, buffers)))
        pictures._handle_custom_msg(request, [])
    (answer,) = sent
    assert answer[0]["key"] == key
    return answer


def shown(check: zf.SanityCheck, monkeypatch: pytest.MonkeyPatch) -> tuple[np.ndarray, dict]:
    """Pixels of the chosen step's picture, and what is said of it."""
    (pictures,) = parts(check, StepPictures)
    message, buffers = ask(check, monkeypatch, check=pictures.check, step=pictures.step)
    assert message["op"] == "reply"
    return np.asarray(Image.open(io.BytesIO(buffers[0]))), message["data"]


def step_pixels(check: zf.SanityCheck, number: int) -> np.ndarray:
    return np.asarray(check.result.steps[number].to_pil(values=check.result.values))


def test_curve_and_pictures_are_the_records(
    engine: zf.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    unit = strongest(engine)
    check = zf.SanityCheck(engine, unit, seed=6)
    assert check.settle(SECONDS)
    record = sanity_check(engine, unit, seed=6, progress=False)
    assert check.result.complete
    (measure,) = parts(check, ipywidgets.Dropdown)
    for name in ("rank", "rank_absolute", "ssim"):
        measure.value = name
        np.testing.assert_allclose(check.result.curve(name), record.curve(name), rtol=1e-6)
        curve, *controls = check._chart.series
        np.testing.assert_allclose(curve["y"], record.curve(name), rtol=1e-6)
        for kind, line in zip(CONTROLS, controls, strict=True):
            assert line["kind"] == "level"
            np.testing.assert_allclose(line["y"], [np.median(record.control(kind, name))])
    (slider,) = parts(check, ipywidgets.IntSlider)
    assert slider.max == 2
    for number in (2, 0, 1):
        slider.value = number
        picture, said = shown(check, monkeypatch)
        np.testing.assert_array_equal(picture, step_pixels(check, number))
        step = record.steps[number]
        assert (said["step"], said["module"], said["note"]) == (number, step.module, step.note)
        assert said["rank"] == pytest.approx(step.similarity.rank)
        assert check._chart.marks == [{"kind": "line", "at": number}]


def test_a_click_on_a_point_moves_the_slider(engine: zf.Engine) -> None:
    check = zf.SanityCheck(engine, strongest(engine))
    assert check.settle(SECONDS)
    (slider,) = parts(check, ipywidgets.IntSlider)
    check._chart.set_state({"chosen": [0, 1]})
    assert slider.value == 1
    assert parts(check, StepPictures)[0].step == 1


def test_nothing_is_computed_on_the_main_thread_and_traits_are_set_there(
    engine: zf.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    computed, told = set(), set()
    original = sanity.ProjectAt.__call__

    def projected(self: sanity.ProjectAt, *arguments: object) -> object:
        computed.add(threading.current_thread())
        return original(self, *arguments)

    monkeypatch.setattr(sanity.ProjectAt, "__call__", projected)

    async def cell() -> None:
        check = zf.SanityCheck(engine, strongest(engine))
        done = asyncio.Event()

        def changed(change: dict[str, str]) -> None:
            told.add(threading.current_thread())
            if change["new"].startswith("done"):
                done.set()

        check._status.observe(changed, "value")
        await asyncio.wait_for(done.wait(), SECONDS)
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
            assert go_on.wait(SECONDS)
        original(self, generator)

    monkeypatch.setattr(Stage, "randomise_", randomise_)
    check = zf.SanityCheck(engine, strongest(engine))
    (button,) = parts(check, ipywidgets.Button)
    assert reached.wait(SECONDS)
    assert button.description == "Stop"
    button.click()
    go_on.set()
    assert check.settle(SECONDS)
    assert check._status.value.startswith("stopped")
    assert len(check.result.steps) < 3
    assert button.description == "Go on"
    button.click()
    assert check.settle(SECONDS)
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
        assert go_on.wait(SECONDS)
        original(self, generator)

    monkeypatch.setattr(Stage, "randomise_", randomise_)
    check = zf.SanityCheck(engine, strongest(engine))
    assert reached.wait(SECONDS)
    check.close()
    go_on.set()
    other = zf.SanityCheck(engine, strongest(engine), rule="gradient")
    assert other.settle(SECONDS)
    assert randomised == ["3", "3", "0"]


def test_synchronised_state_is_small_and_without_pixels(engine: zf.Engine) -> None:
    check = zf.SanityCheck(engine, strongest(engine))
    assert check.settle(SECONDS)
    assert_synchronised_state_is_small()


def test_a_step_that_is_not_there_is_named(
    engine: zf.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    check = zf.SanityCheck(engine, strongest(engine))
    assert check.settle(SECONDS)
    (pictures,) = parts(check, StepPictures)
    for step, says in ((3, "Step 3 of"), (-1, "step must be in 0"), ("1", "whole number")):
        message, _ = ask(check, monkeypatch, check=pictures.check, step=step)
        assert message["op"] == "error"
        assert says in message["data"]["message"]
    message, _ = ask(check, monkeypatch, check="another", step=0)
    assert "belongs to an earlier run" in message["data"]["message"]
    first = pictures.check
    check.start()
    assert check.settle(SECONDS)
    assert pictures.check != first
    assert ask(check, monkeypatch, check=pictures.check, step=2)[0]["op"] == "reply"


def test_the_static_picture_shows_what_is_known(
    engine: zf.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    outputs: list[tuple[dict, dict]] = []
    monkeypatch.setattr(
        "IPython.display.display", lambda data, **more: outputs.append((data, more))
    )
    check = zf.SanityCheck(engine, strongest(engine))
    check._ipython_display_()
    (live, _), (picture, first) = outputs[:2]
    assert "application/vnd.jupyter.widget-view+json" in live
    assert picture["text/plain"].startswith("zfwidgets SanityCheck: 4, channel")
    assert check.settle(SECONDS)
    picture, more = outputs[-1]
    assert more["display_id"] == first["display_id"]
    assert (first["update"], more["update"]) == (False, True)
    assert more["metadata"]["alt"] == picture["text/plain"]
    assert check.result.activation.image_name in picture["text/plain"]
    sheet = check.snapshot()
    assert np.asarray(Image.open(io.BytesIO(picture["image/jpeg"]))).shape[:2] == sheet.size[::-1]
    here = contains(np.asarray(sheet), check.result.steps[2].to_pil(values=check.result.values))
    assert here, "the last step's picture is in it"
    before = len(outputs)
    (measure,) = parts(check, ipywidgets.Dropdown)
    measure.value = "ssim"
    assert check.settle(SECONDS)
    assert len(outputs) == before + 1
    assert outputs[-1][0]["image/jpeg"] != picture["image/jpeg"]
    check.close()
    check._ipython_display_()
    assert outputs[-1][0]["text/plain"] == "SanityCheck (closed)"


def contains(sheet: np.ndarray, picture: Image.Image) -> bool:
    """Whether a picture, as large as its place, stands somewhere on a sheet."""
    place = 131  # pixels a side, four in half of the width
    scale = min(place / picture.width, place / picture.height)
    size = round(picture.width * scale), round(picture.height * scale)
    wanted = np.asarray(picture.resize(size, Image.Resampling.BICUBIC))
    rows, columns = wanted.shape[:2]
    return any(
        np.array_equal(sheet[top : top + rows, left : left + columns], wanted)
        for top, left in np.argwhere((sheet == wanted[0, 0]).all(2))
    )


def test_what_fails_is_said_in_its_place(engine: zf.Engine) -> None:
    with pytest.raises(InputError, match="channels 0 to 5"):
        zf.SanityCheck(engine, ("4", 6))
    silent = int(engine.channels("4").strongest.argmin())
    photo = int(engine.channels("4").image[silent])
    tensor = engine.session.image(photo)[2]
    with torch.no_grad():
        row, col = (
            (engine.session.network.module(tensor[None])[0, silent] <= 0).nonzero()[0].tolist()
        )
    check = zf.SanityCheck(engine, zf.records.Unit("4", silent, row, col), photo)
    with pytest.raises(InactiveUnit):
        check.settle(SECONDS)
    assert "isn&#x27;t active" in check._status.value
    assert check.result is None


def test_importing_the_widget_imports_no_torch(root: Path) -> None:
    script = (
        "import sys, zfwidgets as zf; zf.SanityCheck; "
        "assert not {'torch', 'bqplot', 'scipy', 'skimage'} & sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", script], check=True, cwd=root, timeout=PROGRAM)
