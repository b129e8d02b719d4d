"""The Explorer in a real JupyterLab, over the real network: what is shown is the engine's."""

from __future__ import annotations

import json
import re

import numpy as np
from playwright.sync_api import expect


def test_another_unit_shows_its_own_patches_and_projections(lab, notebook) -> None:
    page = notebook.page
    before = notebook.canvas_pixels(page.locator(".zf-cell canvas").first)
    notebook.choose("features.4", 3)
    notebook.expect_value("explorer.selection.unit", ["features.4", 3])
    notebook.execute(
        "top = engine.top('features.4', 3); shown = engine.project_all(top.activations)\n"
        "scale = zf.records.display_scale(shown)"
    )
    cells = page.locator(".zf-cell")
    expect(cells).to_have_count(9)
    for rank in range(9):
        patch, projection = cells.nth(rank).locator("canvas").all()
        np.testing.assert_array_equal(
            notebook.canvas_pixels(patch), notebook.kernel_pixels(f"engine.patch(top[{rank}])")
        )
        ours = notebook.kernel_pixels(f"shown[{rank}].to_pil(scale=scale)").astype(int)
        assert np.abs(notebook.canvas_pixels(projection).astype(int) - ours).max() <= 1
    after = notebook.canvas_pixels(page.locator(".zf-cell canvas").first)
    assert before.shape != after.shape or (before != after).any()
    assert lab.problems == []


def test_a_dragged_occluder_moves_our_bars_and_bqplots(lab, notebook) -> None:
    page = notebook.page
    ours = page.locator(".zf-class")
    texts = ours.all_text_contents()
    figure = page.locator(".bqplot").first
    expect(figure.locator(".bar rect, rect.bar").first).to_be_visible(timeout=30_000)
    reading = """() => JSON.stringify([...document.querySelectorAll('.bqplot .bargroup rect')]
        .map(r => [r.getAttribute('width'), r.getAttribute('height')]))"""
    heights = page.evaluate(reading)
    occluder = page.locator(".zf-occluder").first
    occluder.scroll_into_view_if_needed()
    box = occluder.bounding_box()
    centre = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(*centre)
    page.mouse.down()
    for step in range(1, 9):
        page.mouse.move(centre[0] - 9 * step, centre[1] - 7 * step)
    page.mouse.up()
    page.wait_for_function(
        "before => JSON.stringify([...document.querySelectorAll('.zf-class')]"
        ".map(c => c.textContent)) !== JSON.stringify(before)",
        arg=texts,
    )
    page.wait_for_function(
        "before => JSON.stringify([...document.querySelectorAll('.bqplot .bargroup rect')]"
        ".map(r => [r.getAttribute('width'), r.getAttribute('height')])) !== before",
        arg=heights,
    )
    notebook.expect_settled()
    place = re.findall(r"\d+", occluder.get_attribute("aria-label"))
    covered = dict(zip(("height", "width", "top", "left"), map(int, place), strict=True))
    covered["fill"] = "grey"
    notebook.expect_value("explorer.state['occluder']", covered)
    code = f"""o = {covered!r}
from zfwidgets.records import Box, Occluder
fill = o.pop("fill")
p = engine.predict(explorer.selection.photo, Occluder(Box(**o), fill)).probabilities
print(json.dumps(p.tolist()))"""
    probabilities = json.loads(notebook.execute(code))
    for bar in ours.all():
        number = int(bar.get_attribute("data-class"))
        shown = bar.text_content().split("→")[-1]
        percent = float(shown.replace("%", "").replace("<", "").strip())
        assert abs(percent - 100 * probabilities[number]) <= 0.51
    assert lab.problems == []


def test_the_map_fills_in_and_stays_when_the_overlay_changes(lab, notebook) -> None:
    page = notebook.page
    page.get_by_role("button", name="Slide").first.click()
    notebook.expect_settled()
    heat = page.locator("canvas.zf-heat").first
    expect(heat).to_be_visible()
    assert len(np.unique(notebook.canvas_pixels(heat).reshape(-1, 3), axis=0)) > 10
    assert lab.problems == []


def test_keyboard_alone_chooses_a_unit_and_a_photo(lab, notebook) -> None:
    page = notebook.page
    page.locator('[data-layer="features.7"]').first.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.locator('[data-layer="features.8"]').first).to_have_attribute(
        "aria-selected", "true"
    )
    notebook.expect_settled()
    page.locator(".zf-patch").nth(0).focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    expect(page.locator(".zf-patch").nth(1)).to_have_attribute("aria-pressed", "true")
    image = page.locator(".zf-cell").nth(1).get_attribute("data-image")
    notebook.expect_value("explorer.selection.photo", int(image))
    assert lab.problems == []
