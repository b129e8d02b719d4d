"""Lines over one axis."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .chart import Chart, axis, numbers, relabelled, series_of


class LineChart(Chart):
    """Lines over one axis, each with its name; a click on a point chooses its place on the axis.

    Parameters
    ----------
    across, up
        What the axes show, with units.
    choose
        Called with the x value of a point that is chosen, on the kernel's main thread.
    choose_line
        Called with the name of the line of which a point is chosen.
    span
        What the vertical axis reaches at least; None follows the data.
    **chart
        ``label`` and ``height``, as `Chart` has them; ``layout``, as every ipywidget.
    """

    def __init__(
        self,
        across: str,
        up: str,
        choose: Callable[[float], None] | None = None,
        *,
        choose_line: Callable[[str], None] | None = None,
        span: tuple[float, float] | None = None,
        **chart: Any,
    ) -> None:
        self._choose_place, self._choose_line = choose, choose_line
        self._places: list[NDArray[np.float64]] = []
        self._stands_out: str | None = None
        choosable = choose is not None or choose_line is not None
        super().__init__(across=axis(across), up=axis(up, span), choosable=choosable, **chart)

    def say(self, across: str, up: str) -> None:
        """Name what the axes show from now on, with units."""
        self.across, self.up = relabelled(self.across, across), relabelled(self.up, up)

    def reach(self, span: tuple[float, float] | None) -> None:
        """Set what the vertical axis reaches from now on, at least; None follows the data."""
        self.up = axis(self.up["label"], span)

    def draw(
        self,
        x: ArrayLike | Mapping[str, ArrayLike],
        lines: Mapping[str, ArrayLike],
        names: Sequence[str] = (),
        *,
        levels: Mapping[str, float] | None = None,
        across: tuple[float, float] | None = None,
    ) -> None:
        """Show lines over places on the axis; NaN leaves a gap.

        Parameters
        ----------
        x
            (n,) numbers, or by the line's name where each has places of its own.
        lines
            (n,) numbers by name.
        names
            What to call the places on the axis; none: their numbers.
        levels
            Values to compare with, by name: lines without points, as wide as the chart.
        across
            What the horizontal axis reaches at least; None follows the data.
        """
        self._places, series = [], []
        for number, (name, values) in enumerate(lines.items()):
            own = np.asarray(x[name] if isinstance(x, Mapping) else x, np.float64)
            self._places.append(own)
            series.append(series_of("line", number, name, own, values))
        for number, (name, value) in enumerate((levels or {}).items(), len(series)):
            series.append(series_of("level", number, name, [], [value]))
        named = list(zip(self._places[-1].tolist(), names, strict=True)) if names else ()
        with self.hold_sync():
            self.across = axis(self.across["label"], across, named)
            self.series = series
            self._let_stand_out()

    def point_out(self, x: float | None) -> None:
        """Put a line at a place on the axis; None takes it away."""
        self.marks = [] if x is None else [{"kind": "line", "at": numbers([x])[0]}]

    def point_out_line(self, chosen: str | None) -> None:
        """Let one line stand out from the others; None: all are alike."""
        self._stands_out = chosen
        self._let_stand_out()

    def _let_stand_out(self) -> None:
        names = [one["name"] for one in self.series]
        self.strong = names.index(self._stands_out) if self._stands_out in names else -1

    def _choose(self, series: int, place: int) -> None:
        if series >= len(self._places):  # a level has no places
            return
        if self._choose_place is not None:
            self._choose_place(float(self._places[series][place]))
        if self._choose_line is not None:
            self._choose_line(self.series[series]["name"])
