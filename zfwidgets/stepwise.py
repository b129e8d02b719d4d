"""Long computations in steps, under a progress bar."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, TypeVar

from .bars import progress_bar
from .records import Progress

Result = TypeVar("Result")


def watch(steps: Generator[Any, None, Any], what: str, shown: bool, unit: str = "") -> Any:
    """Run steps (of `Progress`, or of maps with ``done`` cells) to the end; their result.

    The bar shows what is done, the time left, and ``unit`` a second. What the first step finds
    done already, as of a pass that is gone on with, doesn't count for these.
    """
    with progress_bar(None, what, shown=shown, unit=unit and f" {unit}") as bar:
        try:
            while True:
                step = next(steps)
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
                    about = f"{filled:,} of {channels:,} channels filled"
                    bar.set_postfix_str(about, refresh=False)
                bar.update(done - bar.n)
        except StopIteration as end:
            return end.value


def finish(steps: Generator[Any, None, Result]) -> Result:
    """Run steps to the end; their result."""
    results: list[Result] = []

    def whole() -> Generator[Any, None, None]:
        results.append((yield from steps))

    for _ in whole():
        pass
    return results[0]
