"""Runs that can be stopped and gone on with, and how far they are in words."""

from __future__ import annotations

from collections.abc import Generator
from typing import Generic, TypeVar

from ...language.words import Words
from ...records import Progress
from ...stepwise import Driven, Growing

Result = TypeVar("Result")


class Going(Generic[Result]):
    """Steps that were begun, and may be gone on with after a stop."""

    def __init__(self, run: int, steps: Growing[Result]) -> None:
        self.run = run
        self.driven: Driven[Progress | Result, Result] = Driven(steps)
        self.steps: Generator[Progress | Result, None, None] = self.driven.walk()
        self.stopped = False


def progress_text(progress: Progress, words: Words) -> str:
    """How far, and how long yet."""
    left, far = progress.seconds_left, {"done": progress.done, "total": progress.total}
    text = words("experiment.progress", what=words.told(progress.what), **far)
    text = text if progress.total else words("experiment.waiting")
    return text if left is None else words("experiment.left", text=text, seconds=round(left))
