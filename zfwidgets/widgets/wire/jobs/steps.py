"""What a job may yield between its steps."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import dataclass
from typing import Any, TypeVar

from ....records import Progress
from ....stepwise import Driven

T = TypeVar("T")


@dataclass(frozen=True)
class Shared(Progress):
    """How far something is that several jobs wait for, and that any of them can move on.

    A job that yields this takes its next step when nothing else waits, in turn with the others
    that did; but one of them does every `TURN` seconds, before what is as slow as itself. Once all
    is done all of them go before that: what is left is to say so. While it is ``paused``, its jobs
    only look from time to time whether it still is.
    """

    paused: bool = False


@dataclass(frozen=True)
class Away(Progress):
    """Why a job can't go on: it is tried again in ``pause`` seconds, and others go meanwhile."""

    pause: float = 0.5


@dataclass(frozen=True)
class Coming:
    """Nothing to say: what a job waits for is on its way; others go for ``pause`` seconds."""

    pause: float


Step = Progress | Coming | Callable[[], Any] | None
"""What a job yields: how far it is, a function that gives its result so far, or nothing to say."""
Steps = Generator[Step, None, Any]

IDLE = Progress(0, 0, None, "waiting")
LAST, IN_TURN = 6, 3.5
"""Priorities of the next step of what is shared: after prefetching, and before maps."""
TURN = 0.5
"""Seconds."""
CALM = 5
"""So many times as long lies between two reports of what is shared: all who wait make them."""


def complete(step: Any) -> bool:
    """Whether a step says that all is done of what several jobs wait for."""
    return isinstance(step, Shared) and 0 < step.total <= step.done


def paused(step: Any) -> bool:
    """Whether a step says that what it waits for is paused."""
    return isinstance(step, Shared) and step.paused


def growing(
    steps: Generator[T, None, T],
    answer: Callable[[T], Any],
    progress: Callable[[T], Progress] | None = None,
) -> Steps:
    """Partial answers of the records that steps yield, and the answer of the one they return."""
    with closing(steps):
        driven = Driven(steps)
        for found in driven:
            if progress is not None:
                yield progress(found)
            yield lambda found=found: answer(found)  # type: ignore[misc]
        return answer(driven.result)
