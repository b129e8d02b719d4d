"""Line charts, bars and legends on a page drawn by Pillow."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..records import Floats
from .page import Page, font
from .palette import INK, LINE, SOFT, colour

DASHED, DOTTED = (9, 16), (3, 8)
"""Pixels of a dash or dot, and from one to the next."""


@dataclass(frozen=True)
class Line:
    """One line of a chart.

    Attributes
    ----------
    x, y
        (points,) numbers; where y is NaN there is no point.
    colour
        Colour of the line.
    dashes
        Pattern of a level line, drawn without points: `DASHED` or `DOTTED`; None for others.
    """

    x: Sequence[float] | NDArray[np.floating[Any]]
    y: Sequence[float] | NDArray[np.floating[Any]]
    colour: str
    dashes: tuple[int, int] | None = None


def line_chart(
    page: Page,
    area: tuple[int, int, int, int],
    lines: Sequence[Line],
    across: tuple[float, float],
    levels: Mapping[float, str],
    ends: Sequence[str],
    *,
    gutter: int,
    size: int = 14,
    width: int = 3,
    dots: int = 3,
) -> None:
    """Draw lines over a grid.

    Parameters
    ----------
    page
        The page.
    area
        Left, top, right and bottom of the chart; labels stand left of it and below.
    lines
        The lines.
    across
        First and last value of the horizontal axis.
    levels
        Values at which the grid has lines, and what to call them; the lowest and the highest are
        the ends of the vertical axis.
    ends
        What stands below the axis: at its left end, and at its right if there are two.
    gutter
        Pixels from the labels' left to the area.
    size
        Height of the letters.
    width
        Pixels of a line's width.
    dots
        Radius of points; 0 draws only those that no line leads to.
    """
    left, top, right, bottom = area
    first, last = across
    low, high = min(levels), max(levels)

    def at(x: float, y: float) -> tuple[int, int]:
        share = (x - first) / ((last - first) or 1.0), (y - low) / ((high - low) or 1.0)
        return round(left + share[0] * (right - left)), round(bottom - share[1] * (bottom - top))

    for level, text in levels.items():
        y = at(first, level)[1]
        page.pen.line((left, y, right, y), LINE, 1)
        page.pen.text((left - gutter, y - round(0.67 * size)), text, SOFT, font(size))
    for place, text, anchor in zip((left, right), ends, ("la", "ra"), strict=False):
        page.pen.text((place, bottom + 5), text, SOFT, font(size), anchor=anchor)
    for line in lines:
        known = zip(line.x, line.y, strict=True)
        points = [at(x, y) for x, y in known if math.isfinite(y)]
        if line.dashes is not None:
            (start, y), (end, _) = points
            _broken(page, start, end, y, line.colour, width, line.dashes)
            continue
        if len(points) > 1:
            page.pen.line(points, line.colour, width)
        radius = dots or (3 if len(points) == 1 else 0)
        for x, y in points if radius else ():
            page.pen.ellipse((x - radius, y - radius, x + radius, y + radius), line.colour)


def _broken(
    page: Page, start: int, end: int, y: int, ink: str, width: int, dashes: tuple[int, int]
) -> None:
    """A level line in dashes or dots."""
    dash, every = dashes
    for x in range(start, end, every):
        page.pen.line((x, y, min(x + dash, end), y), ink, width)


def legend(
    page: Page,
    left: int,
    width: int,
    names: Sequence[tuple[str, str]],
    dashes: Sequence[tuple[int, int] | None] = (),
) -> None:
    """Name lines, each with its colour and its dashes if it has any, one below the other."""
    for number, (name, ink) in enumerate(names):
        broken = dashes[number] if number < len(dashes) else None
        if broken is None:
            page.pen.line((left, page.y + 9, left + 26, page.y + 9), ink, 4)
        else:
            _broken(page, left, left + 26, page.y + 9, ink, 4, broken)
        page.text(left + 36, page.y, name, 15, INK, width - 36)
        page.y += 22


def bars(
    page: Page,
    left: int,
    width: int,
    names: Sequence[str],
    series: Mapping[str, Floats],
    say: Callable[[float], str],
) -> None:
    """Draw lying bars with their values, (names,) of each series; NaN leaves one out."""
    known = [float(v) for values in series.values() for v in values if math.isfinite(v)]
    longest, start, room = max(known, default=1.0) or 1.0, left + 220, width - 280
    for number, name in enumerate(names):
        page.text(left, page.y + 2, name, 15, INK, 210)
        for place, values in enumerate(series.values()):
            value, y = float(values[number]), page.y + 14 * place
            if math.isfinite(value):
                end = start + round(room * value / longest)
                page.pen.rectangle((start, y, max(end, start + 1), y + 11), colour(place))
                page.text(end + 6, y - 3, say(value), 13, SOFT)
        page.y += 14 * len(series) + 8
