"""Charts of experiments in a real JupyterLab: real pixels, keys, clicks, and what axe finds."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import Locator, expect

from tests.browser.axe import faults
from zfwidgets.records import SERIES

X = [0, 1, 2, 3, 4, 5, 6, 7, 8]
FIRST = [0.1, 0.9, 0.35, None, 0.5, 0.5, 0.85, 0.2, 0.6]
SECOND = [0.95, 0.55, 0.7, 0.15, 0.3, 0.75, 0.05, 0.45, 0.9]
SETUP = f"""from math import nan
from zfwidgets.experiments.shared.charts import BarChart, LineChart
chosen = []
lines = LineChart("step", "share", chosen.append, span=(0, 1), label="Two lines")
first = [nan if value is None else value for value in {FIRST}]
lines.draw({X}, {{"first": first, "second": {SECOND}}})
bars = BarChart("share", chosen.append, span=(0, 1), horizontal=True)
bars.draw(["cat", "a dog" + 20 * " with a long name" + " has room for", "owl"],
          {{"before": [0.5, 0.25, nan], "after": [1, 0, 0.75]}})"""


def centre(locator: Locator) -> tuple[float, float]:
    """Of an element, in pixels of the page."""
    box = locator.bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def inks(root: Locator) -> list[NDArray[Any]]:
    """The palette's colours as they are drawn: four parts of five, and one of the text's."""
    text = root.evaluate("e => getComputedStyle(e).color.match(/[0-9]+/g).slice(0, 3).map(Number)")
    own = [[int(colour[i : i + 2], 16) for i in (1, 3, 5)] for colour in SERIES]
    return [0.8 * np.array(one) + 0.2 * np.array(text) for one in own]


def luminance(colour: NDArray[Any]) -> float:
    """Relative luminance (WCAG 2.2)."""
    share = np.asarray(colour) / 255
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def contrast(one: NDArray[Any], other: NDArray[Any]) -> float:
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", ["Light", "Dark"])
def test_lines_run_where_the_numbers_say(lab, theme: str) -> None:
    notebook = lab.show([SETUP, "lines"])
    notebook.set_theme(f"JupyterLab {theme}")
    root = notebook.page.locator(".zf-chart")
    expect(root).to_have_attribute("data-zf-theme", theme.lower())
    drawing = root.locator("svg.zf-chart-drawing")
    labels = drawing.locator(".zf-chart-labels text")
    # Where the axes' own texts stand says where numbers belong; those at the ends may be moved in.
    (x2, _), (x6, _) = (centre(labels.get_by_text(text, exact=True)) for text in ("2", "6"))
    (_, y0), (_, y1) = (centre(labels.get_by_text(text, exact=True)) for text in ("0.0", "1.0"))
    area = drawing.bounding_box()
    pixels = np.asarray(Image.open(io.BytesIO(drawing.screenshot())).convert("RGB"), np.float64)
    paper = pixels[2, -2]
    blue, red = inks(root)[:2]

    def is_there(ink: NDArray[Any], x: float, y: float) -> bool:
        """Whether the ink is at a place, or beside it."""
        column = round(x2 + (x - 2) / 4 * (x6 - x2) - area["x"])
        row = round(y0 + y * (y1 - y0) - area["y"])
        around = pixels[max(0, row - 2) : row + 3, max(0, column - 2) : column + 3]
        return bool((np.abs(around - ink).max(-1) < 12).any())

    for ink, values in ((blue, FIRST), (red, SECOND)):
        for x, y in zip(X, values, strict=True):
            assert y is None or is_there(ink, x, y)
    for at in (0, 1, 4, 6, 7):  # the first line is solid, so all of it is there
        for part in (0.3, 0.5, 0.8):
            assert is_there(blue, at + part, FIRST[at] + part * (FIRST[at + 1] - FIRST[at]))
    for part in (0.3, 1.0, 1.7):  # and nothing in its gap
        assert not is_there(blue, 2 + part, 0.35 + part / 2 * 0.15)
    for ink in inks(root):
        assert contrast(ink, paper) >= 3, "graphics are told from their ground (WCAG 1.4.11)"
    assert lab.problems == []


def test_points_are_walked_by_keys_read_and_chosen(lab) -> None:
    notebook = lab.show([SETUP, "lines", "bars"])
    page = notebook.page
    lines, bars = page.locator(".zf-chart").all()
    stops = lines.locator("[tabindex='0']")
    expect(stops).to_have_count(1)
    stops.focus()
    tip = lines.locator(".zf-chart-tip")
    expect(tip).to_have_text("firststep 0share 0.1")
    for key in ("ArrowRight", "ArrowRight", "ArrowRight", "ArrowDown"):
        page.keyboard.press(key)
    here = lines.get_by_role("button", name="second, step 4, share 0.3")
    expect(here).to_be_focused()
    expect(stops).to_have_count(1)
    ring, point = (centre(lines.locator(".zf-chart-halo")), centre(here.locator("circle")))
    assert np.allclose(ring, point, atol=0.6), "the focus is seen"
    page.keyboard.press("Enter")
    notebook.expect_value("chosen", [4.0])

    # the mouse: near a point is enough, and the same can be chosen again
    x, y = centre(lines.get_by_role("button", name="first, step 7, share 0.2").locator("circle"))
    for number in (2, 3):
        page.mouse.click(x + 6, y - 5)
        notebook.expect_value("chosen", [4.0, 7.0, 7.0][:number])
    expect(tip).to_have_text("firststep 7share 0.2")
    notebook.execute("lines.point_out(7); bars.point_out(1)")
    mark = lines.locator(".zf-chart-mark").bounding_box()
    assert abs(mark["x"] + mark["width"] / 2 - x) < 1

    # lying bars: names are cut, and said in full
    long = bars.locator(".zf-chart-labels text").filter(has_text="a dog")
    assert long.evaluate("text => text.lastChild.textContent").endswith("…")
    assert long.locator("title").text_content().endswith("has room for")
    bars.get_by_role("button", name=re.compile("a dog.*after, share 0$")).click()
    notebook.expect_value("chosen", [4.0, 7.0, 7.0, 1])  # though its bar has no length
    widths = bars.locator(".zf-chart-spot .zf-chart-bar").evaluate_all(
        "all => all.map((bar) => Number(bar.getAttribute('width')))"
    )
    np.testing.assert_allclose(np.array(widths) / max(widths), [0.5, 0.25, 1, 0, 0.75], atol=1e-3)
    expect(bars.locator("table tr").nth(3)).to_have_text("owl–0.75")
    for theme in ("Light", "Dark"):
        notebook.set_theme(f"JupyterLab {theme}")
        assert faults(page, ".zf-chart") == []
    assert lab.problems == []


RECORDED = ("ablation", "correspondence", "diagnosis", "evolution", "invariance", "transfer")


def unreadable(chart: Locator) -> Iterator[str]:
    """Texts of a drawing that are cut, or lie over one another."""
    boxes = chart.locator("svg.zf-chart-drawing").evaluate(
        """svg => {
          const area = svg.getBoundingClientRect();
          return [...svg.querySelectorAll('.zf-chart-labels text')].map((text) => {
            const box = text.getBoundingClientRect();
            return [text.lastChild.textContent,
                    box.left - area.left, box.top - area.top,
                    area.right - box.right, area.bottom - box.bottom,
                    box.width, box.height, text.hasAttribute('transform')];
          });
        }"""
    )
    for text, *edges, _width, _height, _slanted in boxes:
        if min(edges) < -2:
            yield f"{text} is cut: {edges}"
    level = [box for box in boxes if not box[-1]]
    for number, (text, left, top, _, _, width, height, _) in enumerate(level):
        for other, there, high, _, _, wide, tall, _ in level[number + 1 :]:
            across = min(left + width, there + wide) - max(left, there)
            # A line's box is higher than its letters.
            if across > 0.5 and min(top + height, high + tall) - max(top, high) > 4:
                yield f"{text} lies over {other}"


@pytest.mark.parametrize("name", RECORDED)
def test_every_experiments_charts_can_be_read_wide_and_narrow(lab, name: str) -> None:
    show = f"import zfwidgets as zf\nfound = zf.{name.title()}(zf.experiments.recorded({name!r}))"
    notebook = lab.show([show, "found"])
    page = notebook.page
    charts = page.locator(".zf-chart")
    expect(charts.first).to_be_visible()
    shots = os.environ.get("ZFWIDGETS_SHOTS")
    for width in (1500, 420):
        page.set_viewport_size({"width": width, "height": 1300})
        if width == 420:
            notebook.command("application:toggle-left-area")
        for theme in ("Light", "Dark"):
            notebook.set_theme(f"JupyterLab {theme}")
            for number, chart in enumerate(charts.all()):
                chart.scroll_into_view_if_needed()
                expect(chart).to_have_attribute("data-zf-settled", "true")
                drawing, place = (
                    chart.locator(part).bounding_box()
                    for part in ("svg.zf-chart-drawing", ".zf-chart-stage")
                )
                assert abs(drawing["width"] - place["width"]) < 1.5
                assert list(unreadable(chart)) == []
                if shots:
                    file = f"chart-{name}-{theme}-{width}-{number}.png"
                    chart.screenshot(path=Path(shots) / file)
            assert faults(page, ".zf-chart") == []
    notebook.command("application:toggle-left-area")  # the page is shared
    page.set_viewport_size({"width": 1500, "height": 1200})
    assert lab.problems == []
