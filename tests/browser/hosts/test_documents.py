"""Notebooks that publishing programs run: on their pages, in Chromium, stand the pictures."""

from __future__ import annotations

import io
import os
from pathlib import Path

import nbformat
import numpy as np
import pytest
from PIL import Image
from PIL.Image import Resampling
from playwright.sync_api import Locator, Page, expect

from tests.browser.hosts.documents import NAME, PROGRAMS, Program, published

CELLS = (
    "channel = 5",
    "import pathlib\n"
    "import ipywidgets\n"
    "import numpy as np\n"
    "from PIL import Image\n"
    "import zfwidgets as zf\n"
    "from zfwidgets.widgets.static_picture import to_jpeg\n"
    "engine = zf.Engine(zf.samples.network(), zf.samples.photos()[:12], cache=False)\n"
    "explorer = zf.Explorer(engine, layer='features.3.squeeze', channel=channel, auto=False)\n"
    "explorer",
    "explorer.channel = 6",
    "grid = zf.PatchGrid(engine, layer='features.4', channel=3)\nipywidgets.HBox([grid])",
    "Image.fromarray(np.full((30, 70, 3), (200, 30, 90), np.uint8))",
    "for number, widget in enumerate((explorer, grid)):\n"
    "    picture = to_jpeg(widget.snapshot())\n"
    "    pathlib.Path({folder!r}, f'{{number}}.jpeg').write_bytes(picture);",
)
"""A widget, shown and changed later; one in a box; a picture of the user's own."""


def write(folder: Path, pictures: Path) -> None:
    """Write the notebook, whose last cell writes the widgets' pictures into another folder."""
    cells = [nbformat.v4.new_code_cell(cell) for cell in CELLS[:-1]]
    cells.append(nbformat.v4.new_code_cell(CELLS[-1].format(folder=str(pictures))))
    cells[0].metadata["tags"] = ["parameters"]
    heading = nbformat.v4.new_raw_cell("A notebook\n==========")
    heading.metadata["raw_mimetype"] = "text/restructuredtext"
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook = nbformat.v4.new_notebook(cells=[heading, *cells], metadata={"kernelspec": kernel})
    nbformat.write(notebook, folder / NAME)


def looks_like(picture: Locator, jpeg: bytes) -> None:
    """What a page shows is this file, in whatever size and between pixels of the screen."""
    picture.evaluate("picture => { picture.style.padding = 0; }")
    shown = Image.open(io.BytesIO(picture.screenshot())).convert("RGB")
    assert shown.width > 300
    size = (100, round(100 * shown.height / shown.width))
    expected = Image.open(io.BytesIO(jpeg)).convert("RGB")
    assert abs(expected.height / expected.width - shown.height / shown.width) < 0.01
    coarse = (np.asarray(one.resize(size, Resampling.BOX)).astype(int) for one in (shown, expected))
    assert np.abs(np.subtract(*coarse)).mean() < 4


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.name)
def test_the_pictures_stand_on_the_page(program: Program, page: Page, tmp_path: Path) -> None:
    program.require()
    folder, pictures = tmp_path / "site", tmp_path / "pictures"
    folder.mkdir()
    pictures.mkdir()
    write(folder, pictures)
    made = program.build(folder)
    assert (folder / made).is_file()
    jpegs = [file.read_bytes() for file in sorted(pictures.iterdir())]
    with published(folder) as address:
        page.goto(address + made)
        views = page.locator(".zf-root")  # of a manager of widgets, and nobody will answer
        expect(views).to_have_count(2)
        for view in views.all():
            expect(view).to_have_attribute("data-zf-kernel", "unknown")
            expect(view).to_be_hidden()
        ours = page.locator("img[src*='.jp'], img[src^='data:image/jpeg']")
        expect(ours).to_have_count(2)
        for picture, jpeg in zip(ours.all(), jpegs, strict=True):
            expect(picture).to_be_visible()
            source = picture.evaluate(
                "async ({ src }) => [...new Uint8Array(await (await fetch(src)).arrayBuffer())]"
            )
            assert bytes(source) == jpeg
            looks_like(picture, jpeg)
        own = page.locator("img[src*='.png'], img[src^='data:image/png']")
        expect(own).to_have_count(1)
        expect(own).to_be_visible()
        if shots := os.environ.get("ZFWIDGETS_SHOTS"):
            page.screenshot(path=Path(shots) / f"document-{program.name}.png", full_page=True)
