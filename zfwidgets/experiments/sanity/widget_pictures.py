"""The pictures of a sanity check: pulled by the page one at a time, and as one static picture."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import traitlets
from PIL import Image

from ...errors import InputError
from ...widgets.answering import Answering, asked
from ...widgets.snapshot import GAP, INK, MARGIN, SOFT, WIDTH, Page
from ...widgets.wire import validation
from ...widgets.wire.encode import Answer, encode_pictures
from .curve import ACROSS, CONTROLS, MEASURES, STRONG, UP, Curve

if TYPE_CHECKING:
    from .records import SanityResult, SanityStep

MOST = 12
"""Pictures in the static one; of more steps every so manieth."""


class StepPictures(Answering):
    """The trained network's picture beside that of one step, as the page shows them.

    Synchronised is only which step; its pixels are the answer to a message of kind ``check``.
    """

    fingerprint = traitlets.Unicode(read_only=True).tag(sync=True)
    """Of the engine."""
    check = traitlets.Unicode().tag(sync=True)
    """Which run is shown; empty before it has a picture."""
    step = traitlets.Int().tag(sync=True)
    """Which step; 0 is the trained network."""
    measure = traitlets.Enum(list(MEASURES), default_value="rank").tag(sync=True)
    """By which measure it is compared."""

    def __init__(self, fingerprint: str, **layout: Any) -> None:
        self._answers: dict[tuple[str, int], Answer] = {}
        self.set_trait("fingerprint", fingerprint)
        super().__init__(**layout)

    page_module = "sanity_check"

    def keep(self, check: str, result: SanityResult) -> None:
        """Encode the newest step of a run, on the worker, so that it is there when asked for.

        Pictures of earlier runs are let go of once they aren't shown.
        """
        number = len(result.steps) - 1
        shown = {check, self.check}
        kept = {key: answer for key, answer in self._answers.items() if key[0] in shown}
        if (check, number) not in kept:
            kept[check, number] = _answer(number, result.steps[number])
        self._answers = kept

    def _find(self, message: Mapping[str, Any]) -> Answer:
        key = asked(message, "check")
        check = key.get("check")
        step = validation.integer("step", key.get("step"), 0, 1 << 20)
        answer = self._answers.get((str(check), step))
        if answer is None:
            raise InputError(
                f"Step {step} of {check!r} isn't computed, or belongs to an earlier run: run the "
                "cell again."
            )
        return answer


def _answer(number: int, step: SanityStep) -> Answer:
    alike = {
        name: value if math.isfinite(value) else None
        for name, value in step.similarity.to_json().items()
    }
    mime, buffers = encode_pictures([np.asarray(step.to_pil())], lossless=True)
    data = {"step": number, "module": step.module, "note": step.note, **alike, "mime": mime}
    return data, buffers


# ---------------------------------------------------------------------- the static picture


def draw(title: str, result: SanityResult | None, measure: str, status: str) -> Image.Image:
    """Draw what a check has found: its curve, and the pictures of its steps.

    Returns
    -------
    PIL.Image.Image
        RGB, 1200 px wide.
    """
    page = Page()
    page.line(f"Sanity check   {title}", 30)
    page.line(status, 18, SOFT)
    if result is None:
        page.empty(MARGIN, page.y, WIDTH - 2 * MARGIN, 300, "not computed yet")
        page.y += 300
        return page.finish()
    half = (WIDTH - 2 * MARGIN - 2 * GAP) // 2
    top = page.y
    _curve(page, Curve.of(result, measure), measure, half)
    bottom, page.y = page.y, top
    _steps(page, result, measure, MARGIN + half + 2 * GAP, half)
    page.y = max(bottom, page.y)
    return page.finish()


def _curve(page: Page, curve: Curve, measure: str, width: int) -> None:
    left, right, top, bottom = MARGIN + 40, MARGIN + width - GAP, page.y + 36, page.y + 340
    low = curve.low

    def at(step: float, value: float) -> tuple[int, int]:
        across = step / max(curve.end, 1)
        up = (value - low) / (1 - low)
        return round(left + across * (right - left)), round(bottom - up * (bottom - top))

    page.text(MARGIN, page.y, f"{MEASURES[measure]}: {UP}", 18, INK, width)
    for value in sorted({low, 0.0, 0.5, 1.0}):
        y = at(0, value)[1]
        page.pen.line((left, y, right, y), "#dcdfe4", 1)
        page.text(MARGIN, y - 10, f"{value:.1f}", 16, SOFT)
    for kind, value in curve.controls.items():
        (start, y), (end, _) = at(0, value), at(curve.end, value)
        for x in range(start, end, 16):
            page.pen.line((x, y, min(x + 9, end), y), CONTROLS[kind], 3)
    points = [at(*point) for point in zip(curve.steps, curve.values, strict=True)]
    page.pen.line(points, STRONG, 3)
    for x, y in points:
        page.pen.ellipse((x - 5, y - 5, x + 5, y + 5), STRONG)
    page.text(left, bottom + 6, f"0 .. {curve.end} {ACROSS}", 16, SOFT, right - left)
    page.y = bottom + 36
    legend = {"this unit": STRONG} | {f"other units, {k}": CONTROLS[k] for k in curve.controls}
    for text, colour in legend.items():
        page.pen.line((left, page.y + 10, left + 26, page.y + 10), colour, 3)
        page.text(left + 36, page.y, text, 16, INK, right - left - 36)
        page.y += 24


def _steps(page: Page, result: SanityResult, measure: str, left: int, width: int) -> None:
    count = len(result.steps)
    numbers = np.unique(np.linspace(0, count - 1, min(count, MOST)).round().astype(int)).tolist()
    cell = (width - 3 * GAP) // 4
    legend = "signed around grey, each picture on its own scale"
    page.text(left, page.y, legend, 18, SOFT, width)
    top = page.y + 32
    for place, number in enumerate(numbers):
        step = result.steps[number]
        x, y = left + place % 4 * (cell + GAP), top + place // 4 * (cell + 48)
        page.picture(x, y, step.to_pil(), cell, cell)
        page.text(x, y + cell + 2, f"{number}: {step.module or 'trained'}", 15, INK, cell)
        value = getattr(step.similarity, measure)
        alike = f"{value:.2f}" if math.isfinite(value) else "can't be compared"
        page.text(x, y + cell + 20, alike, 15, SOFT, cell)
    page.y = top + -(-len(numbers) // 4) * (cell + 48)
