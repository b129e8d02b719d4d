"""What a sanity check says, in sentences made from its numbers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from .result import SanityResult

CLEAR = 0.05
"""A rank correlation that is lower by less isn't called lower."""


def find(result: SanityResult) -> tuple[str, ...]:
    """What the rank correlations say beside those of unrelated units, as far as they are known."""
    return (*_own(result), *_end(result), *_inactive(result))


def _own(result: SanityResult) -> Iterator[str]:
    """What the unit's own module adds: no more than another unit would, or more."""
    curve = result.curve()
    if len(curve) < 2 or not np.isfinite(curve[1]):
        return
    value, module = float(curve[1]), result.steps[1].module
    said = f"With the unit's own module {module} randomised, the rank correlation is {_two(value)}"
    reversed_ = _reversed(result, value)
    found = _range(result, "same photo")
    if found is None:
        yield f"{said}{reversed_}."
        return
    low, high = found
    others = (
        f"{_written(low, high)} between the trained pictures of other units at this place of this "
        "photo and this one"
    )
    if value < low - CLEAR:
        yield f"{said}{reversed_}; it is {others}: the picture depends on the unit's own weights."
    else:
        yield f"{said}; it is {others}: the picture tells little of which unit it is."


def _reversed(result: SanityResult, value: float) -> str:
    absolute = float(result.curve("rank_absolute")[1])
    if value > -0.2 or not np.isfinite(absolute):
        return ""
    return (
        ", below zero: in part the same picture with light and dark exchanged "
        f"({absolute:.2f} without signs)"
    )


def _end(result: SanityResult) -> Iterator[str]:
    """What is left without any trained parameter, if all steps are done."""
    value, found = float(result.curve()[-1]), _range(result, "other photo")
    if not result.complete or not result.modules or found is None or not np.isfinite(value):
        return
    low, high = found
    said = (
        f"With all {len(result.modules)} modules randomised it is {_two(value)}, and "
        f"{_written(low, high)} with pictures of other units in other photos"
    )
    if value > high:
        yield (
            f"{said}: nothing in the network is learned any more, so that what stays alike comes "
            "from the photo and the network's shape."
        )
    else:
        yield f"{said}: nothing of the picture stays without what was learned."


def _inactive(result: SanityResult) -> Iterator[str]:
    """From what the pictures of silenced units start."""
    steps = result.steps[1:]
    silent = sum(step.value <= 0 < np.abs(step.pixels).max(initial=0) for step in steps)
    if silent:
        yield (
            f"In {silent} of {len(steps)} randomised networks the unit isn't active. Its picture "
            "then starts from the activation that it had in the trained network; that scales the "
            "picture, and changes nothing else."
        )


def _range(result: SanityResult, kind: str) -> tuple[float, float] | None:
    """Lowest and highest of a control, if there is any."""
    values = result.control(kind)
    known = values[np.isfinite(values)]
    return (float(known.min()), float(known.max())) if known.size else None


def _written(low: float, high: float) -> str:
    one, other = _two(low), _two(high)
    return one if one == other else f"{one} to {other}"


def _two(value: float) -> str:
    """Two digits, and no minus before nothing."""
    return f"{round(value, 2) + 0.0:.2f}"
