"""Plain functions over steps: run them under a progress bar, and keep what was done."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Generator
from contextlib import suppress
from typing import Any, TypeVar

from ...bars import progress_bar
from ...engine.network.modes import InUsualModes
from ...records import Progress
from ...stepwise import Driven

Result = TypeVar("Result")


def run(
    steps: Generator[Progress | Result, None, Result],
    what: str,
    shown: bool,
    how_far: Callable[[Result], str],
) -> Result:
    """The result of steps that yield `Progress`, and the newest result so far.

    An interrupt (Ctrl-C, Jupyter's stop button) ends the steps. What is done by then is returned
    with a warning that says so; before the first result it is raised. Steps may
    know a newer result than they have yielded: see `keep`.
    """
    newest: Result | None = None
    steps = InUsualModes(steps)
    driven: Driven[Progress | Result, Result] = Driven(steps)
    with progress_bar(None, what, shown=shown, unit="") as bar:
        try:
            for step in driven:
                if isinstance(step, Progress):
                    if step.total != bar.total:
                        bar.total = step.total
                    bar.set_description(step.what, refresh=False)
                    bar.update(step.done - bar.n)
                else:
                    newest = step
            return driven.result
        except KeyboardInterrupt as interrupt:
            hand_on(interrupt, steps)
            newest = getattr(interrupt, "so_far", newest)
            if newest is None:
                raise
    warnings.warn(f"{what} was interrupted: {how_far(newest)}.", stacklevel=3)
    return newest


def keep(interrupt: KeyboardInterrupt, result: object) -> None:
    """Let `run` know a result that was there when steps were interrupted."""
    interrupt.so_far = result  # type: ignore[attr-defined]


def hand_on(interrupt: KeyboardInterrupt, steps: Generator[Any, None, Any]) -> None:
    """Let steps know of an interrupt that has struck outside of them, so that they can `keep`."""
    with suppress(KeyboardInterrupt, StopIteration):
        steps.throw(interrupt)
    steps.close()
