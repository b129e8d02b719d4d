"""Invariance in a real JupyterLab: photos, lines and slider tell of one record."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from playwright.sync_api import expect

from tests.waiting import eventually

SETUP = """import zfwidgets as zf
from zfwidgets.experiments import Transform
engine = zf.Engine(zf.samples.network(), zf.samples.photos())"""
SHOW = """moves = zf.Invariance(engine, ["coffee", "kitten"], [
    Transform("vertical", (-40, -20, 0, 20)), Transform("rotation", range(0, 360, 45))])
moves"""


def test_photos_lines_and_slider_are_the_records(lab) -> None:
    notebook = lab.show([SETUP, SHOW])
    root = notebook.page.locator(".zf-invariance")
    expect(root).to_contain_text("done: 2 transforms of 2 photos")
    wall = root.locator(".zf-wall")

    def shows(transform: str, number: int) -> None:
        """The photos are those of a value, with what the network says of them."""
        value = notebook.value(f"float(moves.result['{transform}'].values[{number}])")
        said = f"{value:g}".replace("-", "−")
        expect(wall).to_contain_text(f"{transform} {said} ")
        for photo in (0, 1):  # the words come with the pictures; the line above them, before
            probability = notebook.value(
                f"float(moves.result['{transform}'].probability[{photo}, {number}])"
            )
            expect(wall.locator(".zf-wall-cell").nth(photo)).to_contain_text(f"{probability:.2f}, ")
        expect(wall).to_have_attribute("data-zf-settled", "true")
        for photo in (0, 1):
            wanted = notebook.kernel_pixels(
                f"moves.result['{transform}'].pictures[{photo}][{number}]"
            )
            shown = notebook.canvas_pixels(wall.locator("canvas").nth(photo))
            np.testing.assert_array_equal(shown, wanted)

    shows("vertical", 3)  # moved, though the value nearest to a third of the way is none
    expect(root).to_contain_text("coffee: espresso (predicted untransformed)")
    charts = root.locator(".zf-chart")
    expect(charts).to_have_count(4)  # three layers and the class
    for number in range(4):
        expect(charts.nth(number).locator(".zf-chart-dot")).to_have_count(
            8
        )  # a point a photo and value

    # the points are as high as the record says
    wanted = np.array(notebook.value("moves.result['vertical'].relative[:, 2].ravel().tolist()"))

    def points_are_as_high() -> None:
        heights = (
            charts.nth(2)
            .locator(".zf-chart-dot")
            .evaluate_all("dots => dots.map((dot) => Number(dot.getAttribute('cy')))")
        )
        slope = np.polyfit(wanted, heights, 1)
        assert slope[0] < 0  # up on the page
        np.testing.assert_allclose(np.polyval(slope, wanted), heights, atol=0.5)

    eventually(points_are_as_high)

    # slider and points lead to the same place
    handle = root.locator(".noUi-handle")
    handle.focus()
    handle.press("ArrowLeft")
    shows("vertical", 2)
    charts.nth(0).locator(".zf-chart-dot").first.click()
    shows("vertical", 0)

    root.get_by_role("combobox").first.select_option("rotation")
    shows("rotation", 2)
    expect(root).to_contain_text("Rotation symmetry")
    share = notebook.value("float(moves.result['rotation'].symmetry(4)[1, 0])")
    row = root.locator(".zf-table tr").nth(2)
    expect(row).to_contain_text("kitten")
    expect(row.locator("td").nth(2)).to_have_text(f"{share:.2f}")

    if folder := os.environ.get("ZFWIDGETS_SHOTS"):
        for theme in ("Light", "Dark"):
            notebook.set_theme(f"JupyterLab {theme}")
            wall.scroll_into_view_if_needed()
            notebook.page.screenshot(path=Path(folder) / f"invariance-{theme}.png")
            row.scroll_into_view_if_needed()
            notebook.page.screenshot(path=Path(folder) / f"invariance-{theme}-charts.png")
    assert lab.problems == []
