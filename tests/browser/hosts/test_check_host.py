"""The notebook that people go through in hosts without a test: in JupyterLab all it says holds."""

from __future__ import annotations

import base64
import io
import os
import re
from pathlib import Path

import nbformat
import numpy as np
import pytest
from nbclient import NotebookClient
from PIL import Image
from playwright.sync_api import Locator, expect

import zfwidgets as zf
from tests.browser import as_shown
from tests.browser.conftest import Lab, Notebook
from tests.browser.going import go_to_channel
from tests.browser.hosts.test_hosts import STILL
from tests.browser.kernels.forking import KERNEL
from tests.browser.lab_pages import OPEN
from tests.waiting import PROGRAM

EXPLORER, HEARD, SHEET, BUSY = "host-1", "host-3", "host-5", "host-7"
"""Ids of the notebook's cells."""
SLEEP = "time.sleep(20)"


@pytest.fixture
def script(root: Path) -> nbformat.NotebookNode:
    return nbformat.read(root / "examples" / "check_host.ipynb", as_version=4)


def place(notebook: nbformat.NotebookNode, name: str) -> int:
    """Number of a cell."""
    (found,) = [number for number, cell in enumerate(notebook.cells) if cell.id == name]
    return found


def replace(notebook: nbformat.NotebookNode, name: str, written: str, instead: str) -> None:
    cell = notebook.cells[place(notebook, name)]
    assert cell.source.count(written) == 1
    cell.source = cell.source.replace(written, instead)


def decoded(base: str) -> np.ndarray:
    """The pixels of a picture in base64."""
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(base))).convert("RGB"))


def tiles(sheet: np.ndarray) -> list[np.ndarray]:
    """The nine on the notebook's sheet."""
    return [
        sheet[100 * row : 100 * row + 96, 100 * column : 100 * column + 96]
        for row in range(3)
        for column in range(3)
    ]


def whole_fields(engine: zf.Engine, layer: str, channel: int) -> list[np.ndarray]:
    """What nine units may see, cut out the slow way."""
    found = []
    for activation in engine.top(layer, channel):
        photo = engine.photo(activation.image)
        found.append(photo[as_shown.window(activation, None, photo.shape)])
    return found


def small(patch: np.ndarray) -> np.ndarray:
    return np.asarray(Image.fromarray(patch).resize((96, 96)))


def test_a_kernel_runs_it(script: nbformat.NotebookNode, engine: zf.Engine) -> None:
    """As a person's clicks would have it, but for the page."""
    replace(script, BUSY, SLEEP, "time.sleep(0)")
    heard = place(script, HEARD)
    clicks = nbformat.v4.new_code_cell('explorer.layer, explorer.channel = "features.4", 3')
    script.cells[heard:heard] = [nbformat.v4.new_code_cell(script.cells[heard].source), clicks]
    NotebookClient(script, timeout=PROGRAM, kernel_name="python3").execute()
    before, after = script.cells[heard].outputs, script.cells[heard + 2].outputs
    assert [one.text for one in before] == ["4. The kernel has features.7, channel 42.\n"]
    assert [one.text for one in after] == ["4. The kernel heard it.\n"]
    (sheet,) = script.cells[place(script, SHEET)].outputs
    shown = tiles(decoded(sheet.data["image/png"]))
    np.testing.assert_array_equal(shown, [*map(small, whole_fields(engine, "features.4", 3))])
    shown = script.cells[place(script, EXPLORER)].outputs
    (still,) = [one for one in shown if "image/jpeg" in one.get("data", {})]
    assert still.data["text/plain"].startswith("zfwidgets Explorer: layer features.4, channel 3")


def patches(notebook: Notebook) -> list[np.ndarray]:
    """The nine on the page."""
    cells = notebook.page.locator(".zf-explorer .zf-cell")
    expect(cells).to_have_count(9)
    return [notebook.canvas_pixels(cell.locator("canvas").first) for cell in cells.all()]


def equal(shown: list[np.ndarray], expected: list[np.ndarray]) -> None:
    assert len(shown) == len(expected)
    for one, other in zip(shown, expected, strict=True):
        np.testing.assert_array_equal(one, other)


def picture(shown: Locator) -> np.ndarray:
    """The picture that an element shows."""
    return decoded((shown.get_attribute("src") or "").partition("base64,")[2])


def test_in_jupyterlab_each_of_its_sentences_holds(
    script: nbformat.NotebookNode, lab: Lab, engine: zf.Engine, tmp_path: Path
) -> None:
    numbers = re.findall(r"(?m)^(\d)\. ", "\n".join(cell.source for cell in script.cells))
    assert numbers == [*"1235678"], "what it asks for has changed: so must this test"
    end = tmp_path / "end"
    waits = f"import pathlib\nwhile not pathlib.Path({str(end)!r}).exists():\n    time.sleep(0.05)"
    replace(script, BUSY, SLEEP, waits)
    script.metadata.kernelspec.name = KERNEL
    nbformat.write(script, lab.path("check_host.ipynb"))
    notebook = lab.open("check_host.ipynb", run=False)
    page, shows = notebook.page, place(script, EXPLORER)
    explorers = page.locator(".zf-root.zf-explorer")
    stills = notebook.cell_output(shows).locator(STILL)

    # 1, 2: nothing is grey, and it is there once
    notebook.run_cell(place(script, "host-colab"))
    notebook.run_cell(shows)
    notebook.expect_settled()
    expect(page.locator(".zf-explorer .zf-cell[data-state=ready]")).to_have_count(9)
    expect(explorers).to_have_count(1)
    expect(stills).to_have_count(1)
    expect(stills).to_be_hidden()
    first = patches(notebook)

    # 3, 4: clicks change the patches, and the kernel hears them
    notebook.choose("features.4", 3)
    assert not np.array_equal(first[0], patches(notebook)[0])
    notebook.expect_value("explorer.channel", 3)
    notebook.run_cell(place(script, HEARD))
    expect(notebook.cell_output(place(script, HEARD))).to_have_text("4. The kernel heard it.")

    # 5: the whole fields are those that the kernel cuts out
    page.get_by_role("button", name="Whole field").click()
    notebook.expect_value("explorer.whole", True)
    notebook.expect_settled()
    notebook.run_cell(place(script, SHEET))
    shown = patches(notebook)
    equal(shown, whole_fields(engine, "features.4", 3))
    sheet = picture(notebook.cell_output(place(script, SHEET)).locator("img"))
    equal([*map(small, shown)], tiles(sheet))

    # 6: another channel while a cell runs
    page.evaluate(
        "(index) => { const { content } = window.jupyterapp.shell.currentWidget;"
        " content.activeCellIndex = index;"
        " window.jupyterapp.commands.execute('notebook:run-cell'); }",
        place(script, BUSY),
    )
    busy = page.locator('.jp-Notebook-ExecutionIndicator[data-status="busy"]')
    expect(busy).to_be_attached()
    go_to_channel(page, 5)
    notebook.expect_settled()
    equal(patches(notebook), whole_fields(engine, "features.4", 5))
    expect(busy).to_be_attached()
    end.touch()
    notebook.wait_ready()
    if shots := os.environ.get("ZFWIDGETS_SHOTS"):
        page.screenshot(path=Path(shots) / "check-host.png")

    # 8: run again it is there once
    for _ in range(3):
        notebook.run_cell(shows)
    notebook.expect_settled()
    expect(explorers).to_have_count(1)
    expect(stills).to_be_hidden()
    equal(patches(notebook), first)

    # 7: opened again, with nobody to answer
    notebook.save()
    notebook.command("notebook:shutdown-kernel")
    notebook.command("application:close")
    expect(explorers).to_have_count(0)
    page.evaluate(OPEN, "check_host.ipynb")
    notebook.wait_ready()
    expect(stills).to_be_visible()
    saved = nbformat.read(lab.path("check_host.ipynb"), as_version=4).cells[shows].outputs
    (still,) = [one for one in saved if "image/jpeg" in one.get("data", {})]
    words = "zfwidgets Explorer: layer features.7, channel 42"
    assert still.data["text/plain"].startswith(words)
    equal([picture(stills)], [decoded(still.data["image/jpeg"])])
