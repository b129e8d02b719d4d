"""The Explorer in a real JupyterLab, over the real network: what is shown is the engine's."""

from __future__ import annotations

import base64
import io
import json
import re

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Locator, expect

SETUP = """import base64, json
import zfwidgets as zf
engine = zf.Engine(zf.samples.network(), zf.samples.photos(), cache=False)
explorer = zf.Explorer(engine, layer="features.7", channel=42, auto=False)
bars = zf.plots.class_bars(explorer)"""
SHOW = "explorer"
SHOW_BARS = "bars"
SETTLED = '.zf-explorer[data-zf-settled="true"]'


@pytest.fixture
def notebook(lab):
    opened = lab.open(lab.write_notebook([SETUP, SHOW, SHOW_BARS]))
    expect(opened.page.locator(SETTLED)).to_be_visible(timeout=60_000)
    return opened


def canvas_pixels(canvas: Locator) -> np.ndarray:
    """A canvas's own pixels, (rows, columns, 3) uint8."""
    url = canvas.evaluate("canvas => canvas.toDataURL('image/png')")
    png = base64.b64decode(url.split(",")[1])
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))


def kernel_pixels(notebook, expression: str) -> np.ndarray:
    """An array of the kernel's."""
    code = f"""a = __import__("numpy").asarray({expression})
print(json.dumps([a.shape, base64.b64encode(a.tobytes()).decode()]), end="")"""
    shape, data = json.loads(notebook.execute(code))
    return np.frombuffer(base64.b64decode(data), np.uint8).reshape(shape)


def choose(notebook, layer: str, channel: int) -> None:
    """As a person would: find the layer in the list, then go to the channel."""
    page = notebook.page
    page.locator(f'[data-layer="{layer}"]').first.click()
    expect(page.locator(f'[data-layer="{layer}"]').first).to_have_attribute("aria-selected", "true")
    tile = page.locator(f'[data-channel="{channel}"]')
    tile.click()
    expect(page.locator(SETTLED)).to_be_visible(timeout=30_000)


def test_another_unit_shows_its_own_patches_and_projections(lab, notebook) -> None:
    page = notebook.page
    before = canvas_pixels(page.locator(".zf-cell canvas").first)
    choose(notebook, "features.4", 3)
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
            canvas_pixels(patch), kernel_pixels(notebook, f"engine.patch(top[{rank}])")
        )
        ours = kernel_pixels(notebook, f"shown[{rank}].to_pil(scale=scale)").astype(int)
        assert np.abs(canvas_pixels(projection).astype(int) - ours).max() <= 1
    after = canvas_pixels(page.locator(".zf-cell canvas").first)
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
    expect(page.locator(SETTLED)).to_be_visible(timeout=30_000)
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
    expect(page.locator(SETTLED)).to_be_visible(timeout=120_000)
    heat = page.locator("canvas.zf-heat").first
    expect(heat).to_be_visible()
    assert len(np.unique(canvas_pixels(heat).reshape(-1, 3), axis=0)) > 10
    assert lab.problems == []


def test_keyboard_alone_chooses_a_unit_and_a_photo(lab, notebook) -> None:
    page = notebook.page
    page.locator('[data-layer="features.7"]').first.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.locator('[data-layer="features.8"]').first).to_have_attribute(
        "aria-selected", "true"
    )
    expect(page.locator(SETTLED)).to_be_visible(timeout=30_000)
    page.locator(".zf-patch").nth(0).focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    expect(page.locator(".zf-patch").nth(1)).to_have_attribute("aria-pressed", "true")
    image = page.locator(".zf-cell").nth(1).get_attribute("data-image")
    notebook.expect_value("explorer.selection.photo", int(image))
    assert lab.problems == []


def test_a_reopened_notebook_shows_the_picture(lab, notebook) -> None:
    page = notebook.page
    notebook.execute("explorer.snapshot()")
    picture = page.locator('img[alt^="zfwidgets"], .jp-OutputArea-output img').first
    expect(picture).to_be_attached(timeout=30_000)
    expect(picture).to_be_hidden()
    notebook.save()
    kernels = lab.server.request("GET", "api/kernels")
    for kernel in kernels:
        lab.server.request("DELETE", f"api/kernels/{kernel['id']}")
    reopened = lab.open(notebook.name, run=False)
    shown = reopened.page.locator(".jp-OutputArea-output img").first
    expect(shown).to_be_visible(timeout=30_000)
