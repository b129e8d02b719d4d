"""Bars of named things."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .chart import Chart, axis, relabelled, series_of


class BarChart(Chart):
    """Bars of named things, in groups where there are several series.

    Parameters
    ----------
    up
        What the bars' length shows, with units.
    choose
        Called with the number of a bar's name when it is chosen, on the kernel's main thread.
    span
        What the axis reaches at least, beside zero; None follows the data.
    horizontal
        Whether bars lie, which leaves room for long names.
    **chart
        ``label`` and ``height``, as `Chart` has them; ``layout``, as every ipywidget.
    """

    def __init__(
        self,
        up: str,
        choose: Callable[[int], None] | None = None,
        *,
        span: tuple[float, float] | None = None,
        horizontal: bool = False,
        **chart: Any,
    ) -> None:
        self._choose_place = choose
        super().__init__(
            across=axis(""),
            up=axis(up, span),
            lying=horizontal,
            choosable=choose is not None,
            **chart,
        )

    def say(self, up: str) -> None:
        """Name what the bars' length shows from now on, with units."""
        self.up = relabelled(self.up, up)

    def draw(self, names: Sequence[str], series: Mapping[str, ArrayLike]) -> None:
        """Show bars: (names,) numbers by the series' name, in the same order; NaN: no bar."""
        places = np.arange(len(names))
        with self.hold_sync():
            self.across = axis("", None, list(zip(places.tolist(), names, strict=True)))
            self.series = [
                series_of("bars", number, name, places, values)
                for number, (name, values) in enumerate(series.items())
            ]
            self.legend = len(series) > 1

    def point_out(self, number: int | None) -> None:
        """Frame the bars of a name, by its number; None: of none."""
        self.marks = [] if number is None else [{"kind": "place", "at": number}]

    def _choose(self, series: int, place: int) -> None:
        if self._choose_place is not None:
            self._choose_place(place)
