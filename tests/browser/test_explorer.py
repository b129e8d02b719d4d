"""The Explorer in a real JupyterLab, over the real network: what is shown is the engine's."""

from __future__ import annotations

import json
import re

import numpy as np
from playwright.sync_api import expect

from tests.browser import as_shown


def test_another_unit_shows_its_own_patches_and_projections(lab, notebook) -> None:
    page = notebook.page
    before = notebook.canvas_pixels(page.locator(".zf-cell canvas").first)
    notebook.choose("features.4", 3)
    notebook.expect_value("explorer.selection.unit", ["features.4", 3])
    notebook.execute(as_shown.SOURCE)
    notebook.execute(
        "top = engine.top('features.4', 3); shown = engine.project_all(top.activations)\n"
        "places = [window(a, side_of(shown), (224, 224)) for a in top]"
    )
    cells = page.locator(".zf-cell")
    expect(cells).to_have_count(9)
    for rank in range(9):
        patch, projection = cells.nth(rank).locator("canvas").all()
        np.testing.assert_array_equal(
            notebook.canvas_pixels(patch),
            notebook.kernel_pixels(f"engine.photo(top[{rank}].image)[places[{rank}]]"),
        )
        ours = f"picture(shown[{rank}], shown)[places[{rank}]]"
        differs = notebook.canvas_pixels(projection).astype(int) - notebook.kernel_pixels(ours)
        # Of 127 levels of colour on the common scale, each weighted and rounded.
        assert np.abs(differs).max() <= 3
    after = notebook.canvas_pixels(page.locator(".zf-cell canvas").first)
    assert before.shape != after.shape or (before != after).any()
    assert lab.problems == []


def test_a_channels_range_leads_to_its_photos(lab, notebook) -> None:
    page = notebook.page
    notebook.choose("features.4", 3)
    page.locator(".zf-fold-range summary").click()
    notebook.execute("rows = engine.quantiles('features.4', 3)")
    shown = notebook.value("[[a.image for a in row.activations] for row in rows]")
    parts = page.locator(".zf-range-part")
    expect(parts).to_have_count(len(shown))
    for at in (0, len(shown) - 1):
        tiles = parts.nth(at).locator(".zf-range-tile")
        expect(tiles).to_have_count(len(shown[at]))
        images = [tile.get_attribute("data-image") for tile in tiles.all()]
        assert images == [str(image) for image in shown[at]]
    parts.last.locator(".zf-range-tile").last.click()
    notebook.expect_value("explorer.selection.photo", shown[-1][-1])
    assert lab.problems == []


def test_what_the_nine_share_is_said_under_them_with_channels_like_it(lab, notebook) -> None:
    page = notebook.page
    notebook.choose("features.4", 17)
    fold = page.locator('.zf-fold-about[data-channel="17"]')
    expect(fold.locator(".zf-shared strong").first).to_have_text("8 of 9: red")
    notebook.execute(
        "import numpy as np\n"
        "maxima = np.stack([engine.sample('features.4', c).values for c in range(128)])\n"
        "alike = np.corrcoef(maxima)[17]; alike[17] = -1"
    )
    best = notebook.value("np.argsort(-np.nan_to_num(alike, nan=-1), kind='stable')[:6].tolist()")
    buttons = fold.locator(".zf-alike button")
    assert [int(b.get_attribute("data-channel")) for b in buttons.all()] == best
    buttons.nth(1).click()
    notebook.expect_value("explorer.selection.unit", ["features.4", best[1]])
    expect(page.locator(f'.zf-fold-about[data-channel="{best[1]}"]')).to_be_visible()
    assert lab.problems == []


def test_projections_follow_the_rule_the_values_and_the_scale(lab, notebook) -> None:
    page = notebook.page
    projection = page.locator(".zf-cell").nth(1).locator("canvas").nth(1)
    legend = page.locator(".zf-patches .zf-note")

    def shown() -> np.ndarray:
        notebook.expect_settled()
        return notebook.canvas_pixels(projection).astype(int)

    def differs(from_kernel: str) -> int:
        return int(np.abs(shown() - notebook.kernel_pixels(from_kernel).astype(int)).max())

    notebook.execute(as_shown.SOURCE)
    notebook.execute("top = engine.top('features.7', 42)")
    page.get_by_label("Rule of the projections").select_option("guided")
    notebook.expect_value("explorer.selection.rule", "guided")
    notebook.execute(
        "found = engine.project_all(top.activations, 'guided')\n"
        "place = window(top[1], side_of(found), (224, 224))"
    )
    assert differs("picture(found[1], found)[place]") <= 3
    page.get_by_role("button", name="How these pictures were made").click()
    expect(page.get_by_role("dialog")).to_contain_text("only where they were active")
    page.keyboard.press("Escape")

    page.get_by_label("Values of the projections").select_option("colour")
    notebook.expect_value("explorer.values", "colour")
    expect(legend).to_contain_text("each on its own scale")
    assert differs("picture(found[1], found, 'colour')[place]") <= 1
    page.get_by_label("Scale of the projections").select_option("one")
    expect(legend).to_contain_text("all on one scale")
    assert differs("picture(found[1], found, 'colour', 'one')[place]") <= 1

    page.get_by_label("Scale of the projections").select_option("own")
    page.get_by_label("Values of the projections").select_option("positive")
    expect(legend).to_contain_text("what is above zero")
    notebook.execute("above = (found[1].pixels / scale_of(found[1].pixels)).clip(0, 1) * 255")
    assert differs("above.round().astype('uint8')[place]") <= 3  # 127 levels above zero, of 255
    page.get_by_label("Values of the projections").select_option("magnitude")
    expect(legend).to_contain_text("how strongly")

    # The whole field, and chosen in Python: shown in the page.
    page.locator(".zf-patch[tabindex='0']").focus()
    page.keyboard.press("w")
    notebook.expect_value("explorer.whole", True)
    notebook.execute("explorer.values = 'colour'; explorer.rule = 'deconvnet'")
    expect(page.get_by_label("Rule of the projections")).to_have_value("deconvnet")
    notebook.execute("found = engine.project_all(top.activations)")
    assert differs("picture(found[1], found, 'colour')[window(top[1], None, (224, 224))]") <= 1
    assert lab.problems == []


def test_projections_are_smooth_until_their_pixels_are_asked_for(lab, notebook) -> None:
    projection = notebook.page.locator(".zf-cell canvas").nth(1)
    smooth = projection.evaluate("canvas => getComputedStyle(canvas).imageRendering")
    notebook.page.get_by_role("button", name="Pixels", exact=True).click()
    notebook.expect_value("explorer.pixels", True)
    sharp = projection.evaluate("canvas => getComputedStyle(canvas).imageRendering")
    assert (smooth, sharp) == ("auto", "pixelated")
    assert lab.problems == []


def test_a_card_says_how_the_projections_were_computed(lab, notebook) -> None:
    page = notebook.page
    # As all of these are exact, no cell has a mark of its own.
    expect(page.locator(".zf-cell .zf-status:visible")).to_have_count(0)
    mark = page.get_by_role("button", name="How these pictures were made")
    mark.press("Enter")
    card = page.get_by_role("dialog")
    expect(card).to_contain_text("exactly 47×47 pixels")
    operations = notebook.value(
        "[[o.name, o.status, o.count] for o in"
        " engine.project_all(engine.top('features.7', 42).activations[:1])[0].operations]"
    )
    assert len(operations) >= 3
    for name, status, count in operations:
        row = card.get_by_role("row").filter(has_text=name).first
        expect(row).to_contain_text(f"× {count}")
        expect(row).to_contain_text(status)
    page.keyboard.press("Escape")
    expect(card).to_have_count(0)
    expect(mark).to_be_focused()
    assert lab.problems == []


BROKEN = """import torch
import zfwidgets as zf
torch.manual_seed(0)
class Logarithm(torch.nn.Module):
    def forward(self, x):
        return torch.where(torch.arange(6)[:, None, None] == 2, (-1 - x.abs()).log(), x)
net = torch.nn.Sequential(
    torch.nn.Conv2d(3, 4, 3), torch.nn.ReLU(), torch.nn.MaxPool2d(2), torch.nn.Conv2d(4, 6, 3),
    Logarithm(), torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), torch.nn.Linear(6, 5))
from torchvision.transforms import v2
seen = v2.Compose(
    [v2.ToImage(), v2.Resize((40, 56)), v2.ToDtype(torch.float32, scale=True)])
engine = zf.Engine(net, zf.samples.photos(), transform=seen, cache=False)
explorer = zf.Explorer(engine, layer="4", channel=1, auto=False)"""


def test_what_cannot_be_computed_is_said_in_its_place(lab) -> None:
    notebook = lab.show([BROKEN, "explorer"])
    notebook.expect_settled()
    page = notebook.page
    for panel in ("patches", "channels"):
        error = page.locator(f".zf-{panel} .zf-error")
        expect(error).to_contain_text("nan in channel 2")
        expect(error).to_contain_text("Check the weights")
    # What doesn't need the index works: the photo is there, and the layers can be walked.
    expect(page.locator(".zf-stage")).to_have_attribute("data-photo", "0")
    page.locator('[data-layer="0"]').first.click()
    notebook.expect_value("explorer.selection.unit", ["0", 0])
    notebook.expect_settled()
    expect(page.locator(".zf-loading")).to_have_count(0)
    assert lab.problems == []


def test_a_dragged_occluder_moves_our_bars_and_bqplots(lab, notebook) -> None:
    page = notebook.page
    ours = page.locator(".zf-class")
    texts = ours.all_text_contents()
    figure = page.locator(".bqplot").first
    expect(figure.locator(".bar rect, rect.bar").first).to_be_visible()
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
    whole = {**covered, "baseline": "grey", "mask": None, "extra_boxes": []}
    notebook.expect_value("explorer.state['occluder']", whole)
    code = f"""o = {covered!r}
from zfwidgets.records import Box, Occluder
p = engine.predict(explorer.selection.photo, Occluder(Box(**o), "grey")).probabilities
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
    page.get_by_role("button", name="Compute map").first.click()
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


def test_a_block_of_layers_opens_and_what_reads_what_is_the_models(lab, notebook) -> None:
    page = notebook.page
    layers = page.locator(".zf-layers .zf-layer")
    expect(layers.first).to_be_visible()
    before = layers.count()
    page.get_by_title("Open features.4", exact=True).click()
    inside = page.locator('[data-layer^="features.4."]')
    expect(inside).to_have_count(6)
    page.locator('[data-layer="features.4.squeeze"]').click()
    notebook.expect_value("explorer.selection.unit", ["features.4.squeeze", 0])
    # One line comes from the layer before, two go to the expanding layers.
    expect(page.locator(".zf-layers .zf-line.zf-on")).to_have_count(3)
    page.keyboard.press("Enter")
    expect(layers).to_have_count(before)
    notebook.expect_settled()
    assert lab.problems == []
