"""What was answered, and the file that keeps it."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass, fields
from datetime import datetime
from pathlib import Path

from ..language.words import Words


@dataclass(frozen=True)
class Attempt:
    """One answer to a question.

    Attributes
    ----------
    worksheet
        Name of the worksheet; "" of a question that stands alone.
    question
        Number of the question on it, from 1 on.
    exercise
        What was asked, the name of the exercise.
    attempt
        Which try it was, from 1 on.
    answer
        What was answered, as text.
    expected
        What is right.
    correct
        Whether the answer is right.
    seconds
        From when the question stood on screen; None where a script answered.
    time
        When, in UTC.
    """

    worksheet: str
    question: int
    exercise: str
    attempt: int
    answer: str
    expected: str
    correct: bool
    seconds: float | None
    time: datetime


@dataclass(frozen=True)
class Score:
    """How many of the questions are right.

    Attributes
    ----------
    right, answered, asked
        Questions whose last answer is right, that are answered, and all.
    """

    right: int
    answered: int
    asked: int

    def in_words(self, words: Words) -> str:
        """The score as a good teacher says it."""
        if not self.answered:
            return words("score.none", asked=self.asked)
        text = words("score.so_far", right=self.right, answered=self.answered)
        if self.answered < self.asked:
            return f"{text} {words('score.left', left=self.asked - self.answered)}"
        share = self.right / self.asked  # something was answered, so that there are questions
        how = "all" if share == 1 else "most" if share >= 0.6 else "some"
        return f"{text} {words(f'score.{how}')}"


def as_csv(attempts: Iterable[Attempt]) -> str:
    """One line an attempt, after the names of the columns."""
    file = io.StringIO()
    lines = csv.writer(file, lineterminator="\n")
    lines.writerow([field.name for field in fields(Attempt)])
    for one in attempts:
        values = dict(zip((field.name for field in fields(Attempt)), astuple(one), strict=True))
        values["seconds"] = "" if one.seconds is None else f"{one.seconds:.2f}"
        values["time"] = one.time.isoformat(timespec="seconds")
        lines.writerow(values.values())
    return file.getvalue()


def write_csv(attempts: Sequence[Attempt], path: Path) -> None:
    """Write the file: whole, or not at all."""
    from ..storage.whole import whole

    with whole(path) as temporary:
        temporary.write_text(as_csv(attempts), encoding="utf-8", newline="\n")
