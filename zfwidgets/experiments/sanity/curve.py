"""The numbers of a sanity check as a curve, which the page and Pillow draw."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ...drawing.palette import colour
from ...records import Floats
from .result import SanityResult

CURVE = colour(0)
"""Colour of the unit's curve."""
CONTROLS = {"same photo": colour(1), "other photo": colour(2)}
"""Kinds of unrelated units, and the colours of their lines."""


@dataclass(frozen=True)
class Curve:
    """How alike each step's picture and the trained one are, by one measure.

    Attributes
    ----------
    steps, values
        Numbers of the steps that can be compared (0 is the trained network), and their values.
    controls
        Medians over unrelated units, of the kinds that there are.
    end
        How many modules there are to randomise.
    """

    steps: tuple[int, ...]
    values: tuple[float, ...]
    controls: Mapping[str, float]
    end: int

    @classmethod
    def of(cls, result: SanityResult, measure: str) -> Curve:
        """A measure of a result, as far as it is computed."""
        values = result.curve(measure)
        known = np.flatnonzero(np.isfinite(values))
        controls = {kind: _median(result.control(kind, measure)) for kind in CONTROLS}
        return cls(
            tuple(known.tolist()),
            tuple(values[known].tolist()),
            {kind: value for kind, value in controls.items() if value is not None},
            len(result.modules),
        )

    @property
    def low(self) -> float:
        """Where the axis begins: at 0, or at the tenth below the lowest value."""
        lowest = min(0.0, *self.values, *self.controls.values())
        return float(np.floor(lowest * 10) / 10)


def _median(values: Floats) -> float | None:
    known = values[np.isfinite(values)]
    return float(np.median(known)) if len(known) else None
