"""Check the answers that a page gives, and bring them into one form."""

from __future__ import annotations

import math
from typing import Any

import traitlets

from .exercises.task import Task

SHOW = "show"
"""What is given where an answer is to be shown instead of being found."""


def checked(task: Task, value: Any) -> Any:
    """The value of an answer to a task; raises `traitlets.TraitError` for what can't be one."""
    if task.kind == "find" or isinstance(value, str):
        if value == SHOW and task.kind == "find":
            return SHOW
        raise traitlets.TraitError("Press Check to have the chosen channel looked at.")
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise traitlets.TraitError(f"An answer is a number, not {value!r}.")
    if task.kind == "choice":
        if value != int(value) or not 0 <= value < len(task.options):
            raise traitlets.TraitError(f"There are options 0 to {len(task.options) - 1}.")
        return int(value)
    assert task.scale is not None  # of every estimate
    if not task.scale.low <= value <= task.scale.high:
        raise traitlets.TraitError(f"Estimate {task.scale.low} to {task.scale.high}.")
    return value


def checked_seconds(seconds: Any) -> float | None:
    """How long it took, if the page says so."""
    if seconds is None:
        return None
    number = isinstance(seconds, int | float) and not isinstance(seconds, bool)
    if not number or not math.isfinite(seconds) or seconds < 0:
        raise traitlets.TraitError(f"Seconds are a number from 0 on, not {seconds!r}.")
    return round(float(seconds), 2)
