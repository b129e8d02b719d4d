"""A chart as a widget: what it shows, as traits that the page draws."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import traitlets
from numpy.typing import ArrayLike

from ....language.words import language_name
from ....widgets.bundle import Viewed


class Chart(Viewed):
    """Series of numbers over two axes, drawn by the page, in light and dark.

    Points can be read and chosen by pointer and by keyboard; for those who don't see them each has
    a name, and the numbers stand in a table. Subclasses fill the traits, and say in `_choose` what
    comes of a choice.

    Parameters
    ----------
    label
        What it shows, for those who don't see it; "": its axes say it.
    choosable
        Whether a click or Enter chooses a point.
    height
        CSS pixels of the drawing, without the names of its axes and series.
    **traits
        Traits of the widget, and ``layout``, as every ipywidget has it.
    """

    page_module = "chart"
    page_may_set = frozenset(("chosen",))

    label = traitlets.Unicode().tag(sync=True)
    """What it shows; empty: its axes say it."""
    across = traitlets.Dict().tag(sync=True)
    """The axis of places, horizontal unless bars lie: see `axis`."""
    up = traitlets.Dict().tag(sync=True)
    """The axis of values: see `axis`."""
    series = traitlets.List(traitlets.Dict()).tag(sync=True)
    """What is drawn, see `series_of`."""
    marks = traitlets.List(traitlets.Dict()).tag(sync=True)
    """What is pointed out: {"kind": "line", "at": x}, a line across the places' axis; {"kind":
    "place", "at": n}, the points or bars of the n-th place."""
    strong = traitlets.Int(-1, min=-1).tag(sync=True)
    """Number of the series that stands out from the others; -1: all are alike."""
    lying = traitlets.Bool(False).tag(sync=True)
    """Whether bars lie, with the axis of places at the left."""
    legend = traitlets.Bool(True).tag(sync=True)
    """Whether the series are named below."""
    choosable = traitlets.Bool(False).tag(sync=True)
    """Whether a point can be chosen."""
    height = traitlets.Int(240, min=60, max=4000).tag(sync=True)
    """CSS pixels of the drawing."""
    chosen = traitlets.List(traitlets.Int(min=0), maxlen=2).tag(sync=True)
    """Numbers of series and place that were chosen just now; empty again once that is heard."""
    language = traitlets.Unicode().tag(sync=True)
    """Language of the page's words; that of `zfwidgets.set_language` when it is made."""

    def __init__(
        self, *, label: str = "", choosable: bool = False, height: int = 240, **traits: Any
    ) -> None:
        traits.setdefault("language", language_name(None))
        super().__init__(label=label, choosable=choosable, height=height, **traits)

    def _choose(self, series: int, place: int) -> None:
        """A point was chosen, on the kernel's main thread."""

    @traitlets.observe("chosen")
    def _hear(self, change: Any) -> None:
        if not change["new"]:
            return
        self.chosen = []  # so that the same can be chosen again
        series, place = (*change["new"], -1)[:2]
        # The page may still have shown something else.
        if series < len(self.series) and 0 <= place < len(self.series[series]["y"]):
            self._choose(series, place)


def axis(
    label: str,
    span: tuple[float, float] | None = None,
    names: Sequence[tuple[float, str]] = (),
) -> dict[str, Any]:
    """An axis, as `Chart` has it.

    Parameters
    ----------
    label
        What it shows, with units.
    span
        What it reaches at least; None follows the data.
    names
        Places with names of their own, instead of numbers.
    """
    low, high = span or (None, None)
    ticks = [[*numbers([place]), name] for place, name in names]
    return {"label": label, "low": low, "high": high, "names": ticks}


def series_of(
    kind: str, number: int, name: str, x: ArrayLike, y: ArrayLike, names: Sequence[str] = ()
) -> dict[str, Any]:
    """A series, as `Chart` has it.

    Parameters
    ----------
    kind
        "line" (with its points), "level" (one value, everywhere), "bars" or "points".
    number
        Which colour and dashes it has.
    name
        What it is called.
    x, y
        (points,) numbers; where y is NaN nothing is drawn.
    names
        What the points are called, if anything.
    """
    return {
        "kind": kind,
        "style": number,
        "name": name,
        "x": numbers(x),
        "y": numbers(y),
        "names": [*names],
    }


def numbers(values: ArrayLike) -> list[float | None]:
    """Numbers as JSON has them: NaN is null, and no more digits than float32 has."""
    known = np.asarray(values, np.float64).ravel().tolist()
    return [float(f"{value:.9g}") if math.isfinite(value) else None for value in known]


def relabelled(old: Mapping[str, Any], label: str) -> dict[str, Any]:
    """An axis that shows something else from now on."""
    return {**old, "label": label}
