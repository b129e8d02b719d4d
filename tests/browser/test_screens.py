"""The Explorer on a projector, and a channel that responds to colour, in a real JupyterLab."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from playwright.sync_api import Page, expect

from tests.browser import as_shown
from tests.browser.axe import faults


def shot(page: Page, name: str) -> None:
    if folder := os.environ.get("ZFWIDGETS_SHOTS"):
        page.screenshot(path=Path(folder) / f"{name}.png")


def test_on_a_projector_all_that_matters_is_on_one_screen_and_large(lab, notebook) -> None:
    page = notebook.page
    root = page.locator(".zf-root.zf-explorer").first
    small = page.locator(".zf-caption").first.evaluate("e => e.getBoundingClientRect().height")
    page.set_viewport_size({"width": 1920, "height": 1080})
    page.get_by_role("button", name="Full screen").click()
    expect(page.locator(".zf-root.zf-whole-screen")).to_be_visible()
    notebook.expect_settled()
    caption = page.locator(".zf-caption").first.evaluate("e => e.getBoundingClientRect().height")
    assert caption == 1.5 * small
    for theme in ("Light", "Dark"):
        notebook.set_theme(f"JupyterLab {theme}")
        notebook.expect_settled()
        assert root.evaluate("root => root.scrollTop") == 0
        for what in (
            ".zf-cell[data-rank='9'] .zf-caption",
            ".zf-layers .zf-list",
            ".zf-tile[aria-selected='true']",
            ".zf-thumbs",
            ".zf-stage",
            ".zf-class-list",
        ):
            box = page.locator(what).first.bounding_box()
            assert box is not None, what
            assert box["y"] + box["height"] <= 1080, what
            assert box["x"] + box["width"] <= 1920, what
        assert faults(page) == []
        shot(page, f"projector-{theme.lower()}")
    page.get_by_role("button", name="Full screen").click()
    expect(page.locator(".zf-root.zf-whole-screen")).to_have_count(0)
    assert lab.problems == []


def test_a_channel_for_colour_is_shown_in_colour_until_another_choice(lab, notebook) -> None:
    page = notebook.page
    values = page.get_by_label("Values of the projections")
    legend = page.locator(".zf-patches .zf-note").first
    projection = page.locator(".zf-cell").nth(2).locator("canvas").nth(1)
    notebook.execute(as_shown.SOURCE)

    def look(channel: int) -> np.ndarray:
        notebook.execute(f"explorer.selection.unit = ('features.3', {channel})")
        expect(page.locator(".zf-patches .zf-about").first).to_have_text(f"features.3 : {channel}")
        notebook.expect_settled()
        notebook.execute(
            f"top = engine.top('features.3', {channel}); found = engine.project_all(top)\n"
            "place = window(top[2], side_of(found), (224, 224))"
        )
        return notebook.canvas_pixels(projection).astype(int)

    def differs(shown: np.ndarray, values: str) -> int:
        ours = notebook.kernel_pixels(f"picture(found[2], found, {values!r})[place]")
        return int(np.abs(shown - ours.astype(int)).max())

    shown = look(37)
    assert notebook.value("colour_share(found)") > 0.5
    assert differs(shown, "colour") <= 1
    assert (shown != shown[..., :1]).any()
    expect(legend).to_contain_text("Shown in colour: ")
    shot(page, "colour-channel")
    shown = look(13)
    assert notebook.value("colour_share(found)") < 0.5
    assert differs(shown, "brightness") <= 3
    expect(legend).not_to_contain_text("in colour")

    values.select_option("brightness")
    notebook.expect_value("explorer.values", "brightness")
    shown = look(37)
    assert differs(shown, "brightness") <= 3
    expect(legend).to_contain_text("of the signal is one colour and its opposite: choose")
    values.select_option("auto")
    notebook.expect_value("explorer.values", "auto")
    assert differs(notebook.canvas_pixels(projection).astype(int), "colour") <= 1
    assert faults(page) == []
    assert lab.problems == []
