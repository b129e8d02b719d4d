"""Lesions in a real JupyterLab: maps are clicked off, accuracy and photo follow."""

from __future__ import annotations

import os
import re
from pathlib import Path

import numpy as np
from playwright.sync_api import expect

SETUP = """import torch
import zfwidgets as zf
torch.manual_seed(1)
size = 48, 64
data = zf.samples.textures(40, size)
model = zf.models.zfnet_small(size=size)
torch.nn.init.normal_(model.fc8.weight, std=.5)
engine = zf.Engine(model, data, zf.models.transform(size), labels=data.classes, cache=False)"""
SHOW = "ablation = zf.Lesion(engine, layer='norm1')\nablation"


def test_a_click_switches_a_channel_and_everything_follows(lab) -> None:
    notebook = lab.show([SETUP, SHOW])
    root = notebook.page.locator(".zf-ablation")
    expect(root).to_contain_text("done: 40 images")
    maps = root.locator(".zf-wall").filter(has_text="Feature maps")
    expect(maps).to_have_attribute("data-zf-settled", "true")
    cells = maps.locator(".zf-wall-cell")
    expect(cells).to_have_count(32)
    before = notebook.canvas_pixels(maps.locator("canvas").nth(5))
    assert (before[..., 0] == before[..., 1]).all()

    cells.nth(5).click()
    expect(cells.nth(5)).to_contain_text("5 off")
    notebook.expect_value("ablation.result.off", {"norm1": [5]})
    cells.nth(7).click()
    expect(cells.nth(7)).to_contain_text("7 off")
    expect(root).to_contain_text("norm1: 2 channels 5, 7 off")
    notebook.expect_value("ablation.result.complete and ablation.result.off", {"norm1": [5, 7]})
    accuracy = notebook.value("100 * ablation.result.accuracy")
    expect(root).to_contain_text(f"{accuracy:.1f} % now")
    expect(maps).to_have_attribute("data-zf-settled", "true")
    shown = notebook.canvas_pixels(maps.locator("canvas").nth(7))
    np.testing.assert_array_equal(shown, notebook.kernel_pixels("ablation._maps.shown.pictures[7]"))
    assert (shown[1, 10] == [150, 0, 0]).all()
    cells.nth(7).click()  # on again
    expect(cells.nth(7)).not_to_contain_text("off")

    # the whole layer, the next layer, another photo
    root.get_by_role("button", name="Layer off").click()
    expect(root).to_contain_text("norm1 off")
    root.get_by_role("combobox").select_option(label="conv3")
    expect(cells).to_have_count(96)
    root.get_by_role("button", name="Skip layer").click()
    expect(root).to_contain_text("'conv3' can't be skipped")
    handle = root.locator(".noUi-handle")
    handle.focus()
    handle.press("ArrowRight")
    photo = root.locator(".zf-wall").last
    expect(root).to_contain_text(re.compile(r"image 1, .* with all parts, (still|now)"))
    expect(photo).to_have_attribute("data-zf-settled", "true")
    shown = notebook.canvas_pixels(photo.locator("canvas"))
    np.testing.assert_array_equal(shown, notebook.kernel_pixels("engine.photo(1)"))
    expect(root.locator(".zf-table tbody tr").first).to_contain_text("norm1 off")

    if folder := os.environ.get("ZFWIDGETS_SHOTS"):
        root.get_by_role("button", name="All on").click()
        root.get_by_role("combobox").select_option(label="norm1")  # no longer "norm1, off"
        cells.nth(3).click()
        expect(cells.nth(3)).to_contain_text("3 off")
        notebook.expect_value("ablation.result.complete and ablation.result.off", {"norm1": [3]})
        for theme in ("Light", "Dark"):
            notebook.set_theme(f"JupyterLab {theme}")
            root.scroll_into_view_if_needed()
            notebook.page.screenshot(path=Path(folder) / f"ablation-{theme}.png")
    assert lab.problems == []
