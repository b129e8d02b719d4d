"""Lessons as a pupil meets them: a notebook in English, another in German."""

from __future__ import annotations

import csv
import io
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

import nbformat
import numpy as np
import pytest
from playwright.sync_api import Browser, Locator, Page, expect

import zfwidgets as zf
from tests.browser.axe import faults
from tests.browser.going import go_to_channel
from tests.waiting import SECONDS
from zfwidgets.lessons.attempts import as_csv

BOX = ".zf-lesson-box"
PAGE_WORDS = Path(__file__).parents[2] / "js" / "src" / "lib" / "language" / "de.json"
LAYER = "features.7.squeeze"
GERMAN = "import os\nos.environ['ZFWIDGETS_LANGUAGE'] = 'de'"


def cells(root: Path, name: str) -> list[str]:
    notebook = nbformat.read(root / "examples" / "lesson" / f"{name}.ipynb", as_version=4)
    return [cell.source for cell in notebook.cells if cell.cell_type == "code"]


def shot(part: Locator, name: str) -> None:
    if folder := os.environ.get("ZFWIDGETS_SHOTS"):
        part.screenshot(path=Path(folder) / f"lesson-{name}.png")


def settled(part: Locator) -> None:
    expect(part).to_have_attribute("data-zf-settled", "true")


def asked(notebook) -> tuple[Page, Locator, Locator]:
    """The page, its lesson, and the lesson's five questions as they are asked."""
    box = notebook.page.locator(".zf-lesson-box")
    questions = box.locator(".zf-question")
    expect(questions.locator("[data-phase=asked]")).to_have_count(5)
    for question in questions.all():
        settled(question)
    return notebook.page, box, questions


def test_a_pupil_guesses_first_and_then_sees(lab, root: Path) -> None:
    notebook = lab.show(cells(root, "2_looking"))
    page, box, questions = asked(notebook)
    first, second = questions.nth(0), questions.nth(1)

    # what a saved notebook shows isn't shown beside it
    outputs = page.locator(".jp-OutputArea-child")
    still = outputs.filter(has=box).locator("xpath=following-sibling::*[1]").locator("img")
    expect(still).to_have_count(1)
    expect(still).to_be_hidden()

    # the photo is the engine's, and nothing tells the answer
    expected = notebook.kernel_pixels("engine.photo(engine.info.images.index('coffee'))")
    np.testing.assert_array_equal(notebook.canvas_pixels(first.locator("canvas").first), expected)
    expect(first).not_to_contain_text("covered:")
    assert faults(page, BOX) == []
    shot(first, "choice-asked")
    shot(second, "estimate-asked")

    # by mouse: a click chooses, the button answers, and then it stays
    check = first.get_by_role("button", name="Check my answer")
    expect(check).to_be_disabled()
    right = notebook.value("int(sheet[0].task.answer)")
    wrong = (right + 1) % 3
    first.get_by_role("radio").nth(right).check()
    first.get_by_role("radio").nth(wrong).check()
    assert notebook.value("sheet[0].given") is None
    check.click()
    expect(first.locator(".zf-lesson-verdict")).to_contain_text("Not this time.")
    settled(first)
    expect(first.get_by_role("radio").nth(right)).to_be_disabled()
    expect(first.locator("[data-state=right]")).to_contain_text("right answer")
    expect(first.locator("[data-state=wrong]")).to_contain_text("your answer")
    expect(first.locator("canvas")).to_have_count(2)
    for place in range(2):
        expected = notebook.kernel_pixels(f"sheet[0].task.reveal[{place}].pixels")
        shown = notebook.canvas_pixels(first.locator("canvas").nth(place))
        np.testing.assert_array_equal(shown, expected)
    shot(first, "choice-answered")

    # by keyboard: JupyterLab's own keys do nothing here
    slider = second.get_by_role("slider")
    slider.focus()
    slider.press("End")
    for _ in range(3):
        page.keyboard.press("ArrowLeft")
    expect(second.locator("output")).to_have_text("97 points")
    page.keyboard.press("Enter")
    expect(second.locator(".zf-lesson-verdict")).to_contain_text("Your 97: not close enough")
    expect(second.locator(".zf-lesson-verdict")).to_be_focused()
    settled(second)
    truth = notebook.value("round(sheet[1].task.answer)")
    expect(second.locator(".zf-lesson-truth")).to_contain_text(f"{truth} points")
    assert page.locator(".jp-MarkdownCell").count() == 0
    shot(second, "estimate-answered")
    assert faults(page, BOX) == []

    # the score, the glossary, the file of answers
    foot = box.locator(".zf-worksheet-board").last
    expect(foot).to_contain_text("0 of 2 right. 3 to go.")
    box.get_by_text("What the words mean").click()
    expect(box.locator("dt", has_text="Occluder")).to_be_visible()
    with page.expect_download() as download:
        foot.get_by_role("button", name="Save answers (CSV)").click()
    assert download.value.suggested_filename == "looking.csv"
    rows = list(csv.DictReader(io.StringIO(download.value.path().read_text("utf-8"))))
    assert [(row["question"], row["correct"]) for row in rows] == [("1", "False"), ("2", "False")]
    assert rows[1]["answer"] == "97"
    assert rows[1]["expected"] == str(truth)
    assert all(float(row["seconds"]) > 0 for row in rows)

    # dark, and large for a projector
    notebook.set_theme("JupyterLab Dark")
    box.get_by_role("button", name="Large letters").click()
    expect(first).to_have_class("zf-root zf-question zf-projector")
    assert faults(page, BOX) == []
    shot(first, "choice-dark-large")
    shot(box.locator(".zf-worksheet-board").first, "head-dark-large")
    shot(foot, "foot-dark-large")
    box.get_by_role("button", name="Large letters").click()

    # starting again asks before it clears
    foot.get_by_role("button", name="Start again").click()
    expect(foot).to_contain_text("Really start again?")
    assert notebook.value("sheet.score.answered") == 2
    shot(foot, "foot-sure")
    foot.get_by_role("button", name="Start again").click()
    expect(questions.locator("[data-phase=asked]")).to_have_count(5)
    expect(first.get_by_role("radio").nth(right)).to_be_enabled()
    expect(first.get_by_role("radio").nth(wrong)).not_to_be_checked()
    expect(foot).to_contain_text("5 questions, none answered yet.")
    assert notebook.value("len(sheet.attempts)") == 2
    assert lab.problems == []


def test_a_german_pupil_finds_a_channel(lab, root: Path) -> None:
    notebook = lab.show([GERMAN, *cells(root, "1_seeing")])
    page, box, questions = asked(notebook)
    expect(box.locator(".zf-worksheet-board").first).to_contain_text("Was sieht eine Schicht?")
    assert box.locator(".zf-root").evaluate_all("all => all.every((one) => one.lang === 'de')")
    for number, question in enumerate(questions.all()):
        shot(question, f"de-asked-{number}")
    last = questions.nth(4)
    layer = notebook.value("sorted(sheet[4].task.units)[0][0]")
    found = notebook.value("[channel for _, channel in sorted(sheet[4].task.units)]")
    other = next(channel for channel in range(1000) if channel not in found)
    check = last.get_by_role("button", name="Prüfen", exact=True)
    verdict = last.locator(".zf-lesson-verdict")

    # what the Explorer has first isn't it; then a channel that isn't, then one that is
    notebook.choose(layer, other)
    expect(last).to_contain_text(f"{layer} : {other}")
    check.click()
    expect(verdict).to_contain_text(f"Nicht Kanal {other} der Schicht {layer}")
    notebook.execute(f"explorer.channel = {found[0]}")
    expect(last).to_contain_text(f"{layer} : {found[0]}")
    check.press("Enter")
    expect(verdict).to_contain_text("Ja, das ist einer")
    expect(last.locator("[data-phase=answered]")).to_have_count(1)
    rows = [[f"{layer}:{other}", False], [f"{layer}:{found[0]}", True]]
    notebook.expect_value("[[a.answer, a.correct] for a in sheet.attempts]", rows)

    notebook.execute(
        "for question in sheet:\n"
        "    if question.given is None:\n        question.answer(question.task.answer)"
    )
    expect(box.locator(".zf-worksheet-board").last).to_contain_text("5 von 5 richtig. Alle:")
    for number, question in enumerate(questions.all()):
        settled(question)
        shot(question, f"de-answered-{number}")
    assert faults(page, BOX) == []
    assert lab.problems == []


SAID = """(root) => {
  const found = [];
  const walk = document.createTreeWalker(root, NodeFilter.SHOW_ELEMENT | NodeFilter.SHOW_TEXT);
  for (let node = walk.nextNode(); node; node = walk.nextNode()) {
    if (node.nodeType === Node.TEXT_NODE) found.push(node.data);
    else for (const name of ["title", "aria-label", "placeholder", "label"])
      if (node.hasAttribute(name)) found.push(node.getAttribute(name));
  }
  return found;
}"""


def left_in_english(part: Locator) -> list[str]:
    """What an element says, or shows as a tooltip, that the German words have a text for."""
    words = json.loads(PAGE_WORDS.read_text("utf-8"))
    english = {text for text, german in words.items() if german != text and "{" not in text}
    english -= set(words.values())  # said in German, too
    return sorted({text for said in part.evaluate(SAID) if (text := said.strip()) in english})


def test_the_explorer_beside_a_german_lesson_speaks_german(lab, root: Path) -> None:
    notebook = lab.show([GERMAN, *cells(root, "2_looking")])
    page = notebook.page
    explorer = page.locator(".zf-explorer")
    notebook.expect_settled()
    expect(explorer).to_have_attribute("lang", "de")
    for name in ("Schichten", "Kanäle", "Die stärksten Ausschnitte", "Fotos", "Klassen"):
        expect(explorer.get_by_role("region", name=name, exact=True)).to_be_visible()
    expect(explorer.get_by_role("button", name="Karte berechnen")).to_be_visible()
    expect(explorer.locator(".zf-facts")).to_contain_text("1.000 Klassen")
    assert left_in_english(explorer) == []
    shot(explorer, "de-explorer")

    # by hand it says what it does in German too, numbers included
    go_to_channel(explorer, 3)
    expect(explorer.locator(".zf-channels .zf-readout")).to_contain_text(
        re.compile("Kanal 3 · .*im Mittel ")
    )
    explorer.get_by_role("button", name="Wie man die Karte liest").click()
    expect(explorer.get_by_role("dialog")).to_contain_text("Am Rand schneidet das Bild")
    page.keyboard.press("Escape")
    assert left_in_english(explorer) == []

    # and English again where it is told to, the lesson staying as it was
    notebook.execute('explorer.language = "en"')
    expect(explorer.get_by_role("region", name="Layers", exact=True)).to_be_visible()
    expect(explorer).to_have_attribute("lang", "en")
    expect(page.locator(".zf-lesson-box .zf-worksheet-board").first).to_have_attribute("lang", "de")
    assert lab.problems == []


# ---------------------------------------------------------------------- without a kernel


@pytest.fixture
def sheet(tmp_path: Path) -> Iterator[tuple[zf.Worksheet, Path]]:
    """A worksheet, and a report that has it."""
    engine = zf.Engine(zf.samples.network(), zf.samples.photos())
    explorer = zf.Explorer(engine, layer=LAYER, channel=4, auto=False, stride=56, patch=(64, 72))
    exercises = (
        zf.lessons.LargerField(),
        zf.lessons.FieldWidth(LAYER),
        zf.lessons.StrongestPhoto(LAYER),
        zf.lessons.FindChannel(None, LAYER),
    )
    sheet = zf.Worksheet(explorer, exercises, name="seeing", language="de")
    assert sheet.settle(SECONDS)
    path = tmp_path / "lesson.html"
    images = [explorer.photo]
    zf.save_report([explorer, sheet], path, layers=[LAYER], images=images, progress=False)
    yield sheet, path
    sheet.close()


def test_a_lesson_from_a_file_needs_no_install(browser: Browser, sheet) -> None:
    made, path = sheet
    context = browser.new_context(offline=True, viewport={"width": 1100, "height": 900})
    page = context.new_page()
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda m: problems.append(m.text) if m.type == "error" else None)
    page.goto(path.as_uri())
    box = page.locator(".zf-lesson-box")
    questions = box.locator(".zf-question")
    expect(questions.locator("[data-phase=asked]")).to_have_count(len(made))
    for question in questions.all():
        settled(question)
    assert faults(page, BOX) == []

    # each answer is judged as the kernel judges it, in the same words
    first, second, last = questions.nth(0), questions.nth(1), questions.nth(3)
    right = int(made[0].task.answer)
    wrong = (right + 1) % 3
    made[0].answer(wrong)
    first.get_by_role("radio").nth(wrong).check()
    first.get_by_role("button", name="Meine Antwort prüfen").click()
    expect(first.locator(".zf-lesson-verdict")).to_have_text(made[0].says[0])
    expect(first.locator("[data-state=right]")).to_have_count(1)

    made[1].answer(70)
    slider = second.get_by_role("slider")
    slider.fill("70")
    slider.press("Enter")
    expect(second.locator(".zf-lesson-verdict")).to_have_text(made[1].says[0])
    shot(second, "report-estimate")

    (layer,) = {layer for layer, _ in made[3].task.units}
    found = sorted(channel for _, channel in made[3].task.units)[0]
    other = next(c for c in range(32) if (layer, c) not in made[3].task.units)
    for channel in (other, found):
        page.goto(f"{path.as_uri()}#layer={layer}&channel={channel}")
        expect(last).to_contain_text(f"{layer} : {channel}")
        last.get_by_role("button", name="Prüfen", exact=True).click()
        explored = made[3]._widget
        explored.selection.unit = (layer, channel)
        made[3].check()
        expect(last.locator(".zf-lesson-verdict")).to_have_text(made[3].says[0])

    foot = box.locator(".zf-worksheet-board").last
    expect(foot.locator(".zf-lesson-score")).to_have_text(made.children[-1].says)
    with page.expect_download() as download:
        foot.get_by_role("button", name="Antworten speichern (CSV)").click()
    assert download.value.suggested_filename == "seeing.csv"
    mine = list(csv.DictReader(io.StringIO(download.value.path().read_text("utf-8"))))
    kernels = list(csv.DictReader(io.StringIO(as_csv(made.attempts))))
    for ours, theirs in zip(mine, kernels, strict=True):
        for column in theirs.keys() - {"seconds", "time"}:
            assert ours[column] == theirs[column], column
    shot(foot, "report-foot")

    foot.get_by_role("button", name="Neu anfangen").click()
    foot.get_by_role("button", name="Neu anfangen").click()
    expect(questions.locator("[data-phase=asked]")).to_have_count(len(made))
    assert faults(page, BOX) == []
    assert problems == []
    context.close()
