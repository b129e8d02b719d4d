"""An invariance experiment on one sheet, laid out as the paper's Fig. 5."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from ...drawing.page import WIDTH, Page, end_of
from ...drawing.page_charts import Line, legend, line_chart
from ...drawing.palette import SOFT, colour

if TYPE_CHECKING:
    from ...language.words import Words
    from .curves import Doubles, InvarianceCurves, InvarianceResult

GAP, STRIP, PANEL = 16, 7, 190

_Panel = tuple[str, "Doubles", "tuple[float, float] | None"]
"""Title, (photos, values) lines, and the range of the axis, which follows the data if it's None."""


def draw(result: InvarianceResult, words: Words, *, relative: bool = True) -> Image.Image:
    """For each transform a photo at some of its values, then a panel a layer, then the class.

    All panels of ``relative`` distances have one scale.
    """
    sheet = _Sheet(words)
    sheet.legend(result)
    span = common_span(result) if relative else None
    for curves in result.curves:
        sheet.strip(curves)
        distances = curves.relative if relative else curves.distance
        what = words("invariance.relative" if relative else "invariance.distance")
        panels: list[_Panel] = [
            (f"{layer}: {what}", distances[:, place], span)
            for place, layer in enumerate(result.layers)
        ]
        probability = curves.probability.astype(np.float64)
        panels.append((words("invariance.class"), probability, (0.0, 1.0)))
        sheet.panels(curves, panels)
    return sheet.page.image.crop((0, 0, WIDTH, sheet.page.y))


def common_span(result: InvarianceResult) -> tuple[float, float] | None:
    """One range for the shares of all layers and transforms, so that they can be compared."""
    known = np.concatenate([curves.relative.ravel() for curves in result.curves])
    known = known[np.isfinite(known)]
    return (0.0, float(known.max())) if len(known) and known.max() > 0 else None


class _Sheet:
    def __init__(self, words: Words) -> None:
        self.words = words
        self.page = Page(height=8000)
        self.page.y = GAP

    def legend(self, result: InvarianceResult) -> None:
        """A line a photo: its colour, its class, and whether that is the true one."""
        names = []
        for number, name in enumerate(result.image_names):
            is_what, label = result.class_is[number], result.class_names[number]
            text = name
            if is_what:
                text = self.words(f"invariance.class.{is_what}", photo=name, label=label)
            names.append((text, colour(number)))
        legend(self.page, GAP, WIDTH - 2 * GAP, names)
        self.page.y += 4

    def strip(self, curves: InvarianceCurves) -> None:
        """Some of the first finished photo's pictures."""
        page = self.page
        page.text(GAP, page.y, across_text(curves, self.words))
        page.y += 30
        pictures = next((p for p in curves.pictures if p is not None), None)
        if pictures is None:
            page.text(GAP, page.y, self.words("experiment.missing"), 15, SOFT)
            page.y += 24
            return
        chosen = np.unique(np.linspace(0, len(pictures) - 1, STRIP).round().astype(int))
        rows, columns = pictures.shape[1:3]
        for place, number in enumerate(chosen):
            left = GAP + place * (columns + 8)
            page.image.paste(Image.fromarray(pictures[number]), (left, page.y))
            page.text(left, page.y + rows + 2, f"{curves.values[number]:g}", 14, SOFT)
        page.y += rows + 26

    def panels(self, curves: InvarianceCurves, panels: list[_Panel]) -> None:
        """Charts beside each other, four in a row."""
        width = (WIDTH - 2 * GAP) // 4 - GAP
        for first in range(0, len(panels), 4):
            for place, (title, lines, span) in enumerate(panels[first : first + 4]):
                left = GAP + place * (width + GAP)
                self._panel(left, width, title, curves.values, lines, span)
            self.page.y += PANEL + 48
        self.page.y += GAP

    def _panel(
        self,
        left: int,
        width: int,
        title: str,
        values: Doubles,
        lines: Doubles,
        span: tuple[float, float] | None,
    ) -> None:
        page = self.page
        page.text(left, page.y, end_of(page.pen, title, 14, width), 14)
        known = lines[np.isfinite(lines)]
        low, high = span or (0.0, float(known.max()) if len(known) and known.max() > 0 else 1.0)
        first, last = float(values[0]), float(values[-1])
        line_chart(
            page,
            (left + 34, page.y + 24, left + width, page.y + PANEL),
            [Line(values, line, colour(number)) for number, line in enumerate(lines)],
            (first, last),
            {height: f"{height:.2g}" for height in (low, (low + high) / 2, high)},
            [f"{first:g}", f"{last:g}"],
            gutter=34,
            size=12,
            width=2,
            dots=0,
        )


def across_text(curves: InvarianceCurves, words: Words) -> str:
    """What the charts' horizontal axis shows."""
    name = words.named("invariance", curves.name)
    return f"{name} ({words.named('invariance.unit', curves.unit)})" if curves.unit else name
