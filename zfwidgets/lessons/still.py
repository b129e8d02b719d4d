"""Questions as a static picture, for notebooks that are read where no kernel answers."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from PIL import Image, ImageDraw

from ..drawing.page import GAP, INNER, LONGEST, MARGIN, WIDTH, Page, font
from ..drawing.palette import INK, PAPER, SOFT, STRONG
from ..widgets.base import PICTURE_PRIORITY
from ..widgets.static_picture.two_outputs import TwoOutputs
from ..widgets.wire.jobs import Op
from ..widgets.wire.jobs.steps import Steps
from ..widgets.wire.service import Service
from .exercises.task import Figure, Task

if TYPE_CHECKING:
    from .question import Question

ACROSS = 4
"""Pictures beside each other at most."""
HIGHEST = 4000
"""Pixels of a question at most."""


@dataclass(frozen=True)
class Sketch:
    """What a picture shows of a question."""

    place: str
    """Which one it is on its worksheet."""
    before: str
    """The text above it."""
    task: Task | None
    """What is asked; None: it isn't made."""
    message: str
    """Why it isn't made, or not yet."""
    says: tuple[str, ...] = ()
    """What is said of the answer, or of a channel that isn't one."""
    given: float | str | None = None
    """The answer: the option's number, the estimate or the channel, or `SHOW`; None before."""


def sketched(question: Question) -> Sketch:
    """A question as it is now."""
    task = None if question.phase in ("making", "failed") else question.task
    given = question.given[0] if question.phase == "answered" and question.given else None
    said = tuple(question.says)
    return Sketch(question.place, question.before, task, question.message, said, given)


class StillLesson(TwoOutputs):
    """Leaves a picture of its questions in the notebook. Subclasses say which these are."""

    _service: Service
    """Service whose worker draws."""
    _owner: str
    """Name of its jobs."""
    _watched = False
    _shown_last: object = None
    """State of the questions that the picture shows."""

    def _shows(self) -> Sequence[Question]:
        """The questions."""
        raise NotImplementedError

    def _heading(self) -> tuple[str, str, str]:
        """Title, what stands below it, and what stands at the end."""
        return "", "", ""

    def settle(self, timeout: float = 600.0) -> bool:
        """Wait until all is made; False when time runs out. Raises what failed."""
        raise NotImplementedError

    def _paint_known(self) -> Image.Image:
        return draw(*self._heading(), [sketched(one) for one in self._shows()])

    def _complete_picture(self, timeout: float) -> bool:
        if self._shown_last == self._now():
            return True
        try:
            return self.settle(timeout)
        finally:
            self._show_picture(self._paint_known())
            self._shown_last = self._now()

    def _displayed(self) -> None:
        if not self._watched:
            self._watched = True
            for question in self._shows():
                question.observe(self._redraw, ["phase", "says"])
        self._redraw()

    def _now(self) -> object:
        return [(one.question, one.phase, tuple(one.says)) for one in self._shows()]

    def _redraw(self, _change: Any = None) -> None:
        if not self.displayed:
            return
        now, heading = self._now(), self._heading()
        sketches = [sketched(one) for one in self._shows()]

        def steps() -> Steps:
            yield from ()
            return draw(*heading, sketches)

        def drawn(op: Op, value: Any) -> None:
            if op == "reply":
                self._service.hand_back(lambda: show(value))

        def show(picture: Image.Image) -> None:
            self._show_picture(picture)
            self._shown_last = now

        self._service.work(self._owner, "picture", steps, drawn, PICTURE_PRIORITY)

    def close(self) -> None:
        """Remove it from the front end."""
        self._picture_id = None
        super().close()  # type: ignore[misc]


def draw(title: str, intro: str, end: str, sketches: Sequence[Sketch]) -> Image.Image:
    """Questions one below the other, as they are asked: answers only where they were given."""
    pages = [_question(sketch) for sketch in sketches]
    if title or intro:
        pages.insert(0, _texts((title, 30, INK), (intro, 18, SOFT)))
    if end:
        pages.append(_texts((end, 18, INK)))
    whole = Image.new("RGB", (WIDTH, sum(page.height for page in pages)), PAPER)
    top = 0
    for page in pages:
        whole.paste(page, (0, top))
        top += page.height
    return whole


def _texts(*texts: tuple[str, int, Any]) -> Image.Image:
    page = Page(height=HIGHEST)
    for text, size, colour in texts:
        _write(page, text, size, colour)
    return page.finish()


def _write(page: Page, text: str, size: int, colour: Any = INK) -> None:
    """All of a text: a page's paragraphs end somewhere."""
    for part in textwrap.wrap(text, LONGEST):
        page.paragraph(part, size, colour)


def _question(sketch: Sketch) -> Image.Image:
    page = Page(height=HIGHEST)
    page.pen.line((MARGIN, 4, WIDTH - MARGIN, 4), SOFT)
    _write(page, sketch.place, 16, SOFT)
    _write(page, sketch.before, 18)
    task = sketch.task
    if task is None:
        page.empty(MARGIN, page.y, INNER, 120, sketch.message)
        page.y += 120
        return page.finish()
    _write(page, task.ask, 22)
    page.y += GAP
    answered = sketch.given is not None
    _row(page, [(one, "") for one in (answered and task.reveal) or task.figures])
    if any(option.figure for option in task.options):
        shown = [((answered and one.shown) or one.figure, one.text) for one in task.options]
        for first in range(0, len(shown), ACROSS):
            _row(page, shown[first : first + ACROSS], first, sketch.given)
    else:
        for number, option in enumerate(task.options):
            _choice(page, MARGIN, option.text, INNER, number == sketch.given)
            page.y += 32
    if task.scale is not None:
        low, high, unit = task.scale
        page.line(f"{low} \N{EN DASH} {high} {unit}", 18, SOFT)
    for line in sketch.says:
        _write(page, line, 18, STRONG)
    return page.finish()


def _row(
    page: Page,
    shown: Sequence[tuple[Figure | None, str]],
    first: int | None = None,
    given: float | str | None = None,
) -> None:
    """Pictures beside each other with what is said below them, and go below these.

    Parameters
    ----------
    page
        Where.
    shown
        Each with its text.
    first
        Number of the first answer; None: they are no answers.
    given
        Number of the answer that was given.
    """
    if not shown:
        return
    across = max(len(shown), 3) if first is None else ACROSS
    side = (INNER - (across - 1) * GAP) // across
    top, below = page.y, page.y
    for number, (figure, text) in enumerate(shown):
        x, page.y = MARGIN + number * (side + GAP), top
        if figure is not None:
            picture = _marked(figure, side)
            page.image.paste(picture, (x, page.y))
            page.y += picture.height + 6
            if figure.caption:
                page.paragraph(figure.caption, 16, SOFT, x, side)
        if first is not None:
            _choice(page, x, text, side, first + number == given)
            page.y += 32
        below = max(below, page.y)
    page.y = below + GAP


def _choice(page: Page, x: int, text: str, width: int, ticked: bool) -> None:
    """An answer with a circle to tick."""
    y = page.y + 3
    page.pen.ellipse((x, y, x + 16, y + 16), None, STRONG if ticked else SOFT, 2)
    if ticked:
        page.pen.ellipse((x + 4, y + 4, x + 12, y + 12), STRONG)
    page.fitting(x + 26, page.y, text, 18, INK, width - 26)


def _marked(figure: Figure, side: int) -> Image.Image:
    """A figure as wide as that with the rectangles on it."""
    rows, columns = figure.pixels.shape[:2]
    scale = min(side / columns, side / rows)
    size = max(1, round(columns * scale)), max(1, round(rows * scale))
    picture = Image.fromarray(figure.pixels).resize(size, Image.Resampling.BICUBIC)
    pen = ImageDraw.Draw(picture)
    for box, text in figure.marks:
        left, top = box.left * scale, box.top * scale
        right, bottom = left + box.width * scale, top + box.height * scale
        pen.rectangle((left, top, right - 1, bottom - 1), None, PAPER, 4)
        pen.rectangle((left + 1, top + 1, right - 2, bottom - 2), None, STRONG, 2)
        if text:
            at = max(left, 0) + 6, max(top, 0) + 6
            pen.text(at, text, STRONG, font(18), stroke_width=3, stroke_fill=PAPER)
    return picture
