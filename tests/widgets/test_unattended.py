"""Notebooks that a program runs and saves: their pictures are finished, and of the last view."""

from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pytest
from jupyter_client.blocking import BlockingKernelClient
from nbclient import NotebookClient
from PIL import Image

from tests.kernels import SETUP, kernel
from tests.waiting import PROGRAM, SECONDS

PRINTED = """
import base64
from zfwidgets.widgets import static_picture
print(base64.b64encode(static_picture.to_jpeg({widget}.snapshot(SECONDS))).decode())
"""
CHECK = """
import ipywidgets
from zfwidgets.experiments.shared.boxes import Experiment
from zfwidgets.records import Progress
from PIL import Image
import time

class Count(Experiment[int]):
    def _describe(self): return "a count"
    def _show(self, result): pass
    def _paint(self, result, status):
        return lambda: Image.new("RGB", (1200, 100), (20 * (result or 0), 200, 90))
    def _steps(self):
        for done in range(10):
            time.sleep(0.02)
            yield Progress(done, 10, None, "counting")
        return 9

count = Count(engine, [ipywidgets.Label("count")])
count
"""


@pytest.fixture
def setup(root: Path, tmp_path: Path, built: Any) -> str:
    return SETUP.format(root=str(root), tests=str(Path(__file__).parent), static=str(tmp_path))


def pixels(jpeg: str) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(jpeg))).convert("RGB")).astype(int)


def ran(cells: list[str]) -> Any:
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    NotebookClient(notebook, timeout=PROGRAM, kernel_name="python3").execute()
    return notebook


def picture(cell: Any) -> np.ndarray:
    (jpeg,) = [
        out.data["image/jpeg"] for out in cell.outputs if "image/jpeg" in out.get("data", {})
    ]
    return pixels(jpeg)


def test_the_picture_is_finished_when_its_cell_is(setup: str) -> None:
    notebook = ran(
        [setup, "explorer = zf.Explorer(engine)\nexplorer", PRINTED.format(widget="explorer")]
    )
    assert np.array_equal(picture(notebook.cells[1]), pixels(notebook.cells[2].outputs[0].text))
    assert "not computed" not in str(notebook.cells[1].outputs)


def test_the_picture_is_of_the_last_view(setup: str) -> None:
    last = "explorer.layer = 'relu1'; explorer.channel = 3; explorer.photo = 5"
    fresh = "other = zf.Explorer(engine, layer='relu1', channel=3, photo=5)"
    printed = PRINTED.format(widget="other")
    notebook = ran([setup, "explorer = zf.Explorer(engine)\nexplorer", last, fresh, printed])
    assert np.array_equal(picture(notebook.cells[1]), pixels(notebook.cells[4].outputs[0].text))


def test_an_experiment_is_waited_for(setup: str) -> None:
    notebook = ran([setup, CHECK])
    assert picture(notebook.cells[1])[50, 600].tolist() == pytest.approx([180, 200, 90], abs=4)


def test_widgets_in_boxes_leave_their_pictures_too(setup: str) -> None:
    made = "import ipywidgets\ngrid, explorer = zf.PatchGrid(engine), zf.Explorer(engine)\n"
    box = "ipywidgets.VBox([ipywidgets.HBox([grid]), explorer])"
    printed = [PRINTED.format(widget=name) for name in ("grid", "explorer")]
    notebook = ran([setup, made + box, *printed, made + f"display({box})"])
    expected = [pixels(cell.outputs[0].text) for cell in notebook.cells[2:4]]
    for cell in (notebook.cells[1], notebook.cells[4]):
        live, *pictures = cell.outputs
        assert "application/vnd.jupyter.widget-view+json" in live.data
        shown = [pixels(output.data["image/jpeg"]) for output in pictures]
        assert len(shown) == len(expected)
        assert all(map(np.array_equal, shown, expected))


def said(client: BlockingKernelClient, code: str, *, allow_stdin: bool) -> str:
    texts: list[str] = []

    def hear(message: dict[str, Any]) -> None:
        if message["msg_type"] == "stream":
            texts.append(message["content"]["text"])

    reply = client.execute_interactive(
        code, timeout=SECONDS, allow_stdin=allow_stdin, output_hook=hear
    )
    assert reply["content"]["status"] == "ok", reply["content"]
    return "".join(texts)


HOLD = """
from zfwidgets.widgets import unattended
unattended.WAIT = {wait}
held, go = threading.Event(), threading.Event()
def hold():
    with engine.lock:
        held.set()
        go.wait()
threading.Thread(target=hold, daemon=True).start()
assert held.wait(SECONDS)
"""


def test_where_somebody_looks_nothing_waits_and_elsewhere_it_is_bounded(setup: str) -> None:
    with kernel() as client:
        said(client, setup + HOLD.format(wait=10 * SECONDS), allow_stdin=True)
        shown = "explorer = zf.Explorer(engine); display(explorer)"
        assert said(client, shown, allow_stdin=True) == ""  # within SECONDS, with the engine held
        shown = (
            "unattended.WAIT = 0.1; grid = zf.PatchGrid(engine); display(grid); explorer.close()"
        )
        text = said(client, shown, allow_stdin=False)
        assert "PatchGrid: the static picture isn't complete: that takes more than 0 s" in text
        assert "settle(timeout=...)" in text
        assert said(client, "1", allow_stdin=False) == ""  # it is said once
        said(client, "go.set()", allow_stdin=True)


def test_what_fails_is_said_and_the_notebook_goes_on(setup: str) -> None:
    fails = (
        "def broken(*arguments, **names): raise zf.errors.InputError('The disk is gone.')\n"
        "engine.project_all = broken\ngrid = zf.PatchGrid(engine)\ngrid"
    )
    notebook = ran([setup, fails, "print('on')"])
    texts = [out.text for out in notebook.cells[1].outputs if out.output_type == "stream"]
    assert any("PatchGrid" in text and "The disk is gone." in text for text in texts)
    assert [out.text for out in notebook.cells[2].outputs] == ["on\n"]  # it is said once
