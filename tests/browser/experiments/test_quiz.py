"""Three questions of a quiz in a real JupyterLab: by keyboard and mouse, in both themes."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Locator, expect

from tests.browser import as_shown
from tests.browser.axe import faults

SETUP = "import zfwidgets as zf\nengine = zf.Engine(zf.samples.network(), zf.samples.photos())"
SHOW = "quiz = zf.Quiz(engine, 'features.7', hint='{hint}', questions=3, seed=2)\nquiz"


def shot(board: Locator, name: str) -> None:
    if folder := os.environ.get("ZFWIDGETS_SHOTS"):
        board.screenshot(path=Path(folder) / f"quiz-{name}.png")


@pytest.mark.parametrize("theme", ["Light", "Dark"])
def test_three_questions_by_keyboard_and_mouse(lab, theme: str) -> None:
    notebook = lab.show([SETUP, SHOW.format(hint="patches")])
    page = notebook.page
    notebook.set_theme(f"JupyterLab {theme}")
    root = page.locator(".zf-quiz-box")
    expect(root).to_contain_text("3 questions")
    board = root.locator(".zf-quiz-board")
    choices, line = board.locator(".zf-quiz-choice"), board.locator(".zf-quiz-text")
    head, go_on = board.locator("h3"), board.get_by_role("button", name="Next")

    def asks(number: int) -> str:
        """The page shows a question of the record; which side fires more."""
        record = f"quiz.questions[{number}]"
        expect(board.locator(".zf-tools")).to_have_text(f"question {number + 1} of 3")
        expect(head).to_contain_text(f"features.7 : {notebook.value(f'{record}.channel')}")
        expect(board).to_have_attribute("data-zf-settled", "true")
        for place, side in enumerate(("left", "right")):
            expected = notebook.kernel_pixels(f"engine.photo({record}.{side}.image)")
            shown = notebook.canvas_pixels(choices.nth(place).locator("canvas"))
            np.testing.assert_array_equal(shown, expected)
        patches = board.locator(".zf-quiz-patch")
        expect(patches).to_have_count(9)
        notebook.execute(
            f"{as_shown.SOURCE}\nlast = {record}.hint[8]; photo = engine.photo(last.image)"
        )
        expected = notebook.kernel_pixels("photo[window(last, None, photo.shape)]")
        np.testing.assert_array_equal(notebook.canvas_pixels(patches.nth(8)), expected)
        return str(notebook.value(f"{record}.correct"))

    # by mouse, and rightly
    best = asks(0)
    shot(board, f"asked-{theme}")
    assert faults(page) == []
    choices.nth(["left", "right"].index(best)).click()
    expect(line).to_contain_text("Right: ")
    names = notebook.value("[choice.activation.image_name for choice in quiz.questions[0].choices]")
    for name in names:
        expect(line).to_contain_text(name)
    expect(board.locator(".zf-quiz-field:visible")).not_to_have_count(0)
    shot(board, f"right-{theme}")
    assert faults(page) == []
    expect(go_on).to_be_focused()
    notebook.expect_value("[a.correct for a in quiz.answers]", [True])

    # by keyboard, and wrongly: JupyterLab would make a heading of the cell with 1 and 2
    go_on.press("Enter")
    best = asks(1)
    page.keyboard.press({"left": "2", "right": "1"}[best])
    expect(line).to_contain_text("No: ")
    shot(board, f"wrong-{theme}")
    assert faults(page) == []
    page.keyboard.press("Enter")
    best = asks(2)
    page.keyboard.press({"left": "ArrowLeft", "right": "ArrowRight"}[best])
    expect(line).to_contain_text("Right: ")
    assert page.locator(".jp-MarkdownCell").count() == 0
    notebook.expect_value("[a.correct for a in quiz.answers]", [True, False, True])
    assert notebook.value("all(a.seconds > 0 for a in quiz.answers)")

    board.get_by_role("button", name="See the score").click()
    expect(board).to_contain_text("2 of 3 right: 67 % (95 % interval 21 to 94 %)")
    expect(board.get_by_role("img")).to_have_count(1)
    shot(board, f"score-{theme}")
    assert faults(page) == []
    if folder := os.environ.get("ZFWIDGETS_SHOTS"):
        notebook.execute(f"quiz.snapshot().save({str(Path(folder) / 'quiz-static.png')!r})")

    # another round begins with its own first question
    root.get_by_role("button", name="New questions").click()
    expect(root).to_contain_text("3 questions")
    asks(0)
    assert lab.problems == []


@pytest.mark.parametrize("hint", ["projections", "brightness", "revealed", "none"])
def test_each_display_shows_the_projections_of_the_record(lab, hint: str) -> None:
    notebook = lab.show([SETUP, SHOW.format(hint=hint)])
    board = notebook.page.locator(".zf-quiz-board")
    expect(board.locator(".zf-tools")).to_have_text("question 1 of 3")
    expect(board).to_have_attribute("data-zf-settled", "true")
    patches = board.locator(".zf-quiz-patch")
    expect(patches).to_have_count(0 if hint == "none" else 9)
    shot(board, hint)
    if hint == "none":
        return
    notebook.execute(
        f"{as_shown.SOURCE}\nhint = quiz.questions[0].hint; found = engine.project_all(hint)\n"
        "place = window(hint[3], side_of(found), engine.photo(0).shape)"
    )
    shown = notebook.canvas_pixels(patches.nth(3)).astype(int)
    if hint == "projections":
        ours = notebook.kernel_pixels("picture(found[3], found, 'colour', 'one')[place]")
        assert np.abs(shown - ours).max() <= 1
    elif hint == "brightness":
        ours = notebook.kernel_pixels("picture(found[3], found)[place]")
        assert np.abs(shown - ours).max() <= 3
    assert faults(notebook.page) == []
    assert lab.problems == []


def test_it_fits_a_narrow_page(lab) -> None:
    notebook = lab.show([SETUP, SHOW.format(hint="patches")])
    page = notebook.page
    expect(page.locator(".zf-quiz-box")).to_contain_text("3 questions")
    notebook.execute("quiz.layout.width = '380px'")
    page.wait_for_function(
        "document.querySelector('.zf-quiz-box').getBoundingClientRect().width === 380"
    )
    board = page.locator(".zf-quiz-board")
    expect(board).to_have_attribute("data-zf-settled", "true")
    board.locator(".zf-quiz-choice").first.click()
    expect(board.locator(".zf-quiz-text")).to_contain_text("the channel reaches")
    shot(board, "narrow")
    assert board.evaluate("board => board.scrollWidth <= board.clientWidth")
    for choice in board.locator(".zf-quiz-choice").all():
        assert choice.evaluate("one => one.scrollWidth <= one.clientWidth")
    assert lab.problems == []
