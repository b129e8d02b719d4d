"""Recorded runs in a real JupyterLab: on the page at once, and never mistaken for live ones."""

from __future__ import annotations

import numpy as np
import pytest
from playwright.sync_api import expect

NAMES = ("ablation", "correspondence", "diagnosis", "evolution", "invariance", "transfer")


def test_every_recording_says_first_what_it_is_and_offers_no_start(lab) -> None:
    shown = [f"{n} = zf.{n.title()}(zf.experiments.recorded({n!r}))\n{n}" for n in NAMES]
    notebook = lab.show(["import zfwidgets as zf", *shown])
    for name in NAMES:
        root = notebook.page.locator(".zf-ablation-study" if name == "ablation" else f".zf-{name}")
        root.scroll_into_view_if_needed()
        words = notebook.value(f"zf.experiments.recorded({name!r}).words")
        expect(root.locator(".zf-recorded")).to_have_text(words)
        for action in ("Start", "Stop", "Go on", "Pause"):
            expect(root.get_by_role("button", name=action, exact=True)).not_to_be_visible()
        for wall in root.locator(".zf-wall").all():
            expect(wall).to_have_attribute("data-zf-settled", "true")


def test_a_moved_photo_is_there_when_invariance_opens(lab) -> None:
    show = "moves = zf.Invariance(zf.experiments.recorded('invariance'))\nmoves"
    notebook = lab.show(["import zfwidgets as zf", show])
    root = notebook.page.locator(".zf-invariance")
    wall = root.locator(".zf-wall")
    expect(wall).to_have_attribute("data-zf-settled", "true")
    expect(wall).to_contain_text("vertical 20 px down")
    shown = notebook.canvas_pixels(wall.locator("canvas").first)
    curves = "moves.result['vertical']"
    at = notebook.value(f"int(abs({curves}.values - 20).argmin())")
    wanted = notebook.kernel_pixels(f"{curves}.pictures[0][{at}]")
    np.testing.assert_array_equal(shown, wanted)


@pytest.mark.parametrize("photo", ["chelsea-cat"])
def test_the_strongest_map_and_another_photos(lab, photo: str) -> None:
    cells = [
        "import zfwidgets as zf\nengine = zf.Engine(zf.samples.network(), zf.samples.photos())",
        f"found = zf.StrongestMap(engine, {photo!r}, stride=56)\nfound",
    ]
    notebook = lab.show(cells)
    root = notebook.page.locator(".zf-strongest-map")
    expect(root).to_contain_text("with the square at a random place")
    walls = root.locator(".zf-wall")
    expect(walls).to_have_count(2)
    for number in (0, 1):
        expect(walls.nth(number)).to_have_attribute("data-zf-settled", "true")
    expect(walls.nth(1).locator("canvas")).to_have_count(6)
    before = notebook.value("found.result.finding")
    expect(root).to_contain_text(before)
    root.get_by_role("combobox").select_option(label="red-panda")
    expect(root).to_contain_text("strongest map of red-panda")
    expect(root).to_contain_text("with the square at a random place")
