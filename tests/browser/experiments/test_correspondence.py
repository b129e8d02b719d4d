"""Parts marked in photos in a real JupyterLab: by pointer, by keyboard, and what is made of it."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from playwright.sync_api import Locator, expect

SETUP = "import zfwidgets as zf\nengine = zf.Engine(zf.samples.network(), zf.samples.photos())"
SHOW = """faces = zf.Correspondence(
    engine, ["kitten", "calf", "gorilla"], ["nose", "left eye"], draws=2,
    boxes={"nose": {"kitten": (131, 107, 22, 30)}}, layers=["features.5", "classifier.2"])
faces"""


def drag(photo: Locator, start: tuple[int, int], end: tuple[int, int]) -> None:
    """From one (row, column) of the network's input to another."""
    area = photo.bounding_box()
    scale = area["width"] / 224
    mouse = photo.page.mouse
    mouse.move(area["x"] + start[1] * scale, area["y"] + start[0] * scale)
    mouse.down()
    mouse.move(area["x"] + end[1] * scale, area["y"] + end[0] * scale, steps=4)
    mouse.up()


def test_parts_are_marked_by_pointer_and_keyboard_and_the_table_is_the_records(lab) -> None:
    notebook = lab.show([SETUP, SHOW])
    root = notebook.page.locator(".zf-correspondence")
    expect(root).to_contain_text("still to mark: nose in 2 photos, left eye in 3 photos")
    marks = root.locator(".zf-marks")
    expect(marks).to_have_attribute("data-zf-settled", "true")
    photos = marks.locator(".zf-marking-stage")
    expect(photos).to_have_count(3)
    wanted = notebook.kernel_pixels("engine.photo(engine.info.images.index('calf'))")
    shown = notebook.canvas_pixels(photos.nth(1).locator("canvas"))
    np.testing.assert_array_equal(shown, wanted)

    # by pointer: draw in the second photo, click into the third, drag that box
    drag(photos.nth(1), (106, 80), (142, 144))
    calf = "faces.boxes['nose']['calf'].to_json()"
    drawn = {"top": 106, "left": 80, "height": 36, "width": 64}
    notebook.expect_value(f"[abs(v - {drawn}[k]) <= 1 for k, v in {calf}.items()]", [True] * 4)
    drag(photos.nth(2), (100, 100), (100, 100))
    gorilla = "faces.boxes['nose']['gorilla'].to_json()"
    notebook.expect_value(f"[{gorilla}['height'], {gorilla}['width']]", [32, 32])
    drag(photos.nth(2), (100, 100), (132, 113))
    notebook.expect_value(f"abs({gorilla}['top'] - 116) + abs({gorilla}['left'] - 97) <= 2", True)
    expect(root).to_contain_text("still to mark: left eye in 3 photos")

    # by keyboard: another part, boxes put in the middle, moved and resized
    marks.get_by_role("combobox", name="Part to mark").select_option("left eye")
    for name in ("kitten", "calf", "gorilla"):
        button = marks.get_by_role("button", name=f"Mark left eye in {name}")
        button.focus()
        button.press("Enter")
        box = photos.nth(["kitten", "calf", "gorilla"].index(name)).locator(".zf-mark")
        expect(box).to_be_focused()
        for _ in range(3):
            box.press("ArrowLeft")
        box.press("Shift+ArrowDown")
        eye = {"top": 96, "left": 93, "height": 33, "width": 32}
        notebook.expect_value(f"faces.boxes['left eye']['{name}'].to_json()", eye)
        expect(box).to_have_attribute("aria-label", f"left eye of {name}: 33 by 32 pixels "
            "at row 96, column 93. Arrow keys move it, with Shift they resize it, Delete "
            "removes it.")  # fmt: skip

    # all is marked: it computes, and the table has the record's numbers
    expect(root).to_contain_text("done: 2 parts, 2 random masks of each size")
    rows = root.locator(".widget-html table tr")
    expect(rows).to_have_count(5)
    parts = ("nose", "left eye")
    for row, name in enumerate((*parts, *(f"random, size of {part}" for part in parts)), 1):
        expect(rows.nth(row)).to_contain_text(name)
        mean, spread = notebook.value(
            f"[faces.result.mean('{name}').tolist(), faces.result.spread('{name}').tolist()]"
        )
        for layer in (0, 1):
            cell = f"{mean[layer]:.3f} ± {spread[layer]:.3f}"
            expect(rows.nth(row).locator("td").nth(layer + 1)).to_contain_text(cell)
    expect(root.locator(".zf-chart-spot .zf-chart-bar")).to_have_count(8)

    if folder := os.environ.get("ZFWIDGETS_SHOTS"):
        for theme in ("Light", "Dark"):
            notebook.set_theme(f"JupyterLab {theme}")
            marks.scroll_into_view_if_needed()
            notebook.page.screenshot(path=Path(folder) / f"correspondence-{theme}.png")
            rows.last.scroll_into_view_if_needed()
            notebook.page.screenshot(path=Path(folder) / f"correspondence-{theme}-table.png")

    # a box is removed: what was computed is of others
    box = photos.nth(2).locator(".zf-mark")
    box.focus()
    box.press("Delete")
    expect(root).to_contain_text("still to mark: left eye in 1 photo")
    expect(rows).to_have_count(0)
    notebook.expect_value("faces.result", None)
    assert lab.problems == []
