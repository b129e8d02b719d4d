"""An invariance experiment on one sheet, laid out as the paper's Fig. 5."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ...records import SERIES

if TYPE_CHECKING:
    from .records import Doubles, InvarianceCurves, InvarianceResult

WIDTH, GAP, STRIP, PANEL = 1200, 16, 7, 190
INK, SOFT, LINE = "#1f2328", "#656d76", "#dcdfe4"

_Panel = tuple[str, "Doubles", "tuple[float, float] | None"]
"""Title, (photos, values) lines, and the range of the axis, which follows the data if it's None."""


def draw(result: InvarianceResult, *, relative: bool = True) -> Image.Image:
    """For each transform a photo at some of its values, then a panel a layer, then the class."""
    sheet = _Sheet()
    sheet.legend(result)
    for curves in result.curves:
        sheet.strip(curves)
        distances = curves.relative if relative else curves.distance
        what = "distance / norm" if relative else "distance"
        panels: list[_Panel] = [
            (f"{layer}: {what}", distances[:, place], None)
            for place, layer in enumerate(result.layers)
        ]
        panels.append(
            ("probability of its class", curves.probability.astype(np.float64), (0.0, 1.0))
        )
        sheet.panels(curves, panels)
    return sheet.image.crop((0, 0, WIDTH, sheet.y))


class _Sheet:
    def __init__(self) -> None:
        self.image = Image.new("RGB", (WIDTH, 8000), "white")
        self.pen = ImageDraw.Draw(self.image)
        self.y = GAP

    def legend(self, result: InvarianceResult) -> None:
        """A line a photo: its colour, its class, and whether that is the true one."""
        for number, name in enumerate(result.image_names):
            self.pen.line((GAP, self.y + 9, GAP + 28, self.y + 9), _colour(number), 4)
            is_what, label = result.class_is[number], result.class_names[number]
            text = f"{name}: {is_what} class {label}" if is_what else name
            self.pen.text((GAP + 38, self.y), text, INK, _font(15))
            self.y += 22
        self.y += 4

    def strip(self, curves: InvarianceCurves) -> None:
        """Some of the first finished photo's pictures."""
        title = f"{curves.name} ({curves.unit})" if curves.unit else curves.name
        self.pen.text((GAP, self.y), title, INK, _font(20))
        self.y += 30
        pictures = next((p for p in curves.pictures if p is not None), None)
        if pictures is None:
            self.pen.text((GAP, self.y), "not computed yet", SOFT, _font(15))
            self.y += 24
            return
        chosen = np.unique(np.linspace(0, len(pictures) - 1, STRIP).round().astype(int))
        rows, columns = pictures.shape[1:3]
        for place, number in enumerate(chosen):
            left = GAP + place * (columns + 8)
            self.image.paste(Image.fromarray(pictures[number]), (left, self.y))
            text = f"{curves.values[number]:g}"
            self.pen.text((left, self.y + rows + 2), text, SOFT, _font(14))
        self.y += rows + 26

    def panels(self, curves: InvarianceCurves, panels: list[_Panel]) -> None:
        """Charts beside each other, four in a row."""
        width = (WIDTH - 2 * GAP) // 4 - GAP
        for first in range(0, len(panels), 4):
            for place, (title, lines, span) in enumerate(panels[first : first + 4]):
                left = GAP + place * (width + GAP)
                self._panel(left, width, title, curves.values, lines, span)
            self.y += PANEL + 48
        self.y += GAP

    def _panel(
        self,
        left: int,
        width: int,
        title: str,
        values: Doubles,
        lines: Doubles,
        span: tuple[float, float] | None,
    ) -> None:
        font = _font(14)
        while self.pen.textlength(title, font) > width and len(title) > 4:
            title = f"..{title.lstrip('.')[1:]}"
        self.pen.text((left, self.y), title, INK, font)
        top, bottom, start = self.y + 24, self.y + 24 + PANEL - 24, left + 34
        known = lines[np.isfinite(lines)]
        low, high = span or (0.0, float(known.max()) if len(known) and known.max() > 0 else 1.0)
        first, last = float(values[0]), float(values[-1])

        def at(value: float, height: float) -> tuple[float, float]:
            across = (value - first) / ((last - first) or 1.0)
            up = (height - low) / (high - low)
            return start + across * (left + width - start), bottom - up * (bottom - top)

        for height in (low, (low + high) / 2, high):
            y = at(first, height)[1]
            self.pen.line((start, y, left + width, y), LINE, 1)
            self.pen.text((left, y - 8), f"{height:.2g}", SOFT, _font(12))
        for value, anchor in ((first, "la"), (last, "ra")):
            place = (at(value, low)[0], bottom + 4)
            self.pen.text(place, f"{value:g}", SOFT, _font(12), anchor=anchor)
        for number, line in enumerate(lines):
            points = [at(v, h) for v, h in zip(values, line, strict=True) if np.isfinite(h)]
            if len(points) == 1:
                (x, y), *_ = points
                self.pen.ellipse((x - 3, y - 3, x + 3, y + 3), _colour(number))
            elif points:
                self.pen.line(points, _colour(number), 2)


def _colour(number: int) -> str:
    return SERIES[number % len(SERIES)]


@cache
def _font(size: int) -> Any:
    return ImageFont.load_default(size)
