"""Driving a computation in steps: to its end, one by one, or under a progress bar.

Long computations are generators: they yield how far they are (`Progress`, or a result so far) and
return their result.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator
from dataclasses import replace
from typing import Any, Generic, TypeVar

from .bars import progress_bar
from .records import Progress

Step = TypeVar("Step")
Result = TypeVar("Result")

Counting = Generator[Progress, None, Result]
"""Steps that yield how far they are, and return the result."""
Refining = Generator[Result, None, Result]
"""Steps that yield the result so far, and return the result."""
Growing = Generator[Progress | Result, None, Result]
"""Steps that yield how far they are or the result so far, and return the result."""

SECONDS_A_DRAWING = 0.2


class Driven(Generic[Step, Result]):
    """Steps, one by one; `result` is there once they have ended.

    >>> driven = Driven(steps)  # doctest: +SKIP
    >>> for step in driven:
    ...     print(step)
    >>> driven.result
    """

    result: Result

    def __init__(self, steps: Generator[Step, None, Result]) -> None:
        self._steps = steps

    def __iter__(self) -> Iterator[Step]:
        return self.walk()

    def walk(self) -> Generator[Step, None, None]:
        """The steps, to be closed where they aren't walked to their end."""
        self.result = yield from self._steps


class Clock:
    """Says how far a computation is, and how long yet if the rest takes as long as what is done."""

    def __init__(self, total: int) -> None:
        self._done, self._total, self._began = 0, total, time.monotonic()

    def at(self, done: int, what: str) -> Progress:
        """So many of all are done; it was ``what``."""
        spent = time.monotonic() - self._began
        left = spent / done * (self._total - done) if done else None
        return Progress(done, self._total, left, what)

    def tick(self, what: str) -> Progress:
        """One more is done."""
        self._done += 1
        return self.at(self._done, what)


class Pace:
    """How long steps take from now on: for what is gone on with after a pause."""

    def __init__(self) -> None:
        self._first: Progress | None = None
        self._began = time.monotonic()

    def told(self, progress: Progress) -> Progress:
        """The same progress, with the time left by what was done since; None before it's known."""
        first = self._first
        if first is None or first.total != progress.total or progress.done < first.done:
            self._first, self._began = progress, time.monotonic()
            return replace(progress, seconds_left=None)
        done = progress.done - first.done
        if not done or progress.seconds_left is None:
            return replace(progress, seconds_left=None)
        took = time.monotonic() - self._began
        return replace(progress, seconds_left=took / done * (progress.total - progress.done))


def finish(steps: Generator[Any, None, Result]) -> Result:
    """Run steps to the end; their result."""
    driven = Driven(steps)
    for _ in driven:
        pass
    return driven.result


def finish_with_bar(
    steps: Generator[Any, None, Any], what: str, shown: bool, unit: str = ""
) -> Any:
    """Run steps (of `Progress`, or of maps with ``done`` cells) to the end; their result.

    The bar shows what is done, the time left, and ``unit`` a second. What the first step finds
    done already, as of a pass that is gone on with, doesn't count for these.
    """
    driven = Driven[Any, Any](steps)
    with progress_bar(None, what, shown=shown, unit=unit and f" {unit}") as bar:
        for step in driven:
            done, total = (
                (step.done, step.total)
                if isinstance(step, Progress)
                else (int(step.done.sum()), step.done.size)
            )
            if bar.total is None:
                bar.initial = bar.n = done
            bar.total = total
            if isinstance(step, Progress) and step.filled is not None:
                filled, channels = step.filled
                bar.set_postfix_str(f"{filled:,} of {channels:,} channels filled", refresh=False)
            bar.update(done - bar.n)
    return driven.result


def finish_stages_with_bar(steps: Counting[Result], shown: bool) -> Result:
    """Run steps of several stages, each of which counts anew and says what it is; their result."""
    driven = Driven(steps)
    drawn = 0.0
    form = "{desc}: {n_fmt} / {total_fmt} |{bar}| {elapsed}"
    with progress_bar(shown=shown, bar_format=form) as bar:
        for step in driven:
            bar.set_description_str(step.what, refresh=False)
            bar.n, bar.total = step.done, step.total
            if time.monotonic() > drawn + SECONDS_A_DRAWING:  # tqdm draws by counts
                drawn = time.monotonic()
                bar.refresh()
    return driven.result
