"""A comparison in a report, opened from disk: both sides alive, without a kernel."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser, expect

import zfwidgets as zf
from tests.browser import as_shown
from tests.browser.axe import faults
from tests.widgets import numpy_engine

LAYER, CHANNELS = "conv2", (3, 1)
SETTLED = '.zf-compare[data-zf-settled="true"]'


@pytest.fixture(scope="module")
def engine() -> Any:
    return numpy_engine.NumpyEngine().built()


@pytest.fixture(scope="module")
def saved(engine: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("compare") / "report.html"
    compare = zf.Compare(engine, engine, layer=LAYER, channel=CHANNELS, names=("three", "one"))
    zf.save_report(compare, path, layers=[LAYER], images=[2], progress=False)
    return path


@pytest.mark.parametrize("looks", ["wide", "narrow", "dark", "high contrast"])
def test_both_sides_show_their_channels_and_one_photo(
    browser: Browser, saved: Path, engine: Any, looks: str
) -> None:
    context = browser.new_context(
        viewport={"width": 380 if looks == "narrow" else 1500, "height": 1200},
        color_scheme="dark" if looks == "dark" else "light",
        forced_colors="active" if looks == "high contrast" else "none",
        offline=True,
    )
    page = context.new_page()
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.goto(saved.as_uri())
    page.wait_for_selector(SETTLED)
    for side, (name, channel) in enumerate(zip(("three", "one"), CHANNELS, strict=True)):
        part = page.locator(f".zf-compare-cell[data-zf-side='{side}']")
        expect(part.first).to_contain_text(name)
        top = engine.top(LAYER, channel)
        found = engine.project_all(top)
        shown = part.locator(".zf-cell[data-rank='2'] canvas").first
        rows, columns, data = shown.evaluate(
            "c => [c.height, c.width, [...c.getContext('2d')"
            ".getImageData(0, 0, c.width, c.height).data]]"
        )
        pixels = np.array(data, np.uint8).reshape(rows, columns, 4)[..., :3]
        photo = engine.photo(top[1].image)
        place = as_shown.window(top[1], as_shown.side_of(found), photo.shape)
        assert pixels.shape == photo[place].shape
        assert np.abs(pixels.astype(int) - photo[place]).mean() < 12  # as a photo is encoded
    # A photo of one side is looked at on both, by the keyboard.
    stages = page.locator(".zf-stage")
    cells = page.locator(".zf-compare-cell[data-zf-side='1'] .zf-patch")
    cells.nth(3).focus()
    page.keyboard.press("Enter")
    image = str(engine.top(LAYER, CHANNELS[1])[3].image)
    for side in range(2):
        expect(stages.nth(side)).to_have_attribute("data-photo", image)
    page.wait_for_selector(SETTLED)
    # Equal numbers, where that is wanted.
    page.get_by_label("Same layer and channel number on both sides").check()
    expect(page.locator(".zf-patches .zf-about").nth(1)).to_have_text(f"{LAYER} : {CHANNELS[0]}")
    page.wait_for_selector(SETTLED)
    width = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert width[0] <= width[1]
    if folder := os.environ.get("ZFWIDGETS_SHOTS"):
        page.screenshot(path=Path(folder) / f"compare-report-{looks}.png", full_page=True)
    assert faults(page) == []
    assert problems == []
    context.close()
