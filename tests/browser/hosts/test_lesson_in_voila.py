"""A lesson's notebook as Voila serves it: no cells, a kernel a visitor, a pupil who answers."""

from __future__ import annotations

import os
import re
from pathlib import Path

import numpy as np
from playwright.sync_api import Page, expect

import zfwidgets as zf
from tests.browser.conftest import Lab, Notebook
from tests.browser.hosts.serving import choose, voila_of
from tests.browser.test_lesson import cells


def test_a_pupil_answers_in_voila(
    lab: Lab, page: Page, engine: zf.Engine, root: Path, tmp_path: Path
) -> None:
    notebook = lab.path(lab.write_notebook(cells(root, "1_seeing")))
    with voila_of(notebook, tmp_path) as show:
        show(page)
        box = page.locator(".zf-lesson-box")
        questions = box.locator(".zf-question")
        expect(questions.locator("[data-phase=asked]")).to_have_count(5)
        for question in questions.all():
            expect(question).to_have_attribute("data-zf-settled", "true")
        assert page.locator(".jp-InputArea").count() == 0  # no code for pupils

        # of four photos, which are the engine's, the one in which the channel's map is largest
        strongest = questions.nth(2)
        asked = strongest.locator(".zf-lesson-ask").inner_text()
        unit = re.search(r"channel (\d+) of layer ([\w.]+) most", asked)
        assert unit, asked
        channel, layer = int(unit[1]), unit[2]
        names = strongest.locator(".zf-lesson-option b").all_inner_texts()
        photos = [engine.info.images.index(name.partition(": ")[2]) for name in names]
        for place, photo in enumerate(photos):
            canvas = strongest.locator(".zf-lesson-option canvas").nth(place)
            np.testing.assert_array_equal(Notebook.canvas_pixels(canvas), engine.photo(photo))
        reaches = [engine.responses(photo, layer).maps[channel].max() for photo in photos]
        strongest.get_by_role("radio").nth(int(np.argmax(reaches))).check()
        strongest.get_by_role("button", name="Check my answer").click()
        expect(strongest.locator(".zf-lesson-verdict")).to_contain_text("Right.")
        expect(box.locator(".zf-worksheet-board").last).to_contain_text("1 of 1 right. 4 to go.")

        # a channel that is to be found: the Explorer's choice is what is looked at
        find = questions.nth(4)
        asked = find.locator(".zf-lesson-ask").inner_text()
        wanted = re.search(r"of layer ([\w.]+) that has the photo “([^”]+)”", asked)
        assert wanted, asked
        layer, photo = wanted[1], engine.info.images.index(wanted[2])
        have = [
            photo in (one.image for one in engine.top(layer, channel))
            for channel in range(engine.layer(layer).channels)
        ]
        verdict = find.locator(".zf-lesson-verdict")
        for right, says in ((False, "the photo isn't among its nine"), (True, "Yes, that is one")):
            choose(page, layer, have.index(right))
            expect(find).to_contain_text(f"{layer} : {have.index(right)}")
            find.get_by_role("button", name="Check", exact=True).click()
            expect(verdict).to_contain_text(says)
        expect(box.locator(".zf-worksheet-board").last).to_contain_text("2 of 2 right. 3 to go.")
        if shots := os.environ.get("ZFWIDGETS_SHOTS"):
            page.screenshot(path=Path(shots) / "lesson-in-voila.png", full_page=True)
