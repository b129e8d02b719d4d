"""The pictures of a sanity check: pulled by the page one at a time, and as one static picture."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import traitlets
from PIL import Image

from ...drawing.page import GAP, MARGIN, WIDTH, Page, shortened
from ...drawing.page_charts import DASHED, DOTTED, Line, legend, line_chart
from ...drawing.palette import INK, SOFT
from ...errors import InputError
from ...language.words import Words, language_name
from ...records import Values
from ...widgets.answering import Answering, asked
from ...widgets.wire import validation
from ...widgets.wire.encode import Answer, encode_pictures
from .curve import CONTROLS, CURVE, Curve
from .result import SanityResult, SanityStep
from .similarity import MEASURES

MOST = 16
"""Pictures in the static one; of more steps every so manieth."""
DASHES = {"same photo": DASHED, "other photo": DOTTED}
"""How the controls' lines are drawn."""


class StepPictures(Answering):
    """The trained network's picture beside that of one step, as the page shows them.

    Synchronised is only which step; its pixels are the answer to a message of kind ``check``.
    """

    fingerprint = traitlets.Unicode(read_only=True).tag(sync=True)
    """Fingerprint of the engine."""
    check = traitlets.Unicode().tag(sync=True)
    """Which run is shown; empty before it has a picture."""
    step = traitlets.Int().tag(sync=True)
    """Which step; 0 is the trained network."""
    measure = traitlets.Enum(list(MEASURES), default_value="rank").tag(sync=True)
    """By which measure it is compared."""
    language = traitlets.Unicode().tag(sync=True)
    """Language of the page's words; that of `zfwidgets.set_language` when it is made."""

    def __init__(self, fingerprint: str, **layout: Any) -> None:
        self._answers: dict[tuple[str, int], Answer] = {}
        self.set_trait("fingerprint", fingerprint)
        layout.setdefault("language", language_name(None))
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
            kept[check, number] = _answer(number, result.steps[number], result.values)
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


def _answer(number: int, step: SanityStep, values: Values) -> Answer:
    alike = {
        name: value if math.isfinite(value) else None
        for name, value in step.similarity.to_json().items()
    }
    mime, buffers = encode_pictures([np.asarray(step.to_pil(values=values))], lossless=True)
    data = {"step": number, "module": step.module, "note": step.note, **alike, "mime": mime}
    return data, buffers


# ---------------------------------------------------------------------- the static picture


def draw(
    about: str, result: SanityResult | None, measure: str, status: str, words: Words
) -> Image.Image:
    """Draw what a check has found: its curve, and the pictures of its steps.

    Returns
    -------
    PIL.Image.Image
        RGB, 1200 px wide.
    """
    page = Page(words("sanity.picture", about=about), status)
    if result is None:
        return page.missing(words("experiment.missing"))
    half = (WIDTH - 2 * MARGIN - 2 * GAP) // 2
    top = page.y
    _curve(page, Curve.of(result, measure), measure, half, words)
    bottom, page.y = page.y, top
    _steps(page, result, measure, MARGIN + half + 2 * GAP, half, words)
    page.y = max(bottom, page.y)
    return page.finish()


def _curve(page: Page, curve: Curve, measure: str, width: int, words: Words) -> None:
    about = f"{words(f'sanity.{measure}')}: {words('sanity.up')}"
    page.text(MARGIN, page.y, about, 18, INK, width)
    left, right = MARGIN + 40, MARGIN + width - GAP
    levels = {value: f"{value:.1f}" for value in sorted({curve.low, 0.0, 0.5, 1.0})}
    lines = [
        Line((0, curve.end), (value, value), CONTROLS[kind], dashes=DASHES[kind])
        for kind, value in curve.controls.items()
    ]
    lines.append(Line(curve.steps, curve.values, CURVE))
    area, across = (left, page.y + 36, right, page.y + 340), (0.0, max(curve.end, 1.0))
    below = [f"0 .. {curve.end} {words('sanity.across')}"]
    line_chart(page, area, lines, across, levels, below, gutter=40, dots=5)
    page.y += 376
    others = [(words(f"sanity.others.{kind}"), CONTROLS[kind]) for kind in curve.controls]
    dashes = [None, *(DASHES[kind] for kind in curve.controls)]
    legend(page, left, right - left, [(words("sanity.this"), CURVE), *others], dashes)


def _steps(
    page: Page, result: SanityResult, measure: str, left: int, width: int, words: Words
) -> None:
    count = len(result.steps)
    numbers = np.unique(np.linspace(0, count - 1, min(count, MOST)).round().astype(int)).tolist()
    cell = (width - 3 * GAP) // 4
    shown = words(f"values.{result.values}")
    about = words("sanity.legend", shown=shown)
    if len(numbers) < count:
        about = words("sanity.legend.some", about=about, number=len(numbers), all=count)
    page.text(left, page.y, about, 18, SOFT, width)
    top = page.y + 32
    for place, number in enumerate(numbers):
        step = result.steps[number]
        x, y = left + place % 4 * (cell + GAP), top + place // 4 * (cell + 48)
        page.picture(x, y, step.to_pil(values=result.values), cell, cell)
        name = f"{number}: {step.module or words('sanity.trained')}"
        page.text(x, y + cell + 2, shortened(page.pen, name, 15, cell), 15, INK, cell)
        value = getattr(step.similarity, measure)
        alike = words.fixed(value, 2) if math.isfinite(value) else words("sanity.incomparable")
        page.text(x, y + cell + 20, alike, 15, SOFT, cell)
    page.y = top + -(-len(numbers) // 4) * (cell + 48)
