"""A worksheet in a report: held whole, in its budget, and no hindrance to who opens the report."""

from __future__ import annotations

import ipywidgets
import pytest

import zfwidgets as zf
from tests.waiting import SECONDS
from zfwidgets.errors import BrokenReport, InputError
from zfwidgets.lessons import FieldWidth, FindChannel, StrongestPhoto
from zfwidgets.reports.checking import check_manifest
from zfwidgets.reports.reading.stored import load_report
from zfwidgets.reports.writing.draft import Draft

QUESTIONS = (StrongestPhoto("relu2", photos=2), FieldWidth("conv2"), FindChannel(3, "relu2"))


@pytest.fixture
def sheet(explorer):
    sheet = zf.Worksheet(explorer, QUESTIONS, title="Fields", name="fields")
    assert sheet.settle(SECONDS)
    return sheet


def test_all_of_a_worksheet_is_in_the_report(explorer, sheet, save) -> None:
    stored = load_report(save(widgets=[explorer, "Now answer.", sheet], layers=None))
    (lesson,) = stored._manifest["lessons"]
    assert lesson == {"part": "lesson/0", "selection": 0}, "it looks at the Explorer's selection"
    about, *pictures = stored._unpack("lesson/0")
    assert about[0]["title"] == "Fields"
    assert len(pictures) == 2 * len(sheet)
    for question, told in zip(sheet, about[0]["questions"], strict=True):
        assert told["truth"] == question.task.truth
        assert told["answer"] == question.task.answer
    assert [p[0]["answer"] for p in pictures[::2]] == [None] * 3
    assert "relu2" in [layer.name for layer in stored.layers], "its channels can be looked through"
    stored.verify()
    assert zf.Explorer(stored).channel == 3


def test_its_size_is_planned(explorer, sheet) -> None:
    plain, with_sheet = (Draft(widgets)._shell() for widgets in ([explorer], [explorer, sheet]))
    content = Draft([explorer, sheet])
    plan = content.plan(layers=["relu2"], channels=None, budget=None)
    collected = content.collect(plan, progress=False)
    larger = len(collected.parts["lesson/0"]) * 4 / 3
    assert with_sheet - plain == pytest.approx(larger, rel=0.1)


def test_a_question_alone_is_none_of_its_views(explorer, engine) -> None:
    question = zf.Question(engine, FieldWidth("conv2"))
    with pytest.raises(InputError, match="not Question"):
        Draft([explorer, question])
    assert Draft([explorer, ipywidgets.IntSlider()]).figures


def test_a_worksheet_that_is_still_being_made_is_waited_for(explorer, save) -> None:
    sheet = zf.Worksheet(explorer, QUESTIONS, title="Fields", name="fields")
    about = load_report(save(widgets=[explorer, sheet]))._unpack("lesson/0")[0][0]
    assert [told["truth"] for told in about["questions"]] == [q.task.truth for q in sheet]


def test_a_worksheet_that_can_not_be_made_is_named(explorer) -> None:
    sheet = zf.Worksheet(explorer, [StrongestPhoto("relu2", photos=30)])
    with pytest.raises(InputError, match="clearly more"):
        Draft([explorer, sheet])


def test_what_no_report_says_of_a_lesson_is_refused(explorer, sheet, save) -> None:
    manifest = load_report(save(widgets=[explorer, sheet]))._manifest
    check_manifest(manifest)
    for lessons in ([{"part": "lesson/0", "selection": 1}], [{"part": "../x", "selection": 0}], 3):
        with pytest.raises((ValueError, BrokenReport)):
            check_manifest({**manifest, "lessons": lessons})
