"""A question without a page: what the page gets and gives, and what stays."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import zfwidgets as zf
from tests.waiting import PROGRAM, SECONDS
from tests.widgets import numpy_engine
from zfwidgets.errors import InputError
from zfwidgets.lessons import CostliestPlace, Covered, FieldWidth, FindChannel, StrongestPhoto
from zfwidgets.lessons.question import Question


def made(*arguments, **options) -> Question:
    question = zf.Question(*arguments, **options)
    assert question.settle(SECONDS)
    return question


def ask(question: Question, monkeypatch: pytest.MonkeyPatch, revealed: bool = False, name=None):
    """What the page is told: (message, pictures)."""
    sent: list = []
    key = {"fingerprint": question.fingerprint, "question": name or question.question}
    request = {
        "zf": 1,
        "op": "get",
        "view": "view",
        "slot": "slot",
        "kind": "exercise",
        "key": {**key, "revealed": revealed},
        "priority": 0,
    }
    with monkeypatch.context() as patch:
        patch.setattr(question, "send", lambda content, buffers: sent.append((content, buffers)))
        question._handle_custom_msg(request, [])
    ((message, buffers),) = sent
    return message, [np.asarray(Image.open(io.BytesIO(buffer))) for buffer in buffers]


def test_the_truth_stays_in_the_kernel_until_the_answer_is_given(
    engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    question = made(engine, StrongestPhoto("relu2", photos=3))
    task = question.task
    message, pictures = ask(question, monkeypatch)
    assert message["op"] == "reply"
    data = message["data"]
    assert data["answer"] is None
    assert [option["told"] for option in data["options"]] == ["", "", ""]
    assert all(option["figure"]["marks"] == [] for option in data["options"])
    for option, told in zip(task.options, data["options"], strict=True):
        np.testing.assert_array_equal(pictures[told["figure"]["picture"]], option.figure.pixels)
    early, _ = ask(question, monkeypatch, revealed=True)
    assert early["op"] == "error"
    assert "shown when the question is answered" in early["data"]["message"]
    state = json.dumps(question.get_state(), default=str)
    assert task.truth not in state

    question.set_state({"given": [int(task.answer), 3.456]})
    assert question.correct is True
    assert question.says == [f"Right. {task.truth}"]
    message, pictures = ask(question, monkeypatch, revealed=True)
    data = message["data"]
    assert data["answer"] == task.answer
    for option, told in zip(task.options, data["options"], strict=True):
        assert told["told"] == option.told
        assert len(told["figure"]["marks"]) == len(option.shown.marks)
    (attempt,) = question.attempts
    assert (attempt.answer, attempt.expected, attempt.correct) == (
        task.options[int(task.answer)].text,
        task.options[int(task.answer)].text,
        True,
    )
    assert (attempt.seconds, attempt.attempt, attempt.exercise) == (3.46, 1, "StrongestPhoto")


def test_what_was_answered_cannot_be_changed(engine) -> None:
    question = made(engine, StrongestPhoto("relu2", photos=3))
    wrong = (question.task.answer + 1) % 3
    for change in (
        {"given": 3},
        {"given": [0]},
        {"given": [3, 1.0]},
        {"given": [0.5, 1.0]},
        {"given": [-1, 1.0]},
        {"given": [True, 1.0]},
        {"given": ["show", 1.0]},
        {"given": [0, -1.0]},
        {"given": [0, float("nan")]},
        {"correct": True},
        {"phase": "answered"},
        {"says": ["Right."]},
    ):
        before = json.dumps(question.get_state(), default=str)
        question.set_state(change)
        assert json.dumps(question.get_state(), default=str) == before, change
    assert question.attempts == ()
    question.set_state({"given": [wrong, 1.0]})
    assert question.correct is False
    for change in ({"given": None}, {"given": [question.task.answer, 1.0]}, {"correct": True}):
        question.set_state(change)
        assert (question.given, question.correct) == ([wrong, 1.0], False), change
    with pytest.raises(InputError, match="is answered: reset"):
        question.answer(question.task.answer)
    assert len(question.attempts) == 1
    assert question.says[0].startswith("Not this time.")


def test_a_reset_asks_again_and_keeps_what_was_answered(
    engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    question = made(engine, FieldWidth("conv2"))
    old = question.question
    assert not question.answer(30)
    question.reset()
    assert (question.phase, question.given, question.correct) == ("asked", None, None)
    assert ask(question, monkeypatch, name=old)[0]["op"] == "error"
    assert ask(question, monkeypatch, revealed=True)[0]["op"] == "error"
    assert question.answer(9)
    rows = [(a.attempt, a.answer, a.expected, a.correct) for a in question.attempts]
    assert rows == [(1, "30", "8", False), (2, "9", "8", True)]
    assert question.says[0].startswith("Your 9: well estimated.")
    question.reset()
    with pytest.raises(InputError, match="Estimate 1 to 32"):
        question.answer(33)


def test_a_channel_is_looked_for_in_the_explorer(explorer) -> None:
    question = made(explorer, FindChannel(7, "relu2"))
    right = sorted(channel for _, channel in question.task.units)
    wrong = [channel for channel in range(8) if channel not in right]
    assert question.chosen == "conv2 : 3"
    assert not question.check()
    assert "Choose layer relu2" in question.says[0]
    explorer.selection.unit = ("relu2", wrong[0])
    assert question.chosen == f"relu2 : {wrong[0]}"
    question.set_state({"checks": 2})
    assert question.phase == "asked"
    assert "isn't among its nine" in question.says[0]
    explorer.selection.unit = ("relu2", right[-1])
    question.set_state({"checks": 3})
    assert (question.phase, question.correct) == ("answered", True)
    question.set_state({"checks": 4})
    rows = [(a.answer, a.correct) for a in question.attempts]
    assert rows == [
        ("conv2:3", False),
        (f"relu2:{wrong[0]}", False),
        (f"relu2:{right[-1]}", True),
    ]
    assert question.attempts[0].expected == " ".join(map(str, right))

    question.reset()
    question.set_state({"given": ["show", 8.0]})
    assert (question.phase, question.correct) == ("answered", False)
    assert f"channel {right[0]} for one" in question.says[0]
    assert question.attempts[-1].answer == "shown"
    with pytest.raises(InputError, match="choose it in the Explorer"):
        question.answer(0)


def test_a_selection_that_is_linked_later_is_followed(engine, explorer) -> None:
    question = made(explorer, FindChannel(7, "relu2"))
    grid = zf.PatchGrid(engine, layer="relu1", channel=2)
    zf.link(grid, explorer)
    assert question.chosen == "relu1 : 2"
    grid.selection.unit = sorted(question.task.units)[0]
    assert question.check()


def test_an_index_that_is_not_there_is_waited_for() -> None:
    fresh = numpy_engine.NumpyEngine()
    question = zf.Question(fresh, StrongestPhoto("relu2", photos=3))
    assert question.phase == "making"
    assert question.settle(SECONDS)
    assert fresh.indexed
    assert question.phase == "asked"


def test_what_fails_is_said_and_can_be_tried_again(engine) -> None:
    question = zf.Question(engine, StrongestPhoto("relu2", 7))
    with pytest.raises(InputError, match="clearly more"):
        question.settle(SECONDS)
    assert question.phase == "failed"
    assert question.message.startswith("InputError: Layer 'relu2' makes no such question")
    with pytest.raises(InputError, match="being made"):
        question.answer(0)
    question.set_state({"given": [0, 1.0]})
    assert question.given is None


@pytest.mark.parametrize(
    ("exercise", "options", "why"),
    [
        ("relu2", {}, "must be one of zfwidgets.lessons"),
        (FindChannel(), {}, "pass the Explorer"),
        (FieldWidth(), {"language": "fr"}, "language must be one of"),
    ],
)
def test_what_is_not_possible_is_named(engine, exercise, options, why) -> None:
    with pytest.raises(InputError, match=why):
        zf.Question(engine, exercise, **options)


def test_german_is_asked_in_german_and_little_is_synchronised(engine) -> None:
    question = made(engine, Covered(0), before="Schau genau hin.", language="de")
    assert "Um wie viele Punkte" in question.task.ask
    assert question.words["check"] == "Meine Antwort prüfen"
    question.answer(50)
    state = question.get_state()
    state.pop("_esm", None)
    assert len(json.dumps(state, default=str)) < 4096


def test_it_needs_no_torch(tmp_path: Path, root: Path) -> None:
    code = f"""
import sys
for name in ("torch", "torchvision", "bqplot"):
    sys.modules[name] = None
sys.path.insert(0, {str(root / "tests" / "widgets")!r})
from pathlib import Path
from zfwidgets.widgets import bundle
bundle.STATIC = Path({str(tmp_path)!r})
import numpy_engine, zfwidgets as zf
explorer = zf.Explorer(numpy_engine.NumpyEngine(images=24))
for lesson in (zf.lessons.seeing, zf.lessons.forming):
    sheet = lesson(explorer)
    for question in sheet:
        question.settle({SECONDS})
    sheet.handout(Path({str(tmp_path)!r}) / "sheet.html")
"""
    done = subprocess.run(
        [sys.executable, "-c", code], timeout=PROGRAM, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-2000:]


def test_the_photo_stays_as_it_is(engine) -> None:
    before = engine.pictures.copy()
    made(engine, CostliestPlace(0))
    np.testing.assert_array_equal(engine.pictures, before)
