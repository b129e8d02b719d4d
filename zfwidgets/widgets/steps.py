"""What a job says between its steps."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any

from ..records import Progress


@dataclass(frozen=True)
class Shared(Progress):
    """How far something is that several jobs wait for, and that any of them can move on.

    A job that yields this takes its next step when nothing else waits, in turn with the others
    that did; but one of them does every half second, before what is as slow as itself. While it
    is ``paused``, its jobs only look from time to time whether it still is.
    """

    paused: bool = False


Step = Progress | Callable[[], Any] | None
"""What a job yields: how far it is, a function that gives its result so far, or nothing to say."""
Steps = Generator[Step, None, Any]

IDLE = Progress(0, 0, None, "waiting")


def paused(step: Any) -> bool:
    """Whether a step says that what it waits for is paused."""
    return isinstance(step, Shared) and step.paused
