"""Filters and diagnosis of two networks in a real JupyterLab."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from playwright.sync_api import expect

from tests.waiting import eventually

SETUP = """import torch
import zfwidgets as zf
torch.manual_seed(1)
size = 48, 64
data = zf.samples.textures(12, size)
engines = []
for make in (zf.models.alexnet_small, zf.models.zfnet_small):
    model = make(size=size)
    with torch.no_grad():
        model.conv1.weight[3] *= 5
    engines.append(zf.Engine(model, data, zf.models.transform(size), labels=data.classes,
                             cache=False))"""
SHOW = "diagnosis = zf.Diagnosis(*engines, images=4, projections=6)\ndiagnosis"


def test_filters_projections_findings_and_bars_are_the_records(lab) -> None:
    notebook = lab.show([SETUP, SHOW])
    root = notebook.page.locator(".zf-diagnosis")
    expect(root).to_contain_text("done:")
    walls = root.locator(".zf-wall")
    expect(walls).to_have_count(4)  # filters and projections of each
    for number in range(4):
        expect(walls.nth(number)).to_have_attribute("data-zf-settled", "true")

    for network in (0, 1):
        filters = walls.nth(2 * network).locator("canvas")
        expect(filters).to_have_count(32)
        wanted = notebook.kernel_pixels(f"diagnosis.result[{network}].filter_pictures()[5]")
        shown = notebook.canvas_pixels(filters.nth(5))
        factor = shown.shape[0] // wanted.shape[0]
        np.testing.assert_array_equal(shown, wanted.repeat(factor, 0).repeat(factor, 1))
        there = notebook.value(
            f"[i for i, p in enumerate(diagnosis.result[{network}].projections) if p is not None]"
        )
        projections = walls.nth(2 * network + 1)
        expect(projections.locator("canvas")).to_have_count(len(there))
        expect(projections.locator(".zf-wall-cell")).to_have_count(6)
        wanted = notebook.kernel_pixels(
            f"diagnosis.result[{network}].projection_pictures()[{there[0]}]"
        )
        shown = notebook.canvas_pixels(projections.locator("canvas").first)
        np.testing.assert_array_equal(shown, wanted)
    expect(root).to_contain_text("1 of 32 filters dominates")
    expect(root).to_contain_text("renormalize_filters_")

    # a filter's numbers, by click and by key
    cells = walls.nth(2).locator(".zf-wall-cell")
    cells.nth(3).click()
    expect(root).to_contain_text("Filter 3: RMS")
    cells.nth(3).press("ArrowRight")
    expect(root).to_contain_text("Filter 4: RMS")

    # only conv1 of the one and conv1, conv2 of the other have a stride
    chart = root.locator(".zf-chart")
    expect(chart).to_contain_text("conv1")
    expect(chart).not_to_contain_text("conv2")  # it opens on the layer that sees the pixels
    root.get_by_role("combobox").select_option("aliasing")
    expect(chart).to_contain_text("conv2")
    expect(chart).not_to_contain_text("conv3")
    wanted = np.array(
        notebook.value(
            "[[float(layer.aliasing.mean()) if layer.strided else 0.0"
            " for layer in result.convolutions[:2]] for result in diagnosis.result]"
        )
    )
    expect(chart.locator(".zf-chart-spot .zf-chart-bar")).to_have_count(4)

    def bars_are_as_high() -> None:
        heights = chart.locator(".zf-chart-spot .zf-chart-bar").evaluate_all(
            "bars => bars.map((bar) => Number(bar.getAttribute('height')))"
        )
        heights = np.reshape(heights, wanted.shape)
        np.testing.assert_allclose(heights / heights.max(), wanted / wanted.max(), atol=0.01)

    eventually(bars_are_as_high)
    root.get_by_role("combobox").select_option("near-duplicates")
    expect(chart).to_contain_text("conv5")
    expect(root).to_contain_text("a cosine of 0.95 or more")
    root.get_by_role("combobox").select_option("dead channels")
    expect(chart).to_contain_text("relu7")

    if folder := os.environ.get("ZFWIDGETS_SHOTS"):
        root.get_by_role("combobox").select_option("aliasing")
        expect(chart).to_contain_text("conv2")
        for theme in ("Light", "Dark"):
            notebook.set_theme(f"JupyterLab {theme}")
            for part, element in (("", walls.nth(0)), ("-chart", chart)):
                element.scroll_into_view_if_needed()
                notebook.page.screenshot(path=Path(folder) / f"diagnosis-{theme}{part}.png")
    assert lab.problems == []
