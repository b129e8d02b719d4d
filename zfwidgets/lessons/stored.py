"""A worksheet as a report holds it: its page asks and checks without a kernel."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

from ..widgets.wire.encode import Answer
from .attempts import Attempt
from .exercises.task import Task
from .pictures import task_answer

if TYPE_CHECKING:
    from .question import Question
    from .worksheet import Worksheet

SAID = ("verdict.", "score.", "find_channel.", "answer.")
"""What the keys of those words begin with that the kernel says else."""


def stored_sheet(sheet: Worksheet) -> list[Answer]:
    """A description of the worksheet, then each question twice: asked, and with its answer.

    Waits for questions that are still being made.

    Raises
    ------
    InputError
        A question can't be made.
    """
    sheet.settle()
    words = sheet.words
    about: dict[str, Any] = {
        "name": sheet.name,
        "title": sheet.title,
        "intro": sheet.intro,
        "language": words.language,
        "projector": sheet.projector,
        "words": words.page,
        "says": {start: words.starting(start) for start in SAID},
        "channel": words.raw("channel"),
        "glossary": [list(one) for one in words.glossary.items()],
        "columns": [field.name for field in fields(Attempt)],
        "questions": [_question(question, question.task) for question in sheet],
    }
    answers: list[Answer] = [(about, [])]
    for question in sheet:
        answers += [task_answer(question.task, revealed) for revealed in (False, True)]
    return answers


def _question(question: Question, task: Task) -> dict[str, Any]:
    return {
        "kind": task.kind,
        "place": question.place,
        "before": question.before,
        "exercise": type(question.exercise).__name__,
        "expected": question.expected,
        "truth": task.truth,
        "answer": task.answer,
        "tolerance": task.tolerance,
        "scale": None if task.scale is None else task.scale._asdict(),
        "units": sorted([list(unit) for unit in task.units]),
        "options": [option.text for option in task.options],
    }
