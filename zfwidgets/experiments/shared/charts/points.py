"""Named points between two axes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from numpy.typing import ArrayLike

from .chart import Chart, axis, series_of


class PointChart(Chart):
    """Named points between two axes; a click chooses one.

    Parameters
    ----------
    across, up
        What the axes show, with units.
    choose
        Called with the number of a point that is chosen, on the kernel's main thread.
    what
        What the points are, above their names in the table.
    span
        What the vertical axis reaches at least; None follows the data.
    **chart
        ``label`` and ``height``, as `Chart` has them; ``layout``, as every ipywidget.
    """

    def __init__(
        self,
        across: str,
        up: str,
        choose: Callable[[int], None] | None = None,
        *,
        what: str = "",
        span: tuple[float, float] | None = None,
        **chart: Any,
    ) -> None:
        self._choose_place, self._what = choose, what
        super().__init__(
            across=axis(across),
            up=axis(up, span),
            legend=False,
            choosable=choose is not None,
            **chart,
        )

    def draw(self, names: Sequence[str], x: ArrayLike, y: ArrayLike) -> None:
        """Show points by their names; where y is NaN there is none."""
        self.series = [series_of("points", 0, self._what, x, y, names)]

    def point_out(self, number: int | None) -> None:
        """Put a ring around a point, by its number; None: around none."""
        self.marks = [] if number is None else [{"kind": "place", "at": number}]

    def _choose(self, series: int, place: int) -> None:
        if self._choose_place is not None:
            self._choose_place(place)
