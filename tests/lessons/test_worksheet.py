"""Worksheets: the score, the file of answers, the handout, and the lessons that are shipped."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import nbformat
import pandas
import pytest

import zfwidgets as zf
from tests.waiting import SECONDS
from zfwidgets.errors import InputError
from zfwidgets.language.words import Words
from zfwidgets.lessons import (
    Covered,
    FieldWidth,
    FindChannel,
    Score,
    StrongestPhoto,
)

QUESTIONS = (
    StrongestPhoto("relu2", photos=3),
    ("How wide is it?", FieldWidth("conv2")),
    FindChannel(7, "relu2"),
)


@pytest.fixture
def sheet(explorer):
    found = zf.Worksheet(explorer, QUESTIONS, title="Layers & fields", name="layers")
    assert found.settle(SECONDS)
    return found


def test_answers_are_counted_and_said_kindly(sheet) -> None:
    head, foot = sheet.children[0], sheet.children[-1]
    assert head.title == "Layers & fields"
    assert [question.place for question in sheet] == [f"Question {n} of 3" for n in (1, 2, 3)]
    assert foot.says.startswith("3 questions, none answered yet.")
    sheet[0].answer(sheet[0].task.answer)
    assert foot.says == "1 of 1 right. 2 to go."
    assert (
        sheet._repr_mimebundle_()["text/plain"]
        == "Worksheet: Layers & fields 1 of 1 right. 2 to go."
    )
    assert repr(sheet[1]).startswith("Question: The photo is 32 pixels wide.")
    sheet[1].answer(32)
    assert (head.answered, foot.says) == (2, "1 of 2 right. 1 to go.")
    assert sheet.score == Score(1, 2, 3)
    sheet[2].given = ["show", None]
    assert foot.says.startswith("1 of 3 right.")
    foot.set_state({"resets": 1})
    assert sheet.score == Score(0, 0, 3)
    assert len(sheet.attempts) == 3
    foot.set_state({"resets": 0, "says": "All right.", "answered": 3})
    assert foot.says.startswith("3 questions, none answered yet.")
    words = Words("de")
    assert Score(3, 3, 3).in_words(words) == "3 von 3 richtig. Alle: Du siehst, was das Netz sieht."


def test_pandas_reads_the_answers_and_a_grader_counts_them(sheet, tmp_path: Path) -> None:
    wrong = (sheet[0].task.answer + 1) % 3
    sheet[0].answer(wrong)
    sheet[1].answer(8)
    sheet.reset()
    sheet[0].answer(sheet[0].task.answer)
    path = tmp_path / "answers.csv"
    sheet.to_csv(path)
    table = pandas.read_csv(path, parse_dates=["time"])
    assert [*table.columns] == [
        "worksheet",
        "question",
        "exercise",
        "attempt",
        "answer",
        "expected",
        "correct",
        "seconds",
        "time",
    ]
    assert table.question.tolist() == [1, 2, 1]
    assert table.attempt.tolist() == [1, 1, 2]
    assert table.correct.tolist() == [False, True, True]
    assert set(table.worksheet) == {"layers"}
    assert table.time.is_monotonic_increasing
    assert str(table.time.dt.tz) == "UTC"
    # points for an nbgrader cell: questions whose last answer is right
    assert table.groupby("question").correct.last().sum() == 2


def test_a_file_is_kept_up_to_date_where_one_is_named(explorer, tmp_path: Path) -> None:
    path = tmp_path / "mine" / "answers.csv"
    sheet = zf.Worksheet(explorer, QUESTIONS, answers=path)
    assert sheet.settle(SECONDS)
    assert not path.exists(), "nothing is written before there is an answer"
    sheet[1].answer(9)
    assert len(pandas.read_csv(path)) == 1
    sheet[2].check()
    assert pandas.read_csv(path).correct.tolist() == [True, False]


def test_large_letters_are_for_all_of_it(explorer) -> None:
    sheet = zf.Worksheet(explorer, QUESTIONS, projector=True)
    assert all(part.projector for part in sheet.children)
    sheet.children[0].set_state({"projector": False})
    assert not any(part.projector for part in sheet.children)
    sheet.projector = True
    assert all(part.projector for part in sheet.children)
    for part in sheet.children:
        state = part.get_state()
        state.pop("_esm", None)
        assert len(json.dumps(state, default=str)) < 4096


def test_the_page_gets_the_glossary_and_the_answers(sheet, monkeypatch) -> None:
    sent: list = []
    foot = sheet.children[-1]
    sheet[1].answer(8)
    request = {"zf": 1, "op": "get", "view": "v", "slot": "s", "kind": "worksheet", "priority": 0}
    key = {"fingerprint": "", "worksheet": foot.worksheet}
    monkeypatch.setattr(foot, "send", lambda content, buffers: sent.append(content))
    foot._handle_custom_msg({**request, "key": key}, [])
    foot._handle_custom_msg({**request, "key": {**key, "worksheet": "other"}}, [])
    data = sent[0]["data"]
    assert data["name"] == "layers.csv"
    assert data["csv"].splitlines()[1].startswith("layers,2,FieldWidth,1,8,8,True,,")
    assert dict(data["glossary"]) == zf.lessons.glossary()
    assert sent[1]["op"] == "error"


# ---------------------------------------------------------------------- on paper


class Page(HTMLParser):
    """The tags of a page, and whether all that is opened is closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict]] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in ("meta", "br", "image", "rect"):
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_a_handout_has_blanks_and_the_teachers_has_answers(sheet, tmp_path: Path) -> None:
    pupils, teachers = tmp_path / "sheet.html", tmp_path / "teacher.html"
    sheet.handout(pupils)
    sheet.handout(teachers, answers=True)
    texts = [path.read_text("utf-8") for path in (pupils, teachers)]
    for text in texts:
        page = Page(text)
        assert page.open == []
        assert "<h1>Layers &amp; fields</h1>" in text
        assert not re.search(r'(?:src|href)="(?!data:image/)', text), "it needs nothing else"
        assert "<script" not in text
        assert "@media print" in text
        assert "Receptive field" in text, "the glossary"
        images = [attributes for tag, attributes in page.tags if tag == "image"]
        assert len(images) == 1 + 1 + 3 + 1 + 1  # example, hint and options, field, photo
    blank, answered = texts
    assert blank.count('class="blank"') == 2
    assert "☒" not in blank
    for question in sheet:
        assert question.task.truth not in blank
    assert answered.count("☒") == 1
    assert 'class="blank"' not in answered
    right = sheet[0].task.options[int(sheet[0].task.answer)].text
    assert f"<strong>Answer: {right}</strong>" in answered
    assert "<strong>Answer: 8 pixels (6 to 10 counts as right)</strong>" in answered
    assert "Teacher" in answered


def test_a_handouts_example_measures_another_layer_by_the_ruler(sheet, tmp_path: Path) -> None:
    path = tmp_path / "sheet.html"
    sheet.handout(path)
    (example,) = re.findall(r'<section class="example">(.*?)</section>', path.read_text("utf-8"))
    named = re.search(r"of layer (\w+) see", example) or re.search(r"layer (\w+)", example)
    assert named is not None
    layer = sheet.engine.layer(named[1])
    assert layer.name != "conv2", "which the sheet asks about"
    width = layer.field_of(layer.channels - 1).size[1]
    left, right, told = map(int, re.findall(r"\d+", example[example.index("On the ruler") :])[:3])
    assert right - left == told == width
    # the ruler is in the photo's pixels: its marks with a number stand where the number says
    columns = sheet.engine.info.input_shape[2]
    assert f'viewBox="0 0 {columns} ' in example
    marks = re.findall(r'<text x="(\d+)"[^>]*>(\d+)</text>', example)
    assert [at for at, number in marks if at != number] == []
    assert len(marks) == columns // 50 + 1
    frame = re.search(r'<rect x="(-?\d+)" y="-?\d+" width="(\d+)"', example)
    assert frame is not None
    assert (int(frame[1]), int(frame[2])) == (left, width)


def test_a_handout_waits_for_no_question_that_fails(explorer, tmp_path: Path) -> None:
    sheet = zf.Worksheet(explorer, [StrongestPhoto("relu2", photos=30)])
    with pytest.raises(InputError, match="clearly more"):
        sheet.settle(SECONDS)
    with pytest.raises(InputError, match="being made"):
        sheet.handout(tmp_path / "sheet.html")
    assert list(tmp_path.glob("*.html")) == []


def test_a_question_that_cannot_be_made_does_not_count(explorer) -> None:
    sheet = zf.Worksheet(explorer, [StrongestPhoto("relu2", photos=30), FieldWidth("conv2")])
    with pytest.raises(InputError, match="clearly more"):
        sheet.settle(SECONDS)
    assert sheet[1].settle(SECONDS)
    sheet[1].answer(8)
    assert sheet.score == Score(1, 1, 1)
    assert sheet.children[-1].says.startswith("1 of 1 right. All of them:")


def test_a_worksheet_needs_a_question(explorer) -> None:
    with pytest.raises(InputError, match="needs a question"):
        zf.Worksheet(explorer, [])


# ---------------------------------------------------------------------- the three lessons


@pytest.mark.parametrize("language", ["en", "de"])
def test_the_lessons_hold_for_another_network_and_other_photos(explorer, language: str) -> None:
    words = Words(language)
    for lesson in (zf.lessons.seeing, zf.lessons.forming):
        sheet = lesson(explorer, language=language)
        for question in sheet:
            assert question.settle(SECONDS)
        assert sheet.title == words(f"{sheet.name}.title")
        assert 4 <= len(sheet) <= 6
        assert all(question.phase == "asked" for question in sheet)


def test_covering_is_asked_of_the_photos_that_the_network_is_surest_of(engine) -> None:
    seen = [i * 23 // 11 for i in range(12)]  # from all over the list of 24
    sure = sorted(seen, key=lambda image: -engine.predict(image).probabilities.max())
    for nth in (0, 2):
        question = zf.Question(engine, Covered(nth=nth))
        assert question.settle(SECONDS)
        assert question.task.figures[0].caption == engine.info.images[sure[nth]]


def test_the_notebooks_are_short_and_choose_the_engine_in_one_cell(root: Path) -> None:
    paths = sorted((root / "examples" / "lesson").glob("*.ipynb"))
    assert [path.stem for path in paths] == ["1_seeing", "2_looking", "3_forming"]
    for path in paths:
        notebook = nbformat.read(path, as_version=4)
        assert len(notebook.cells) <= 6
        assert not any(cell.get("outputs") for cell in notebook.cells)
        start = notebook.cells[2].source  # after the title and Colab's
        assert "ZFWIDGETS_URL" in start
        assert all("ZFWIDGETS_URL" not in cell.source for cell in notebook.cells[3:])


def test_a_lesson_takes_the_classrooms_engine_where_there_is_one(
    root: Path, engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def connect(url, token=None):
        asked.append((url, token))
        return engine

    monkeypatch.setattr(zf, "connect", connect, raising=False)
    monkeypatch.setenv("ZFWIDGETS_URL", "http://teacher:8000")
    monkeypatch.setenv("ZFWIDGETS_TOKEN", "word")
    monkeypatch.setenv("ZFWIDGETS_LANGUAGE", "de")
    notebook = nbformat.read(root / "examples" / "lesson" / "3_forming.ipynb", as_version=4)
    cells = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    names: dict = {}
    exec("\n".join(cells), names)
    assert asked == [("http://teacher:8000", "word")]
    assert names["sheet"].title == "Wie entstehen Merkmale?"
