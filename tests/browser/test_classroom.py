"""A class in three real notebooks: a teacher leads, two students follow, each in a kernel.

With ``ZFWIDGETS_SHOTS`` set to a folder, what the three see is kept there, and how long a
click took to be on the students' screens.
"""

from __future__ import annotations

import csv
import io
import json
import os
import statistics
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

import zfwidgets as zf
from tests.browser.axe import faults
from tests.browser.conftest import Lab, Notebook
from tests.browser.going import go_to_channel
from tests.waiting import MILLISECONDS, eventually
from zfwidgets.classroom.app import Server
from zfwidgets.classroom.rights import Rights
from zfwidgets.classroom.serving import running

TOKENS = {"token": "for-students", "teacher_token": "for-teachers"}
OPEN = """import zfwidgets as zf
engine = zf.connect({url!r}, token={token!r})
explorer = zf.Explorer(engine, layer={layer!r}, channel=0, auto=False)"""
ON_MAIN_THREAD = """import threading
threads = set()
main = threading.main_thread()
for observed in (explorer, explorer.selection):
    observed.observe(lambda change: threads.add(threading.current_thread() is main))"""
CLICKS = ("features.3", "features.7", "features.10", "features.6", "features.9", "features.4")

# When a layer is clicked, and when one turns out to be chosen: the clock is the same machine's.
NOTE = """() => {
  window.noted = {clicked: {}, chosen: {}};
  const layerOf = (element) => element?.closest?.(".zf-layer")?.dataset.layer;
  document.addEventListener("pointerdown", (event) => {
    window.noted.clicked[layerOf(event.target)] = Date.now();
  }, true);
  new MutationObserver((changes) => {
    for (const { target } of changes)
      if (target.getAttribute("aria-selected") === "true")
        window.noted.chosen[layerOf(target)] = Date.now();
  }).observe(document.querySelector(".zf-list"),
             { subtree: true, childList: true, attributeFilter: ["aria-selected"] });
}"""


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """The sample network, served from this process."""
    with running(
        Server(zf.Engine(zf.samples.network(), zf.samples.photos(), cache=False), Rights(**TOKENS))
    ) as url:
        yield url


class Person:
    """Somebody in the class, with a notebook."""

    def __init__(self, lab: Lab, url: str, token: str, layer: str) -> None:
        path = lab.write_notebook([OPEN.format(url=url, token=token, layer=layer), "explorer"])
        self.notebook: Notebook = lab.open(path)
        self.notebook.expect_settled()
        self.page = self.notebook.page
        if self.page.locator(".zf-guide").count():
            self.page.get_by_role("button", name="Don't show again").click()

    def bar(self) -> Locator:
        return self.page.get_by_role("region", name="Classroom")

    def press(self, name: str) -> None:
        self.bar().get_by_role("button", name=name).click()

    def layer(self, name: str) -> Locator:
        return self.page.locator(f'.zf-layer[data-layer="{name}"]')

    def expect_layer(self, name: str) -> None:
        expect(self.layer(name)).to_have_attribute("aria-selected", "true")

    def expect_says(self, words: str) -> None:
        expect(self.bar()).to_contain_text(words)

    def shows(self, lab_path: Path | None, name: str) -> None:
        if lab_path is not None:
            self.page.bring_to_front()
            self.notebook.expect_settled()
            self.page.locator(".zf-explorer").screenshot(path=lab_path / f"classroom-{name}.png")


def looks_at_the_same(student: Person, teacher: Person) -> None:
    """The teacher's page chooses a channel's photo only when it has the channel's answers."""
    same = "[explorer.photo, explorer.occluder]"
    assert student.notebook.value(same) == teacher.notebook.value(same)


@pytest.fixture
def folder() -> Path | None:
    found = os.environ.get("ZFWIDGETS_SHOTS")
    return Path(found) if found else None


def test_a_teacher_leads_two_students(lab, server, folder, record_property):
    teacher = Person(lab, server, TOKENS["teacher_token"], "features.6")
    first, second = (Person(lab, server, TOKENS["token"], "features.9") for _ in range(2))

    room = teacher.notebook.value('explorer.lead("lesson", secret="chalk")')
    expect(teacher.bar().locator("code")).to_have_text(f'explorer.follow("{room}")')
    for student in (first, second):
        student.notebook.execute(f"explorer.follow({room!r})")
        student.expect_says("Following the teacher")
        student.expect_layer("features.6")
        student.notebook.execute(ON_MAIN_THREAD)
    teacher.expect_says("2 follow")

    # Clicks of the teacher are on the students' screens.
    for person in (teacher, first, second):
        person.page.evaluate(NOTE)
    for name in CLICKS:
        teacher.page.bring_to_front()
        teacher.layer(name).click()
        for student in (first, second):
            student.expect_layer(name)
    clicked = teacher.page.evaluate("window.noted.clicked")
    waits = sorted(
        student.page.evaluate("window.noted.chosen")[name] - clicked[name]
        for student in (first, second)
        for name in CLICKS
    )
    record_property("click_to_students_ms", waits)
    go_to_channel(teacher.page, 3)
    for student in (first, second):
        student.notebook.expect_value("[explorer.layer, explorer.channel]", [CLICKS[-1], 3])
        student.notebook.expect_settled()
        eventually(partial(looks_at_the_same, student, teacher))
        student.notebook.expect_value('explorer.room["wanders"]', False)
        student.notebook.expect_value("sorted(threads)", [True])

    # A photo of the teacher's own goes nowhere, and that is said.
    photo = first.notebook.value("explorer.photo")
    teacher.notebook.execute(
        "from PIL import Image; explorer.show(Image.new('RGB', (64, 48), 'red'), 'secret.png')"
    )
    first.expect_says("a photo of their own, which isn't shared")
    first.notebook.expect_value("explorer.photo", photo)
    first.shows(folder, "own-photo")
    teacher.notebook.execute(f"explorer.photo = {photo}")
    expect(first.bar()).not_to_contain_text("isn't shared")

    # One looks around, as by a click, and is left alone; the teacher sees where, without a name.
    second.page.bring_to_front()
    second.layer("features.8").click()
    second.expect_says("You look around yourself")
    teacher.expect_says("1 of them looks around")
    expect(teacher.layer("features.8")).to_have_attribute("data-students", "1")
    expect(teacher.layer(CLICKS[-1])).to_have_attribute("data-students", "1")
    teacher.page.bring_to_front()
    teacher.layer("features.7").click()
    first.expect_layer("features.7")
    second.expect_layer("features.8")
    expect(teacher.layer("features.7")).to_have_attribute("data-students", "1")
    for name, person in (("teacher", teacher), ("follows", first), ("looks-around", second)):
        person.shows(folder, name)

    # One press, and it is with the class again.
    second.page.bring_to_front()
    second.press("Back to the teacher")
    second.expect_layer("features.7")
    second.expect_says("Following the teacher")
    expect(teacher.layer("features.7")).to_have_attribute("data-students", "2")

    # The teacher leaves: that is said, and everybody keeps what they see.
    teacher.page.bring_to_front()
    teacher.press("Stop leading")
    expect(teacher.bar()).to_be_hidden()
    for student in (first, second):
        student.expect_says(f"The teacher has left {room}")
        student.expect_layer("features.7")
    first.shows(folder, "left")
    second.page.bring_to_front()
    second.press("Close")
    expect(second.bar()).to_be_hidden()
    if folder is not None:
        found = {"click_to_students_ms": waits, "median_ms": statistics.median(waits)}
        (folder / "classroom.json").write_text(json.dumps(found))
    assert lab.problems == []


def test_a_teachers_kernel_that_is_restarted_takes_the_class_over(lab, server):
    teacher = Person(lab, server, TOKENS["teacher_token"], "features.6")
    student = Person(lab, server, TOKENS["token"], "features.9")
    room = teacher.notebook.value('explorer.lead("lesson", secret="blackboard")')
    student.notebook.execute(f"explorer.follow({room!r})")
    student.expect_layer("features.6")
    teacher.notebook.restart_kernel()
    student.expect_says("Nothing is heard from the teacher")
    teacher.notebook.run_all()
    again = teacher.notebook.value('explorer.lead("lesson", secret="blackboard")')
    assert again == room
    teacher.notebook.execute('explorer.layer = "features.3"')
    student.notebook.expect_value("explorer.layer", "features.3", MILLISECONDS)
    student.expect_says("Following the teacher")


LESSON = """from IPython.display import display
import ipywidgets
explorer.follow({room!r})
sheet = zf.Worksheet(explorer, [
    zf.lessons.FindChannel(None, {layer!r}),
    zf.lessons.StrongestPhoto({layer!r}),
    zf.lessons.FieldWidth({layer!r}),
], name="keys")
display(ipywidgets.VBox([explorer, sheet]))"""
FOUND = "features.7.squeeze"
MOST_TABS = 150
NAME = """() => {
  const at = document.activeElement;
  return at?.getAttribute("aria-label") || at?.textContent?.trim() || "";
}"""


class Keys:
    """A page that is used by its keyboard alone."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def to(self, selector: str, name: str = "", *, back: bool = False) -> None:
        """Press Tab until what has the focus is of a kind, and is called so."""
        for _ in range(MOST_TABS):
            here = self.page.evaluate("(what) => document.activeElement.matches(what)", selector)
            if here and name in self.page.evaluate(NAME):
                return
            self.page.keyboard.press("Shift+Tab" if back else "Tab")
        raise AssertionError(f"Tab never leads to {selector} {name!r}")

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)


def test_a_student_takes_a_whole_lesson_by_keys_alone(lab, server, folder):
    teachers = zf.connect(server, token=TOKENS["teacher_token"])
    teacher = zf.Explorer(teachers, layer=FOUND, channel=0, auto=False)
    room = teacher.lead("lesson", secret="duster")
    begin = OPEN.format(url=server, token=TOKENS["token"], layer="features.9")
    notebook = lab.show([begin, LESSON.format(room=room, layer=FOUND)])
    notebook.expect_settled()
    page, keys = notebook.page, Keys(notebook.page)
    bar = page.get_by_role("region", name="Classroom")
    questions = page.locator(".zf-question")
    expect(questions.locator("[data-phase=asked]")).to_have_count(3)
    expect(bar).to_contain_text("Following the teacher.")
    assert faults(page, ".zf-root") == []

    # leave the teacher for a while: what has the focus is a button still
    page.locator(".zf-explorer .zf-info").first.focus()
    if page.locator(".zf-guide").count():
        keys.to("button", "Don't show again")
        keys.press("Enter")
        page.locator(".zf-explorer .zf-info").first.focus()
    keys.to(".zf-room button", "Look around yourself")
    keys.press("Enter")
    expect(bar).to_contain_text("You look around yourself.")
    expect(bar.get_by_role("button", name="Back to the teacher")).to_be_focused()
    expect(page.locator(".zf-live", has_text="You look around yourself.")).to_have_count(1)

    # another layer and back, then a channel that is asked for
    keys.to(".zf-layer")
    keys.press("ArrowLeft")
    notebook.expect_value(f"explorer.layer != {FOUND!r}", True)
    keys.press("ArrowRight")
    notebook.expect_value("explorer.layer", FOUND)
    channel = notebook.value("sorted(sheet[0].task.units)[0][1]")
    keys.to("input", "Go to channel number")
    page.keyboard.type(str(channel))
    keys.press("Enter")
    notebook.expect_value("explorer.channel", channel)
    keys.to(".zf-question button", "Check")
    keys.press("Enter")
    verdicts = questions.locator(".zf-lesson-verdict")
    expect(verdicts.nth(0)).to_contain_text("Yes, that is one")

    # one of four photos, then a number
    right = notebook.value("int(sheet[1].task.answer)")
    keys.to("input[type=radio]")
    keys.press("Space", *["ArrowDown"] * right, "Enter")
    expect(verdicts.nth(1)).to_contain_text("Right.")
    expect(verdicts.nth(1)).to_be_focused()
    keys.to("input[type=range]")
    low, width = notebook.value("[sheet[2].task.scale.low, round(sheet[2].task.answer)]")
    keys.press("Home", *["ArrowRight"] * (width - low), "Enter")
    expect(verdicts.nth(2)).to_be_focused()
    expect(page.locator(".zf-worksheet-board").last).to_contain_text("3 of 3 right.")
    assert faults(page, ".zf-root") == []

    # the answers as a file, and back to the class
    keys.to("button", "Save answers (CSV)")
    with page.expect_download() as download:
        keys.press("Enter")
    rows = list(csv.DictReader(io.StringIO(download.value.path().read_text("utf-8"))))
    assert [row["correct"] for row in rows] == ["True"] * 3
    keys.to(".zf-room button", "Back to the teacher", back=True)
    teacher.layer = "features.3"
    keys.press("Enter")
    expect(bar).to_contain_text("Following the teacher.")
    notebook.expect_value("explorer.layer", "features.3")
    notebook.expect_settled()
    assert faults(page, ".zf-root") == []
    if folder is not None:
        page.locator(".jp-OutputArea-output").last.screenshot(path=folder / "classroom-keys.png")
    assert lab.problems == []
    teacher.close()
    teachers.close()
