"""Questions as static pictures: what is asked, all of it, and no answer before it is given."""

from __future__ import annotations

import base64
import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pytest
from nbclient import NotebookClient
from PIL import Image

from tests.kernels import SETUP
from tests.waiting import PROGRAM
from zfwidgets.lessons.exercises.task import Figure, Mark, Option, Scale, Task
from zfwidgets.lessons.still import Sketch, draw
from zfwidgets.records import Box

COLOURS = [(200, 30, 30), (30, 160, 40), (40, 60, 210), (220, 160, 20), (150, 20, 150)]


def figure(colour: tuple[int, int, int], rows: int = 40, columns: int = 60) -> Figure:
    return Figure(np.full((rows, columns, 3), colour, np.uint8), caption="A photo")


def sketch(task: Task, *says: str, given: float | None = None) -> Sketch:
    return Sketch("Question 1 of 2", "Look.", task, "", says, given)


def area(picture: Image.Image, colour: tuple[int, int, int]) -> int:
    return int((np.abs(np.asarray(picture).astype(int) - colour).max(-1) < 6).sum())


TASK = Task(
    "choice",
    "Which one?",
    answer=1,
    truth="The second.",
    figures=(figure(COLOURS[0]),),
    options=tuple(
        Option(name, figure(colour), told=f"{name} it is", shown=figure(COLOURS[4]))
        for name, colour in zip("abc", COLOURS[1:4], strict=True)
    ),
)


def test_all_pictures_of_a_question_are_shown_as_wide_as_high() -> None:
    picture = draw("Title", "About it.", "None answered.", [sketch(TASK), sketch(TASK)])
    (third, quarter) = 373, 277  # of the page, less gaps: 3 beside each other, or 4
    assert area(picture, COLOURS[0]) == pytest.approx(2 * third * third * 40 / 60, rel=0.02)
    for colour in COLOURS[1:4]:
        assert area(picture, colour) == pytest.approx(2 * quarter * quarter * 40 / 60, rel=0.02)
    assert area(picture, COLOURS[4]) == 0


def test_the_answer_is_in_it_when_it_was_given_and_not_before() -> None:
    other = replace(TASK, answer=2, truth="The third.", reveal=(figure(COLOURS[4]),))
    others = tuple(replace(one, told="", shown=None) for one in other.options)
    assert draw("", "", "", [sketch(TASK)]) == draw("", "", "", [sketch(other)])
    assert draw("", "", "", [sketch(TASK)]) == draw(
        "", "", "", [sketch(replace(TASK, options=others))]
    )
    said = draw("", "", "", [sketch(other, "This channel isn't one.")])
    assert area(said, COLOURS[4]) == 0, "looking for a channel goes on after a wrong one"
    given = draw("", "", "", [sketch(other, "Right. The third.", given=2)])
    assert area(given, COLOURS[4]) > 0
    assert area(given, COLOURS[0]) == 0, "what reveals stands in the place of what asks"


def test_marks_are_where_they_are_on_the_figure() -> None:
    plain = figure((240, 240, 240), rows=50, columns=100)
    marked = replace(plain, marks=(Mark(Box(10, 20, 30, 40)),))
    before, after = (
        np.asarray(draw("", "", "", [sketch(Task("find", "Where?", 0, "", figures=(one,)))]))
        for one in (plain, marked)
    )
    rows, columns = np.nonzero((before != after).any(-1))
    top, left = np.argwhere((before == 240).all(-1)).min(0)
    scale = 373 / 100
    found = [rows.min() - top, columns.min() - left, np.ptp(rows) + 1, np.ptp(columns) + 1]
    assert found == pytest.approx([10 * scale, 20 * scale, 30 * scale, 40 * scale], abs=2)


def test_the_answer_that_was_given_is_ticked_and_no_other() -> None:
    task = replace(TASK, figures=(), options=tuple(Option(name) for name in "abc"))
    pictures = [
        np.asarray(draw("", "", "", [sketch(task, "So.", given=given)])).astype(int)
        for given in (-1, 0, 1, 2)
    ]
    places = [np.argwhere((pictures[0] != one).any(-1)) for one in pictures[1:]]
    assert all(len(place) > 100 for place in places)
    assert places[0][:, 0].max() < places[1][:, 0].min()
    assert places[1][:, 0].max() < places[2][:, 0].min()


def test_long_captions_are_whole() -> None:
    long = replace(figure(COLOURS[0]), caption="The brighter, the more it falls. " * 6)
    (short, whole, more) = (
        draw("", "", "", [sketch(replace(TASK, figures=(one,), options=()))])
        for one in (figure(COLOURS[0]), long, replace(long, caption=f"{long.caption} Yes."))
    )
    assert whole.height > short.height
    assert more != whole


def test_what_is_not_made_says_why() -> None:
    lost = Sketch("Question 2 of 2", "", None, "InputError: no such layer", ())
    low, high = (draw("", "", "", [replace(lost, message=m)]) for m in ("", lost.message))
    assert low.size == high.size
    assert low != high
    estimate = Task("estimate", "How wide?", 5, "5", scale=Scale(0, 32, "pixels"))
    assert draw("", "", "", [sketch(estimate)]) != draw(
        "", "", "", [sketch(replace(estimate, scale=Scale(0, 64, "pixels")))]
    )


SHEET = """
from zfwidgets.lessons import FieldWidth, StrongestPhoto
asked = [StrongestPhoto("relu2", photos=3), ("How wide?", FieldWidth("conv2"))]
sheet = zf.Worksheet(engine, asked, title="Layers")
sheet
"""
PRINTED = """
import base64
from zfwidgets.widgets import static_picture
print(base64.b64encode(static_picture.to_jpeg({widget}._paint_known())).decode())
"""


def test_a_worksheet_that_a_program_runs_leaves_its_questions(
    root: Path, tmp_path: Path, built: Any
) -> None:
    setup = SETUP.format(
        root=str(root), tests=str(root / "tests" / "widgets"), static=str(tmp_path)
    )
    boxed = "import ipywidgets\nalone = zf.Question(engine, FieldWidth('conv1'))\n"
    cells = [
        *(setup, SHEET, "made = len(sheet[0].task.options)"),
        "sheet[0].answer(sheet[0].task.answer)",
        *(PRINTED.format(widget="sheet"), boxed + "ipywidgets.VBox([alone])"),
        PRINTED.format(widget="alone"),
    ]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(c) for c in cells])
    NotebookClient(notebook, timeout=PROGRAM, kernel_name="python3").execute()
    for shown, printed in ((1, 4), (5, 6)):
        (jpeg,) = [o for o in notebook.cells[shown].outputs if "image/jpeg" in o.get("data", {})]
        (said,) = notebook.cells[printed].outputs
        assert jpeg.data["image/jpeg"].strip() == said.text.strip()
        assert Image.open(io.BytesIO(base64.b64decode(said.text))).height > 200
    assert "zfwidgets Worksheet: Layers 1 of 1 right" in str(notebook.cells[1].outputs)
