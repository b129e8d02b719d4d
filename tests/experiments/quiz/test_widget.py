"""The quiz's widget: what the page gets and gives, what is scored, and where there's no quiz."""

from __future__ import annotations

import csv
import io
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import ipywidgets
import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view
from PIL import Image

import zfwidgets as zf
from tests.experiments.small import MEAN, STD, Pictures, chain
from tests.waiting import PROGRAM, SECONDS
from zfwidgets.drawing.page import Page
from zfwidgets.errors import InputError, NotStored
from zfwidgets.experiments.quiz import answers, widget
from zfwidgets.experiments.quiz.answers import QuizScore, beside, verdict
from zfwidgets.experiments.quiz.board import QuizBoard
from zfwidgets.language.words import Words
from zfwidgets.records import display_scale, signed_picture, signed_to_uint8

PHOTOS = 48


def make_engine(photos: int = PHOTOS) -> zf.Engine:
    return zf.Engine(
        chain(), Pictures(photos), cache=False, denormalize=(MEAN.tolist(), STD.tolist())
    )


@pytest.fixture(scope="module")
def engine() -> zf.Engine:
    return make_engine()


@pytest.fixture(autouse=True)
def closed_afterwards() -> Iterator[None]:
    yield
    ipywidgets.Widget.close_all()
    widget._without.clear()


def made(engine: object, *arguments: object, **options: object) -> zf.Quiz:
    quiz = zf.Quiz(engine, *arguments, **options)
    assert quiz.settle(SECONDS)
    return quiz


def board_of(quiz: zf.Quiz) -> QuizBoard:
    return quiz.children[-1]


def ask(quiz: zf.Quiz, number: int, monkeypatch: pytest.MonkeyPatch) -> tuple[dict, list]:
    """What the page is told of a question: (message, pictures)."""
    board = board_of(quiz)
    sent: list[tuple] = []
    key = {"quiz": board.quiz, "number": number}
    request = {"zf": 1, "op": "get", "view": "v", "slot": "s", "kind": "question", "key": key}
    with monkeypatch.context() as patch:
        patch.setattr(board, "send", lambda content, buffers: sent.append((content, buffers)))
        board._handle_custom_msg(request, [])
    ((message, buffers),) = sent
    return message, [np.asarray(Image.open(io.BytesIO(buffer))) for buffer in buffers]


@pytest.mark.parametrize("hint", ["patches", "projections", "brightness", "revealed", "none"])
def test_the_page_gets_the_records_pixels(
    engine: zf.Engine, hint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    quiz = made(engine, "4", hint, 3, seed=4)
    assert len(quiz.questions) == 3
    for number, question in enumerate(quiz.questions):
        message, pictures = ask(quiz, number, monkeypatch)
        assert message["op"] == "reply"
        data = message["data"]
        assert (data["layer"], data["channel"]) == ("4", question.channel)
        for choice, told, pixels in zip(question.choices, data["choices"], pictures, strict=False):
            np.testing.assert_array_equal(pixels, engine.photo(choice.image))
            assert (told["image"], told["value"]) == (choice.image, choice.activation.value)
        shown = question.hint if hint != "none" else ()
        assert [one["image"] for one in data["hint"]] == [a.image for a in shown]
        patches = pictures[2 : 2 + data["patches"]]
        assert len(patches) == (len(shown) if hint in ("patches", "revealed") else 0)
        for activation, pixels in zip(shown, patches, strict=False):
            photo = engine.photo(activation.image)
            box = activation.box.inside(*photo.shape[:2])
            np.testing.assert_array_equal(pixels, box.cut(photo))
        signed = pictures[2 + data["patches"] :]
        assert len(signed) == (len(shown) if hint not in ("patches", "none") else 0)
        if signed:
            found = engine.project_all(shown)
            for one, info, pixels in zip(found, data["projections"], signed, strict=True):
                crop = one.activation.box.inside(*one.pixels.shape[:2]).cut(one.pixels)
                np.testing.assert_array_equal(pixels, signed_to_uint8(crop, info["full"]))
            assert "deconvnet" in data["rule"]


def test_questions_are_the_same_whatever_the_hint(engine: zf.Engine) -> None:
    hints = ("patches", "projections", "none")
    found = [made(engine, "1", hint, 5, seed=9).questions for hint in hints]
    assert found[0] == found[1] == found[2]
    assert list(found[0]) == list(
        zf.experiments.quiz_questions(engine, "1", 5, seed=9, progress=False)
    )


def test_answers_are_scored_and_written(engine: zf.Engine, tmp_path: Path) -> None:
    quiz = made(engine, "4", questions=10, seed=1)
    assert np.isnan(quiz.score.share)
    wrong = {"left": "right", "right": "left"}
    for number, question in enumerate(quiz.questions):
        side = question.correct if number < 8 else wrong[question.correct]
        answer = quiz.choose(side)
        assert answer.correct == (number < 8)
        assert answer.chosen == side
        assert answer.photos == (
            question.left.activation.image_name,
            question.right.activation.image_name,
        )
        assert answer.values == (question.left.activation.value, question.right.activation.value)
        assert (answer.hint, answer.layer, answer.seed) == ("patches", "4", 1)
    assert quiz.score == QuizScore(8, 10)
    # Wilson's interval of 8 in 10, as published tables have it
    assert quiz.score.interval == pytest.approx((0.4902, 0.9433), abs=1e-4)
    with pytest.raises(InputError, match="All 10 questions are answered"):
        quiz.choose("left")
    with pytest.raises(InputError, match="side must be"):
        quiz.choose("up")
    path = tmp_path / "quiz.csv"
    quiz.to_csv(path)
    rows = list(csv.DictReader(io.StringIO(path.read_text("utf-8"))))
    assert len(rows) == 10
    for row, answer in zip(rows, quiz.answers, strict=True):
        assert (row["left"], row["right"]) == answer.photos
        assert (float(row["left_value"]), float(row["right_value"])) == answer.values
        assert (row["chosen"], row["correct"]) == (answer.chosen, str(answer.correct))
        assert (row["channel"], row["seconds"]) == (str(answer.channel), "")
    assert board_of(quiz).says[0] == "8 of 10 right: 80 % (95 % interval 49 to 94 %)"


def test_the_page_answers_and_cannot_take_back(engine: zf.Engine) -> None:
    quiz = made(engine, "1", questions=3)
    board = board_of(quiz)
    board.set_state({"given": [["left", 1.234]]})
    assert quiz.answers[0].chosen == "left"
    assert quiz.answers[0].seconds == 1.23
    assert quiz.answers[0].correct == (quiz.questions[0].correct == "left")
    board.set_state({"at": 1})
    assert board.at == 1
    for change in (
        {"given": []},
        {"given": [["right", 1.23]]},
        {"given": [["left", 1.23]] + [["left", 0.5]] * 3},
        {"given": [["left", 1.23], ["middle", 1]]},
        {"given": [["left", 1.23], ["left", -1]]},
        {"given": [["left", 1.23], ["left", float("nan")]]},
        {"given": [["left", 1.23], "left"]},
        {"given": 3},
        {"at": 2},
        {"at": -1},
        {"ready": 100},
        {"says": ["all right"]},
    ):
        state = json.dumps(board.get_state(), default=str)
        board.set_state(change)
        assert json.dumps(board.get_state(), default=str) == state, change
    board.set_state({"given": [["left", 1.23], ["right", None]], "at": 2})
    assert [answer.chosen for answer in quiz.answers] == ["left", "right"]
    assert board.at == 2


def test_scores_stand_beside_guessing_and_beside_no_hint(engine: zf.Engine) -> None:
    assert "more than luck" in verdict(QuizScore(9, 10), Words("en"))
    assert "the interval holds" in verdict(QuizScore(7, 10), Words("en"))
    assert "misled" in verdict(QuizScore(0, 10), Words("en"))
    hinted = made(engine, "4", questions=4, seed=6)
    hinted.choose("left")
    call = """zf.Quiz(engine, '4', hint="none", seed=106)"""
    assert board_of(hinted).says[2] == f"To compare, play without a hint: {call}"
    assert eval(call, {"zf": zf, "engine": engine}).hint == "none"
    without = made(engine, "4", "none", 4, seed=7)
    for question in without.questions:
        without.choose(question.correct)
    assert len(board_of(without).says) == 2
    hinted.choose("left")
    assert "Without a hint: 4 of 4 right" in board_of(hinted).says[2]
    assert "the same ones" not in board_of(hinted).says[2]
    assert [bar[0] for bar in board_of(hinted).bars] == ["patches", "no hint"]
    same = made(engine, "4", questions=4, seed=7)
    same.choose("left")
    assert "the same ones" in board_of(same).says[2]
    elsewhere = made(engine, "1", questions=4, seed=6)
    elsewhere.choose("left")
    assert "To compare" in board_of(elsewhere).says[2]
    low, high = answers.newcombe(0.5, 2, 1.0, 4)
    assert QuizScore(1, 2).less(QuizScore(4, 4)) == (-0.5, low, high)
    assert "−50 points" in beside(QuizScore(1, 2), QuizScore(4, 4), False, Words())


def test_a_german_quiz_says_everything_in_german_but_its_static_picture(engine: zf.Engine) -> None:
    zf.set_language("de")
    try:
        quiz = made(engine, "4", questions=2, seed=6)
    finally:
        zf.set_language("en")
    assert quiz.settle(SECONDS)
    button = quiz._button.description
    assert (button, quiz._status.value) == ("Neue Fragen", "2 Fragen")
    assert board_of(quiz).language == "de"
    quiz.choose("left")
    says = board_of(quiz).says
    assert re.fullmatch(r"[01] von 1 richtig: \d+ % \(95-%-Intervall \d+ bis \d+ %\)", says[0])
    assert says[1].startswith("Raten trifft 50 %")
    assert board_of(quiz).bars[0][0] == "Ausschnitte"
    assert quiz._says(Words("en"))[0].startswith(says[0].split(" von ")[0] + " of 1 right")
    english = made(engine, "4", questions=2, seed=6, language="en")
    assert english._button.description == "New questions"
    with pytest.raises(InputError, match="language must be one of de, en, not 'fr'"):
        zf.Quiz(engine, language="fr")


def test_new_questions_are_another_round_and_answers_stay(engine: zf.Engine) -> None:
    quiz = made(engine, "1", questions=2, seed=3)
    first = quiz.questions
    quiz.choose("left")
    quiz._button.click()
    assert quiz.settle(SECONDS)
    assert quiz.questions != first
    assert list(quiz.questions) == list(
        zf.experiments.quiz_questions(engine, "1", 2, seed=4, progress=False)
    )
    assert (quiz.score.answered, board_of(quiz).at, board_of(quiz).says) == (0, 0, [])
    quiz.choose("right")
    assert [(a.seed, a.chosen) for a in quiz.answers] == [(3, "left"), (4, "right")]
    assert quiz.score.answered == 1


def test_without_an_index_it_waits_for_one() -> None:
    fresh = make_engine()
    quiz = zf.Quiz(fresh, "1", questions=2)
    assert quiz.settle(SECONDS)
    assert fresh.indexed
    assert len(quiz.questions) == 2
    assert board_of(quiz).total == board_of(quiz).ready == 2


def test_while_the_index_is_paused_it_says_so() -> None:
    fresh = make_engine()
    grid = zf.PatchGrid(fresh)
    grid.pause()
    quiz = zf.Quiz(fresh, "1", questions=2)
    assert not quiz.settle(SECONDS)
    assert not quiz.questions
    grid.resume()
    assert quiz.settle(SECONDS)
    assert len(quiz.questions) == 2


def test_it_needs_no_torch() -> None:
    code = "import sys, zfwidgets.experiments.quiz.widget; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], timeout=PROGRAM).returncode == 0


def test_what_makes_no_question_is_said(engine: zf.Engine) -> None:
    quiz = zf.Quiz(make_engine(3), "1")
    with pytest.raises(InputError, match="needs 4 photos"):
        quiz.settle(SECONDS)
    assert "InputError: A quiz needs 4 photos or more" in quiz._status.value
    assert board_of(quiz).total == 0
    few = made(make_engine(5), "1", questions=60)
    assert 0 < len(few.questions) < 60
    assert f"{len(few.questions)} questions, not 60: layer 1" in few._status.value
    assert board_of(few).total == len(few.questions)


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"hint": "colours"}, "hint must be one of patches, .* not 'colours'"),
        ({"hard": "very"}, "hard must be True or False, not 'very'"),
        ({"layer": "nowhere"}, "no layer 'nowhere'"),
        ({"questions": 101}, r"questions must be in 1 \.\. 100"),
    ],
)
def test_what_is_not_possible_is_named(engine: zf.Engine, options: dict, why: str) -> None:
    with pytest.raises(InputError, match=why):
        zf.Quiz(engine, **options)


def test_little_is_synchronised_and_the_picture_shows_what_was_played(engine: zf.Engine) -> None:
    quiz = made(engine, "4", questions=100)
    assert quiz.snapshot(SECONDS).width == 1200
    for question in quiz.questions:
        quiz.choose(question.correct)
    state = board_of(quiz).get_state()
    state.pop("_esm", None)
    assert len(json.dumps(state, default=str)) < 4096
    picture = quiz.snapshot(SECONDS)
    assert picture.width == 1200
    assert f"{len(quiz.questions)} of {len(quiz.questions)} right" in quiz._describe()
    photo = Image.fromarray(engine.photo(quiz.questions[-1].left.image))
    assert _shows(picture, np.asarray(photo.resize((2, 2), Image.Resampling.BOX)).mean((0, 1)))


@pytest.mark.parametrize("hint", ["patches", "projections", "brightness", "revealed", "none"])
def test_the_static_picture_of_a_question_can_be_played(
    engine: zf.Engine, monkeypatch: pytest.MonkeyPatch, hint: str
) -> None:
    quiz = made(engine, "4", questions=2, hint=hint)
    drawn: list[Image.Image] = []
    draw = Page.picture

    def picture(page: Page, x: int, y: int, image: Image.Image, *size: int, **how: bool) -> None:
        drawn.append(image)
        draw(page, x, y, image, *size, **how)

    monkeypatch.setattr(Page, "picture", picture)
    quiz.snapshot(SECONDS)
    *shown, left, right = drawn
    question = quiz.questions[0]
    for photo, choice in zip((left, right), question.choices, strict=True):
        wanted = engine.photo(choice.image).astype(float)
        assert np.abs(np.asarray(photo).astype(float) - wanted).mean() < 3
    assert len(shown) == (0 if hint == "none" else len(question.hint))
    if hint == "none":
        return
    projections = engine.project_all(question.hint)
    one_scale = display_scale(projections)
    for found, activation, projection in zip(shown, question.hint, projections, strict=True):
        rows, columns = engine.photo(activation.image).shape[:2]
        here = np.asarray(found).astype(float)
        if hint in ("patches", "revealed"):
            patch = activation.box.inside(rows, columns).cut(engine.photo(activation.image))
            if hint == "patches":
                assert np.abs(here - patch).mean() < 4, "as JPEG"
            else:
                assert here.shape[0] <= patch.shape[0]
            continue
        box = activation.box.inside(rows, columns)
        values = "colour" if hint == "projections" else "brightness"
        scale = one_scale if hint == "projections" else None
        whole = signed_picture(box.cut(projection.pixels), values, scale).astype(float)
        matches = sliding_window_view(whole, here.shape)
        assert np.abs(matches - here).mean((-1, -2, -3)).min() < 3, "some square of it, as shown"


def _shows(picture: Image.Image, colour: np.ndarray) -> bool:
    """Whether some part of a picture has about a photo's mean colour."""
    small = np.asarray(picture.resize((60, picture.height // 20), Image.Resampling.BOX))
    return bool((np.abs(small.astype(float) - colour).max(-1) < 12).any())


# ---------------------------------------------------------------------- reports


@pytest.fixture(scope="module")
def report(engine: zf.Engine, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report that has the range of two channels, and projections of one of them."""
    path = tmp_path_factory.mktemp("report") / "report.html"
    alive = np.flatnonzero(engine.channels("4").strongest > 0)[:2]
    grids = [zf.PatchGrid(engine, layer="4", channel=int(channel)) for channel in alive]
    zf.save_report(grids, path, layers=["1", "4"], images=[0], progress=False)
    return path


@pytest.mark.parametrize("hint", ["patches", "projections"])
def test_a_report_asks_what_it_holds(
    engine: zf.Engine, report: Path, hint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored = zf.load_report(report)
    quiz = made(stored, "4", hint, 30)
    held = {channel for layer, channel in stored.held.units if layer == "4"}
    assert {q.channel for q in quiz.questions} <= held
    assert quiz.questions
    for number, question in enumerate(quiz.questions):
        for choice in question.choices:
            live = engine.respond(
                choice.image, zf.records.Occluder(zf.records.Box(0, 0, 1, 1)), "4"
            )
            assert choice.activation.value == pytest.approx(
                live.clean_units[question.channel], rel=1e-5
            )
            rank = np.argsort(engine.sample("4", question.channel).values).tolist()
            place = rank.index(choice.image)
            assert choice.percentile == pytest.approx(100 * (place + 0.5) / PHOTOS, abs=0.1)
        message, pictures = ask(quiz, number, monkeypatch)
        assert message["op"] == "reply"
        assert len(pictures) == 2 + len(question.hint)
    assert "not 30" in quiz._status.value


def test_what_a_report_lacks_is_said_on_screen(report: Path) -> None:
    quiz = zf.Quiz(zf.load_report(report), "1")
    with pytest.raises(NotStored, match="report holds"):
        quiz.settle(SECONDS)
    assert quiz._status.value.startswith("NotStored: ")
