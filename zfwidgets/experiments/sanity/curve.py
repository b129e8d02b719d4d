"""The numbers of a sanity check as a curve: read off its record once, drawn by bqplot or Pillow."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...drawing.charts import axis, figure, place, require_bqplot, ring
from ...drawing.palette import STRONG
from ...language.words import Words
from ...records import SERIES, Floats
from .result import SanityResult

CONTROLS = {"same photo": "#7a5195", "other photo": SERIES[-1]}
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


class Chart:
    """A curve as a bqplot figure; a click on one of its points chooses a step."""

    def __init__(self, choose: Callable[[int], None], words: Words) -> None:
        bq = require_bqplot()
        self._choose = choose
        self._across, self._up = bq.LinearScale(min=0.0), bq.LinearScale(min=0.0, max=1.0)
        scales = {"x": self._across, "y": self._up}
        nothing = {"x": [], "y": [], "scales": scales}
        self.curve = bq.Lines(**nothing, colors=[STRONG])
        self.controls = {
            kind: bq.Lines(**nothing, colors=[colour], line_style=style)
            for (kind, colour), style in zip(CONTROLS.items(), ("dashed", "dotted"), strict=True)
        }
        self.points = bq.Scatter(
            **nothing,
            colors=[STRONG],
            default_size=48,
            tooltip=bq.Tooltip(
                fields=["x", "y"],
                formats=["d", ".2f"],
                labels=[words("sanity.tip.step"), words("sanity.tip.alike")],
            ),
        )
        self.points.on_element_click(self._clicked)
        self.mark = ring(scales, 120)
        self._steps = axis(self._across, words("sanity.across"), tick_format="d", grid_lines="none")
        self._steps.tick_values = np.array([0, 1])
        self.figure = figure(
            [*self.controls.values(), self.curve, self.mark, self.points],
            [self._steps, axis(self._up, words("sanity.up"), side="left", tick_format=".1f")],
            "340px",
        )
        self._shown: Curve | None = None

    def draw(self, curve: Curve) -> None:
        """Show a curve."""
        self._shown = curve
        for mark in (self.curve, self.points):
            place(mark, curve.steps, curve.values)
        for kind, line in self.controls.items():
            value = curve.controls.get(kind)
            place(line, *(((), ()) if value is None else ((0, curve.end), (value, value))))
        self._across.max = max(curve.end, 1)
        self._steps.tick_values = np.arange(0, curve.end + 1, max(1, round(curve.end / 10)))
        self._up.min = curve.low

    def point_out(self, step: int) -> None:
        """Put a ring around a step, if it has a value."""
        curve = self._shown
        here = [] if curve is None else [i for i, s in enumerate(curve.steps) if s == step]
        place(self.mark, [step] * len(here), [curve.values[i] for i in here if curve is not None])

    def _clicked(self, _points: Any, event: Mapping[str, Any]) -> None:
        index = event.get("data", {}).get("index")
        if self._shown and isinstance(index, int) and 0 <= index < len(self._shown.steps):
            self._choose(self._shown.steps[index])
