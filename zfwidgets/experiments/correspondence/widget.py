"""Correspondence as a widget: mark parts in photos, and see whether features know them."""

from __future__ import annotations

import html
import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import ipywidgets
from PIL import Image

from ...drawing.page import MARGIN, Page, font
from ...drawing.palette import colour
from ...drawing.tables import key, small
from ...engine.protocol import EngineProtocol
from ...errors import InputError, needs_torch
from ...language.words import Words
from ...records import Box
from ...stepwise import Growing
from ..shared.boxes import Experiment
from ..shared.charts import BarChart
from ..shared.layout import beside
from ..shared.picture_wall import PictureWall, Wall, paint_wall
from ..shared.recording import Recording, stored
from .marking import Marking, as_json
from .rows import row_text
from .signs import CorrespondenceResult

PARTS = ("left eye", "right eye", "nose")
"""The paper's."""


class Correspondence(Experiment["CorrespondenceResult"]):
    """Lets the same parts be marked in several photos, and compares what masking them changes.

    Draw a box around each part in each photo (or pass boxes). As soon as all are there, the parts
    are masked one after the other, and the table shows in how many units of a layer the signs of
    the changes differ between photos, beside random masks of the same sizes: the paper's Table 1.
    What is measured and how: `zfwidgets.experiments.correspondence`. Moving a box computes anew.

    Parameters
    ----------
    engine
        ``zf.Engine(model, images)``. Or a recording (`zfwidgets.experiments.recorded`), alone: it
        is shown, without torch, and its boxes stay where they are.
    images
        Photos by index or name, or images of your own; None: the engine's first five.
    parts
        What to mark; None: those of ``boxes``, or "left eye", "right eye", "nose".
    boxes
        To begin with, as many as there are: by part a box for each photo, or by the photo's name.
        A box is a `zfwidgets.records.Box` or (top, left, height, width), in pixels of the
        network's input. ``widget.boxes`` gives what was drawn in this form.
    layers
        Layers whose features are compared; None: a low, a middle and the last rectifier.
    draws
        Random masks of each part's sizes.
    within
        A part that is the object itself, such as "head": it isn't masked, and random masks stay
        inside of it.
    baseline
        What masks are filled with.
    seed
        Seed of the random masks.
    **layout
        ``layout``, as every ipywidget has it.

    Raises
    ------
    InputError
        For an engine that isn't on this machine, fewer than two photos, an unknown image or
        layer, a box outside of its photo. What is missing while boxes are drawn, the line below
        says.

    Examples
    --------
    >>> faces = zf.Correspondence(engine, ["kitten", "calf", "gorilla"])
    >>> faces.boxes["nose"]["kitten"]  # after it was drawn
    >>> faces.settle()
    >>> faces.result.to_table()
    """

    named = "correspondence"
    again = "correspondence.again"

    def __init__(
        self,
        engine: EngineProtocol | Recording[CorrespondenceResult],
        images: Sequence[Any] | None = None,
        parts: Sequence[str] | None = None,
        boxes: Mapping[str, Any] | None = None,
        *,
        layers: Sequence[str] | None = None,
        draws: int = 10,
        within: str = "",
        baseline: str | float = "grey",
        seed: int = 0,
        **layout: Any,
    ) -> None:
        recorded = stored(engine, CorrespondenceResult)
        live: Any = engine if recorded is None else None
        if recorded is None:
            measuring = _experiment()
            photos, pictures = measuring.to_mark(live, images, layers)
            self._make = partial(
                measuring.measure_correspondence_steps,
                live,
                images=images,
                layers=layers,
                draws=draws,
                within=within,
                baseline=baseline,
                seed=seed,
            )
            boxes = boxes or {}
            marked = [*dict.fromkeys([*(parts or boxes or PARTS), *boxes, *filter(None, [within])])]
            self._marking = Marking(live.info.fingerprint, pictures, photos, marked)
            self._names, self._photos = self._marking.names, self._marking.painted
            self._parts = lambda: [*self._marking.parts]
            self.boxes = boxes
            self._marking.observe(self._remark, "boxes")
            above: list[ipywidgets.Widget] = [self._marking]
        else:
            if images is not None or boxes is not None:
                raise InputError(
                    "This is a correspondence that was computed before: pass it alone, or an "
                    "engine, photos and boxes."
                )
            self._names = recorded[0].image_names
            wall = recorded[2].get("photos", Wall([]))
            self._photos = lambda: wall
            shown = PictureWall("recorded", self._words("correspondence.photos"), size=220)
            shown.show(wall)
            drawn = [*recorded[0].part_names, *filter(None, [recorded[0].within])]
            self._parts = lambda: drawn  # in the order of their boxes' colours
            above = [shown, ipywidgets.HTML(key(drawn))]
        self._table, self._chart = ipywidgets.HTML(), BarChart(self._words("correspondence.axis"))
        self._reading = ipywidgets.HTML()
        below = beside([self._table, self._reading], [self._chart])
        super().__init__(live, [*above, below], start=False, recorded=recorded, **layout)
        self.add_class("zf-correspondence")
        if recorded is None:
            self._begin()

    @property
    def marking(self) -> Marking:
        """The widget in which boxes are drawn; observe its trait ``boxes``."""
        if self._recorded:
            raise InputError("This is a recording: nothing is marked in it. Pass an engine.")
        return self._marking

    @property
    def boxes(self) -> dict[str, dict[str, Box]]:
        """What is marked: by part, by the photo's name. Set it to mark other boxes."""
        marking = self.marking
        return {
            part: {marking.names[place]: box for place, box in boxes.items()}
            for part, boxes in marking.marks.items()
        }

    @boxes.setter
    def boxes(self, boxes: Mapping[str, Any]) -> None:
        from .marks import checked_marks

        marking = self.marking
        marks = checked_marks(boxes, marking.names, *marking.extent, whole=False)
        new = [part for part in marks if part not in marking.parts]
        marking.parts = [*marking.parts, *new]
        marking.boxes = as_json(marks)

    # ------------------------------------------------------------------ running

    def _begin(self) -> None:
        """Compute if all is marked; else say what is missing."""
        missing = self._marking.missing
        if not missing:
            self.start()
            return
        words = self._words
        listed = ", ".join(
            words("correspondence.missing.part", part=part, number=number)
            for part, number in missing.items()
        )
        self._say_running(False, words("correspondence.missing", parts=listed))

    def _remark(self, _change: Any) -> None:
        """Boxes have changed: what was computed is of others."""
        self._forget()
        self._table.value = self._reading.value = ""
        self._chart.layout.display = "none"
        self._begin()

    def _steps(self) -> Growing[CorrespondenceResult]:
        steps: Growing[CorrespondenceResult]
        marks = self._marking.marks
        steps = self._make({part: marks.get(part, {}) for part in self._marking.parts})
        return (yield from steps)

    def _done(self, result: CorrespondenceResult) -> str:
        parts = len(result.part_names)
        return self._words("correspondence.done", parts=parts, draws=result.draws)

    def _stopped(self, result: CorrespondenceResult | None) -> str:
        done = 0 if result is None else result.done
        return self._words("correspondence.stopped", number=done)

    # ------------------------------------------------------------------ drawing

    def _facts(self) -> str:
        return self._words("correspondence.facts", photos=", ".join(self._names))

    def _show(self, result: CorrespondenceResult) -> None:
        rows = result.rows()
        words = self._words
        self._table.value = _table(result, words)
        self._reading.value = small(words("correspondence.reading"))
        self._chart.layout.display = None if rows else "none"
        if rows:
            self._chart.draw(
                result.layers, {row_text(row, words): result.mean(row) for row in rows}
            )

    def _paint(self, result: CorrespondenceResult | None, status: str) -> Callable[[], Image.Image]:
        title = self._words("correspondence.picture", photos=", ".join(self._names))
        parts = self._parts()
        return partial(_draw, title, self._photos(), parts, result, status, self._words)


def _table(result: CorrespondenceResult, words: Words) -> str:
    """The paper's table in HTML, with what its numbers must be read with."""
    heads = [words("correspondence.masked"), *result.layers]
    lines = [f"<tr>{''.join(f'<th>{html.escape(head)}</th>' for head in heads)}</tr>"]
    for row in result.rows():
        mean, spread, changed = result.mean(row), result.spread(row), result.changed(row)
        draws = len(result.random.get(row, ()))
        below = result.not_above(row) if draws else ()
        cells = [html.escape(row_text(row, words))]
        for place in range(len(result.layers)):
            said: dict[str, Any] = {"share": words.fixed(changed[place], 3)}
            if draws:
                said |= {"number": round(below[place] * draws), "draws": draws}
            about = words(f"correspondence.{'as_low' if draws else 'changed'}", **said)
            number = words.fixed(mean[place], 3)
            if math.isfinite(spread[place]):  # which one pair hasn't
                number += f" ± {words.fixed(spread[place], 3)}"
            cells.append(f'{number}<div class="zf-note">{html.escape(about)}</div>')
        lines.append(f"<tr>{''.join(f'<td>{text}</td>' for text in cells)}</tr>")
    return f'<div class="zf-table zf-words"><table>{"".join(lines)}</table></div>'


def _draw(
    title: str,
    photos: Wall,
    parts: Sequence[str],
    result: CorrespondenceResult | None,
    status: str,
    words: Words,
) -> Image.Image:
    """The static picture: photos with their boxes and which part each is, and the table."""
    page = Page(title, status)
    paint_wall(page, photos, most=14, largest=216)
    left = MARGIN
    for number, part in enumerate(parts):
        page.pen.line((left, page.y + 9, left + 26, page.y + 9), colour(number), 5)
        page.text(left + 34, page.y, part, 16, width=180)
        left += 54 + round(min(180, font(16).getlength(part)))
    page.y += 36
    if result is not None and result.rows():
        table = result.to_pil()
        width = min(table.width, page.image.width - 56)
        height = round(table.height * width / table.width)
        page.picture(28, page.y, table, width, height)
        page.y += height + 12
        page.line(words("correspondence.painted"), 16)
    return page.finish()


def _experiment() -> Any:
    """The computation, which needs torch; imported when a widget is made."""
    with needs_torch("zf.Correspondence masks photos for the network, and"):
        from . import measuring
    return measuring
