"""Two channels, two rules and two networks side by side, in a real JupyterLab."""

from __future__ import annotations

import numpy as np
from playwright.sync_api import expect

from tests.browser import as_shown

NETWORKS = """import torch
import zfwidgets as zf
model = zf.samples.network()
engine = zf.Engine(model, zf.samples.photos(), cache=False)
draw = torch.Generator().manual_seed(1)
other = zf.samples.network()
for values in other.parameters():
    values.data *= 1 + 0.2 * torch.randn(values.shape, generator=draw)
folder = zf.samples.photos()
new = zf.Engine(other, folder[20:], cache=False)
compare = zf.Compare(engine, new, names=("trained", "noisy"), layer="features.4",
                     channel=(3, 5), auto=False)"""


def shown(notebook, panel, top: str, found: str) -> None:
    """The second cell of a panel is the kernel's patch and projection."""
    notebook.execute(f"place = window({top}[1], side_of({found}), (224, 224))")
    patch, projection = panel.locator(".zf-cell").nth(1).locator("canvas").all()
    np.testing.assert_array_equal(
        notebook.canvas_pixels(patch),
        notebook.kernel_pixels(f"{top}_engine.photo({top}[1].image)[place]"),
    )
    ours = notebook.kernel_pixels(f"picture({found}[1], {found})[place]").astype(int)
    assert np.abs(notebook.canvas_pixels(projection) - ours).max() <= 3


def test_a_pinned_channel_stays_beside_another_and_under_another_rule(lab, notebook) -> None:
    page = notebook.page
    page.locator(".zf-patch[tabindex='0']").focus()
    page.keyboard.press("p")
    notebook.expect_value("explorer.pinned", ["features.7", 42, "deconvnet"])
    pinned = page.locator(".zf-pinned .zf-patches")
    expect(pinned.locator("h3")).to_have_text("Pinnedfeatures.7 : 42")
    notebook.choose("features.7", 43)
    main = page.locator(".zf-layout > .zf-patches")
    left, right = main.bounding_box(), pinned.bounding_box()
    assert left["x"] + left["width"] <= right["x"] + 1
    assert abs(left["y"] - right["y"]) <= 1
    pinned.get_by_label("Rule of the projections").select_option("guided")
    notebook.expect_value("explorer.pinned", ["features.7", 42, "guided"])
    notebook.expect_settled()
    notebook.execute(as_shown.SOURCE)
    notebook.execute(
        "mine = engine.top('features.7', 43); old = engine.top('features.7', 42)\n"
        "mine_engine = old_engine = engine\n"
        "mine_found = engine.project_all(mine.activations)\n"
        "old_found = engine.project_all(old.activations, 'guided')"
    )
    shown(notebook, main, "mine", "mine_found")
    shown(notebook, pinned, "old", "old_found")
    # A patch of either leads to its photo.
    pinned.locator(".zf-patch").nth(2).click()
    notebook.expect_value("explorer.photo == old[2].image", True)
    pinned.get_by_role("button", name="Unpin").click()
    notebook.expect_value("explorer.pinned", None)
    expect(page.locator(".zf-pinned")).to_be_hidden()
    expect(page.get_by_role("button", name="Pin", exact=True)).to_be_focused()
    assert lab.problems == []


def test_two_networks_follow_each_other_on_the_photos_that_both_have(lab) -> None:
    notebook = lab.show([NETWORKS, "compare"])
    page = notebook.page
    settled = page.locator('.zf-compare[data-zf-settled="true"]')
    expect(settled).to_be_visible()
    total, less = notebook.value("[len(engine.info.images), len(new.info.images)]")
    assert total == less + 20
    told = page.locator(".zf-compare-notes")
    expect(told).to_contain_text(f"only the {less} with the same name")
    expect(page.locator(".zf-photos h3")).to_have_text(f"Photos{less} of {total}")
    cells = page.locator(".zf-compare-cell")
    panels = [cells.filter(has=page.locator(".zf-patches")).nth(side) for side in (0, 1)]
    notebook.execute(as_shown.SOURCE)
    notebook.execute(
        "a, a_engine = engine.top('features.4', 3), engine\n"
        "b, b_engine = new.top('features.4', 5), new\n"
        "a_found = a_engine.project_all(a.activations)\n"
        "b_found = b_engine.project_all(b.activations)"
    )
    expect(settled).to_be_visible()
    shown(notebook, panels[0], "a", "a_found")
    shown(notebook, panels[1], "b", "b_found")

    # A patch on the right chooses the photo on both sides; the occluder follows the hand.
    panels[1].locator(".zf-patch").nth(1).click()
    notebook.expect_value("compare.right.photo == b[1].image", True)
    notebook.expect_value("engine.info.images[compare.left.photo] == b[1].image_name", True)
    stages = page.locator(".zf-stage")
    expect(stages.nth(0)).to_have_attribute("data-photo", str(notebook.value("compare.left.photo")))
    expect(settled).to_be_visible()
    moved = stages.nth(0).locator(".zf-occluder")
    before = moved.get_attribute("aria-label") or ""
    moved.focus()
    page.keyboard.press("ArrowRight")
    expect(moved).not_to_have_attribute("aria-label", before)
    notebook.expect_value("compare.right.occluder == compare.left.occluder", True)
    expect(stages.nth(1).locator(".zf-occluder")).to_have_attribute(
        "aria-label", moved.get_attribute("aria-label") or ""
    )
    expect(settled).to_be_visible()

    # A photo that the other lacks is said; equal numbers only where they are asked for.
    notebook.execute("compare.left.photo = folder.names[3]")
    expect(told).to_contain_text("noisy has no photo")
    page.get_by_label("Same layer and channel number on both sides").check()
    notebook.expect_value("compare.right.channel", 3)
    expect(panels[1].locator("h3")).to_have_text("Strongest patchesfeatures.4 : 3")

    # Narrow: one below the other, pair by pair.
    notebook.execute("compare.layout.width = '380px'")
    page.wait_for_function(
        """() => {
          const panels = [...document.querySelectorAll(".zf-compare-cell .zf-patches")];
          const [a, b] = panels.map((panel) => panel.getBoundingClientRect());
          return b.top >= a.bottom && b.left === a.left;
        }"""
    )
    assert lab.problems == []
