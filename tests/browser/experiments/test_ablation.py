"""An ablation study in a real JupyterLab: it grows, stops, goes on; clicks point variants out."""

from __future__ import annotations

import os
import re
from pathlib import Path

import numpy as np
from playwright.sync_api import expect

from tests.waiting import eventually

SETUP = """import zfwidgets as zf
from zfwidgets.experiments.ablation import Architecture
size = 48, 64
transform = zf.models.transform(size)
data, others = zf.samples.textures(60, size), zf.samples.textures(40, size, seed=1)
base = Architecture.of(zf.models.zfnet_small(size=size), (3, *size))
bad = base.build(1)
bad.conv1.bias.data[2] = float("nan")
variants = {"as it is": base, "without conv3, conv4": base.without("conv3", "conv4"),
            "broken": lambda: bad, "without fc6, fc7": base.without("fc6", "fc7")}"""
SHOW = """study = zf.Ablation(variants, data, validation=others, transform=transform,
                         epochs=4, batch=10, rate=0.02, start=False)
study"""


def test_it_grows_stops_and_goes_on_and_a_click_points_a_variant_out(lab) -> None:
    notebook = lab.show([SETUP, SHOW])
    root = notebook.page.locator(".zf-ablation-study")
    rows = root.locator(".zf-table tbody tr")
    expect(rows).to_have_count(4)
    expect(rows.nth(3)).to_contain_text("not begun")
    root.get_by_role("button", name="Start").click()
    expect(rows.nth(0)).to_contain_text(re.compile("[1-4] of 4"))
    root.get_by_role("button", name="Stop").click()
    expect(root.get_by_role("button", name="Go on")).to_be_visible()
    expect(root).to_contain_text("what is done is kept")
    assert not notebook.value("study.running")
    root.get_by_role("button", name="Go on").click()
    expect(root).to_contain_text("done: 3 of 4 variants")

    # the table and the bars are the record's
    for number in (0, 1, 3):
        error, low, high = notebook.value(
            f"[100 * float(v) for r in [study.result.rows[{number}]] "
            "for v in (r.validation_error, *r.validation_interval)]"
        )
        expect(rows.nth(number)).to_contain_text(f"{error:.1f} [{low:.1f}, {high:.1f}]")
        expect(rows.nth(number)).to_contain_text("4 of 4")
    expect(rows.nth(2)).to_contain_text("loss of step 1")
    bars, curves = root.locator(".zf-chart").nth(0), root.locator(".zf-chart").nth(1)
    wanted = notebook.value(
        "[float(getattr(r, n)) for n in ('train_error', 'validation_error')"
        " for r in study.result.rows if r.train_error == r.train_error]"
    )
    assert len(wanted) == 6, "the broken one has no bars"
    expect(bars.locator(".zf-chart-spot")).to_have_count(6)

    def bars_are_as_long() -> None:
        drawn = bars.locator(".zf-chart-spot .zf-chart-bar")
        widths = drawn.evaluate_all("all => all.map((bar) => Number(bar.getAttribute('width')))")
        np.testing.assert_allclose(
            np.array(widths) / max(widths), np.array(wanted) / max(wanted), atol=0.01
        )

    eventually(bars_are_as_long)

    static = notebook.page.locator(".jp-OutputArea-child .jp-RenderedImage")
    expect(static).to_have_count(1)
    expect(static).not_to_be_visible()

    # a click on a bar, then on a curve, then by keyboard
    bars.get_by_role("button", name="without conv3, conv4, validation error").click()
    expect(rows.nth(1)).to_contain_text("▸ without conv3, conv4")
    choice = root.get_by_role("combobox", name="variant")
    expect(choice).to_have_value("without conv3, conv4")
    expect(root).to_contain_text("points from 'as it is'")
    curves.locator(".zf-chart-line").last.locator(".zf-chart-spot").first.click()
    expect(rows.nth(3)).to_contain_text("▸ without fc6, fc7")
    choice.select_option("as it is")
    expect(rows.nth(0)).to_contain_text("▸ as it is")

    if folder := os.environ.get("ZFWIDGETS_SHOTS"):
        choice.select_option("without fc6, fc7")
        for theme in ("Light", "Dark"):
            notebook.set_theme(f"JupyterLab {theme}")
            expect(notebook.page.locator("#jupyterlab-splash")).to_have_count(0)
            root.scroll_into_view_if_needed()
            notebook.page.screenshot(path=Path(folder) / f"study-{theme}.png")
        notebook.command("application:toggle-left-area")
        notebook.page.set_viewport_size({"width": 620, "height": 1300})
        expect(root.locator(".zf-chart").first).to_be_visible()
        root.scroll_into_view_if_needed()
        notebook.page.screenshot(path=Path(folder) / "study-narrow.png")
        notebook.value("study.snapshot().save(r'%s')" % (Path(folder) / "study-static.png"))
    assert lab.problems == []
