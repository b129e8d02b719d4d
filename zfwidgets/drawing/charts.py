"""bqplot figures that look alike in all experiments, in light and dark notebooks.

Colours are told apart by those who see few of them (Okabe & Ito), and lines by their dashes too.
bqplot is imported when a figure is made.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import ipywidgets
import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import optional
from ..records import SERIES
from .palette import MARK, colour, dash

if TYPE_CHECKING:
    import bqplot

TICKS = 10
"""Named places on an axis at most."""
NUMBERS = 6
"""Numbers on an axis, about: four charts stand beside each other."""


class LineChart:
    """Lines over one axis, each with its name; a click on a point chooses its place on the axis.

    Parameters
    ----------
    across, up
        What the axes show, with units.
    choose
        Called with the x value of a point that is clicked, on the kernel's main thread.
    choose_line
        Called with the name of the line that is clicked, or one of its points.
    span
        Range of the vertical axis; None follows the data.
    height
        CSS height.

    Attributes
    ----------
    figure
        The bqplot figure, for an ipywidgets box.
    legend
        An ipywidgets.HTML that names the lines, to stand below the figure.
    """

    def __init__(
        self,
        across: str,
        up: str,
        choose: Callable[[float], None] | None = None,
        *,
        choose_line: Callable[[str], None] | None = None,
        span: tuple[float, float] | None = None,
        height: str = "300px",
    ) -> None:
        bq = require_bqplot()
        self._bq, self._choose = bq, choose
        self._choose_line = choose_line
        self._x = bq.LinearScale()
        low, high = span or (None, None)
        self._y = bq.LinearScale(min=low, max=high)
        self._mark = bq.Lines(
            x=[], y=[], scales={"x": self._x, "y": self._y}, colors=[MARK], line_style="dashed"
        )
        self._marked: float | None = None
        self._drawn: dict[str, tuple[Any, ...]] = {}
        self._across = axis(self._x, across)
        self._up = axis(self._y, up, side="left")
        self.figure = figure([self._mark], [self._across, self._up], height)
        self.legend = ipywidgets.HTML()

    def say(self, across: str, up: str) -> None:
        """Name what the axes show from now on, with units."""
        self._across.label, self._up.label = across, up

    def reach(self, span: tuple[float, float] | None) -> None:
        """Set the range of the vertical axis from now on; None follows the data."""
        with self._y.hold_sync():
            self._y.min, self._y.max = span or (None, None)

    def draw(
        self,
        x: ArrayLike | Mapping[str, ArrayLike],
        lines: Mapping[str, ArrayLike],
        names: Sequence[str] = (),
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
        """
        if list(lines) != list(self._drawn):
            self._make(list(lines))
        places = np.empty(0)
        for name, values in lines.items():
            own = x[name] if isinstance(x, Mapping) else x
            places = np.asarray(own, dtype=np.float64)
            y = np.asarray(values, dtype=np.float64)
            known = np.isfinite(y)
            line, *dots = self._drawn[name]
            # Between the ends that are known: bqplot writes errors where a line ends at NaN.
            part = slice(known.argmax(), len(y) - known[::-1].argmax()) if known.any() else slice(0)
            with line.hold_sync():
                line.x, line.y = places[part], y[part]
            for mark in dots:
                with mark.hold_sync():
                    mark.x, mark.y = places[known], y[known]
        if names:
            some = np.unique(np.linspace(0, len(places) - 1, min(TICKS, len(places))).round())
            ticks = [int(place) for place in some]
            with self._across.hold_sync():
                self._across.tick_labels = {f"{places[i]:g}": names[i] for i in ticks}
                self._across.tick_values = places[ticks]
        else:
            self._across.tick_values = round_ticks(places)
        self._place_mark()

    def _make(self, names: Sequence[str]) -> None:
        """Marks for lines; those that are there are let go of."""
        old = [mark for marks in self._drawn.values() for mark in marks]
        scales = {"x": self._x, "y": self._y}
        self._drawn = {}
        for number, name in enumerate(names):
            style = {"colors": [colour(number)], "line_style": dash(number)}
            line = self._bq.Lines(x=[], y=[], scales=scales, labels=[name], **style)
            dots = self._bq.Scatter(
                x=[],
                y=[],
                scales=scales,
                colors=[colour(number)],
                default_size=28,
                tooltip=self._bq.Tooltip(fields=["x", "y"], formats=["", ".4g"]),
            )
            if self._choose is not None:
                dots.on_element_click(self._clicked)
            self._drawn[name] = (line, dots)
            if self._choose_line is not None:
                for mark in self._drawn[name]:
                    mark.on_element_click(partial(self._line_clicked, name))
        self.figure.marks = [self._mark, *(m for marks in self._drawn.values() for m in marks)]
        self.legend.value = legend(names)
        for mark in old:
            for widget in (getattr(mark, "tooltip", None), mark):
                if widget is not None:
                    widget.close()

    def point_out(self, x: float | None) -> None:
        """Put a line at a place on the axis; None takes it away."""
        self._marked = x
        self._place_mark()

    def point_out_line(self, chosen: str | None) -> None:
        """Let one line stand out from the others; None: all are alike."""
        for name, marks in self._drawn.items():
            for mark in marks:
                mark.opacities = [1.0 if chosen in (None, name) else 0.3]
            marks[0].stroke_width = 4.0 if name == chosen else 2.0

    def _line_clicked(self, name: str, *_event: Any) -> None:
        if self._choose_line is not None:
            self._choose_line(name)

    def _place_mark(self) -> None:
        values = [
            np.asarray(mark.y, dtype=np.float64)
            for mark in self.figure.marks
            if mark is not self._mark
        ]
        drawn = np.concatenate([v.ravel() for v in values]) if values else np.empty(0)
        drawn = drawn[np.isfinite(drawn)]
        low = self._y.min if self._y.min is not None else (drawn.min() if len(drawn) else 0.0)
        high = self._y.max if self._y.max is not None else (drawn.max() if len(drawn) else 1.0)
        with self._mark.hold_sync():
            if self._marked is None or not len(drawn):
                self._mark.x, self._mark.y = [], []
            else:
                self._mark.x = np.array([self._marked, self._marked], dtype=np.float64)
                self._mark.y = np.array([low, high], dtype=np.float64)

    def _clicked(self, _mark: Any, event: Mapping[str, Any]) -> None:
        place = event.get("data", {}).get("x")
        if self._choose is not None and isinstance(place, int | float):
            self._choose(float(place))


class BarChart:
    """Bars of named things, in groups where there are several series.

    Parameters
    ----------
    up
        What the bars' length shows, with units.
    choose
        Called with the number of a bar's name when it is clicked.
    span
        Range of the axis; None follows the data.
    horizontal
        Whether bars lie, which leaves room for long names.
    height
        CSS height.

    Attributes
    ----------
    figure
        The bqplot figure.
    legend
        An ipywidgets.HTML that names the series; empty for one.
    """

    def __init__(
        self,
        up: str,
        choose: Callable[[int], None] | None = None,
        *,
        span: tuple[float, float] | None = None,
        horizontal: bool = False,
        height: str = "300px",
    ) -> None:
        bq = require_bqplot()
        self._choose = choose
        self._names: tuple[str, ...] = ()
        low, high = span or (0.0, None)
        scales = {"x": bq.OrdinalScale(), "y": bq.LinearScale(min=low, max=high)}
        self._bars = bq.Bars(
            x=[],
            y=[],
            scales=scales,
            type="grouped",
            colors=[*SERIES],
            orientation="horizontal" if horizontal else "vertical",
            padding=0.2,
            selected_style={"stroke": "var(--jp-ui-font-color1, #000)", "stroke-width": "2px"},
            tooltip=bq.Tooltip(fields=["x", "y"], formats=["", ".4g"], labels=["", up]),
        )
        self._bars.on_element_click(self._clicked)
        names, lengths = axis(scales["x"], ""), axis(scales["y"], up)
        names.grid_lines = "none"
        names.side, lengths.side = ("left", "bottom") if horizontal else ("bottom", "left")
        self._name_axis, self._length_axis = names, lengths
        self._horizontal, self._follows = horizontal, span is None
        self.figure = figure([self._bars], [names, lengths], height)
        self.legend = ipywidgets.HTML()

    def say(self, up: str) -> None:
        """Name what the bars' length shows from now on, with units."""
        self._length_axis.label = up
        self._bars.tooltip.labels = ["", up]

    def draw(self, names: Sequence[str], series: Mapping[str, ArrayLike]) -> None:
        """Show bars: (names,) numbers by the series' name, in the same order; NaN: no bar."""
        self._names = tuple(names)
        values = np.stack([np.nan_to_num(np.asarray(v, np.float64)) for v in series.values()])
        shown = [*self._names]
        if self._horizontal:  # the first on top
            shown, values = shown[::-1], values[:, ::-1]
            longest = max((len(name) for name in shown), default=0)
            self.figure.fig_margin = {**MARGIN, "left": min(220, 24 + 7 * longest)}
        if self._follows:  # bqplot's bars don't stretch a scale by themselves
            lengths = self._bars.scales["y"]
            lengths.min = min(0.0, float(values.min(initial=0.0)))
            lengths.max = float(values.max(initial=0.0)) or 1.0
        with self._bars.hold_sync():
            self._bars.x, self._bars.y = shown, values if len(values) > 1 else values[0]
        self.legend.value = legend(list(series)) if len(series) > 1 else ""

    def point_out(self, number: int | None) -> None:
        """Frame the bars of a name, by its number; None: of none."""
        places = []
        if number is not None and number < len(self._names):
            places = [len(self._names) - 1 - number if self._horizontal else number]
        self._bars.selected = places

    def _clicked(self, _mark: Any, event: Mapping[str, Any]) -> None:
        name = event.get("data", {}).get("x")
        if self._choose is not None and name in self._names:
            self._choose(self._names.index(name))


MARGIN = {"top": 16, "bottom": 44, "left": 56, "right": 28}


def round_ticks(places: ArrayLike) -> NDArray[np.float64]:
    """A handful of round numbers between the lowest and the highest place."""
    known = np.asarray(places, dtype=np.float64)
    low, high = (float(known.min()), float(known.max())) if len(known) else (0.0, 1.0)
    rough = (high - low) / NUMBERS
    if rough <= 0:
        return np.array([low])
    ten = 10.0 ** np.floor(np.log10(rough))
    step = next(ten * n for n in (1, 2, 5, 6, 10) if ten * n >= 0.999 * rough)
    first, last = np.ceil(low / step - 1e-9), np.floor(high / step + 1e-9)
    return np.asarray(np.arange(first, last + 1) * step, np.float64)


def figure(marks: Sequence[Any], axes: Sequence[Any], height: str = "300px") -> bqplot.Figure:
    """Put marks and axes into a figure that is as wide as its place."""
    return require_bqplot().Figure(
        marks=[*marks],
        axes=[*axes],
        fig_margin=MARGIN,
        animation_duration=0,
        layout=ipywidgets.Layout(width="auto", min_width="0", height=height),
    )


def axis(scale: Any, label: str, *, side: str = "bottom", **options: Any) -> bqplot.Axis:
    """Give an axis of a scale; vertical where ``side`` is "left"."""
    options.setdefault("grid_color", f"{SERIES[-1]}40")
    return require_bqplot().Axis(
        scale=scale,
        label=label,
        side=side,
        label_offset="46px" if side in ("left", "right") else "36px",
        **options,
    )


def ring(scales: Mapping[str, Any], size: int) -> Any:
    """A ring around what is chosen; nowhere at first."""
    return require_bqplot().Scatter(
        x=[],
        y=[],
        scales=dict(scales),
        colors=[MARK],
        default_size=size,
        fill=False,
        stroke=MARK,
        stroke_width=3,
        enable_hover=False,
    )


def place(mark: Any, x: ArrayLike, y: ArrayLike) -> None:
    """Put a mark's points where they belong, in one message."""
    with mark.hold_sync():
        mark.x, mark.y = np.asarray(x, np.float64), np.asarray(y, np.float64)


def legend(names: Sequence[str]) -> str:
    """Name the series in HTML: colour and dashes as in the figure."""
    import html

    borders = {"solid": "solid", "dashed": "dashed", "dotted": "dotted", "dash_dotted": "double"}
    return "&ensp; ".join(
        '<span style="white-space:nowrap"><span style="display:inline-block;width:22px;'
        f'border-top:3px {borders[dash(i)]} {colour(i)};vertical-align:middle"></span> '
        f"{html.escape(name)}</span>"
        for i, name in enumerate(names)
    )


def require_bqplot() -> Any:
    """Return bqplot, or say how to get it."""
    return optional(
        "bqplot", "The experiments' widgets draw their charts with bqplot: pip install bqplot"
    )
