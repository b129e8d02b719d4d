"""A wall of pictures: rows and columns with captions, pulled by the page, chosen by the user."""

from __future__ import annotations

import uuid
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import traitlets

from ...drawing.page import GAP, MARGIN, WIDTH, Page, one_line
from ...drawing.palette import INK, SOFT
from ...errors import InputError
from ...language.words import Words, language_name
from ...records import Pixels
from ...widgets.answering import Answering, asked
from ...widgets.wire import validation
from ...widgets.wire.encode import Answer, encode_pictures
from ...widgets.wire.telling import Teller

MOST = 64
"""Pictures of one answer."""

KEPT = 96
"""Walls of one widget whose pictures are kept: a slider goes back to them without computing."""


@dataclass(frozen=True)
class Wall:
    """Pictures, as they hang.

    Attributes
    ----------
    pictures
        (rows, columns, 3) uint8 each, or None where a place stays empty.
    captions
        A line under each picture; fewer than pictures leaves the rest without.
    columns
        Pictures in a row; 0 lets as many stand beside each other as there is room for.
    heads, sides
        Names of the columns and of the rows, where ``columns`` isn't 0.
    details
        A second, paler line under each picture, and its tooltip.
    lossless
        Whether pixels must arrive as they are, however large they are.
    """

    pictures: Sequence[Pixels | None]
    captions: Sequence[str] = ()
    columns: int = 0
    heads: Sequence[str] = ()
    sides: Sequence[str] = ()
    details: Sequence[str] = field(default=())
    lossless: bool = True


class PictureWall(Answering):
    """Shows a `Wall`. Synchronised is which one, and which picture is chosen; never pixels.

    Parameters
    ----------
    fingerprint
        Fingerprint of the engine.
    label
        What the pictures are, for those who don't see them.
    size
        CSS pixels of a picture's longer side, at most.
    choosable
        Whether a picture can be chosen, by click, arrow keys and Enter.
    """

    page_may_set = frozenset(("chosen",))

    fingerprint = traitlets.Unicode(read_only=True).tag(sync=True)
    """Fingerprint of the engine."""
    wall = traitlets.Unicode().tag(sync=True)
    """Name of what is shown; empty before there is anything."""
    label = traitlets.Unicode().tag(sync=True)
    """What the pictures are."""
    note = traitlets.Unicode().tag(sync=True)
    """One line below: what is shown, how to read its colours."""
    size = traitlets.Int(96, min=16, max=512).tag(sync=True)
    """CSS pixels of a picture's longer side, at most."""
    choosable = traitlets.Bool(False).tag(sync=True)
    """Whether a picture can be chosen."""
    chosen = traitlets.Int(-1, min=-1).tag(sync=True)
    """Number of the picture that is chosen; -1: none."""
    language = traitlets.Unicode().tag(sync=True)
    """Language of the page's words; that of `zfwidgets.set_language` when it is made."""

    def __init__(
        self,
        fingerprint: str,
        label: str,
        *,
        note: str = "",
        size: int = 96,
        choosable: bool = False,
        **layout: Any,
    ) -> None:
        self._walls: OrderedDict[str, Wall] = OrderedDict()
        self.set_trait("fingerprint", fingerprint)
        layout.setdefault("language", language_name(None))
        super().__init__(label=label, note=note, size=size, choosable=choosable, **layout)

    page_module = "picture_wall"

    def keep(self, wall: Wall, name: str = "") -> str:
        """Keep a wall, so that it is there when the page asks; from any thread.

        Parameters
        ----------
        wall
            The pictures.
        name
            What to call it; "" invents a name. The same name must mean the same pictures.

        Returns
        -------
        str
            The name, for the trait `wall`.
        """
        name = name or uuid.uuid4().hex
        walls = OrderedDict(self._walls)
        walls[name] = wall
        walls.move_to_end(name)
        while len(walls) > KEPT:
            oldest = next(key for key in walls if key != self.wall)
            del walls[oldest]
        self._walls = walls
        return name

    def keeps(self, name: str) -> bool:
        """Whether a wall of that name is kept."""
        return name in self._walls

    def show(self, wall: Wall, name: str = "") -> None:
        """Show a wall; on the kernel's main thread."""
        self.wall = self.keep(wall, name)

    def push(self, name: str) -> None:
        """Send the page the pictures of a wall that is kept, unasked; then show it.

        For a kernel whose main thread is busy and hears no page, but comes by here.
        """
        total, first = len(self._walls[name].pictures), 0
        while first < max(total, 1):
            key = {"fingerprint": self.fingerprint, "wall": name, "first": first}
            request = {"kind": "wall", "key": key, "view": "", "slot": ""}
            Teller(self, request)("reply", self._find(request))
            first += MOST
        self.wall = name

    @property
    def shown(self) -> Wall | None:
        """The wall that is shown."""
        return self._walls.get(self.wall)

    def _find(self, message: Mapping[str, Any]) -> Answer:
        key = asked(message, "wall")
        wall = self._walls.get(str(key.get("wall")))
        if wall is None:
            raise InputError("These pictures aren't kept any more: run the cell again.")
        total = len(wall.pictures)
        first = validation.integer("first", key.get("first"), 0, max(0, total - 1))
        pictures = wall.pictures[first : first + MOST]
        there = [np.asarray(p, dtype=np.uint8) for p in pictures if p is not None]
        mime, buffers = encode_pictures(there, lossless=wall.lossless)
        data = {
            "first": first,
            "total": total,
            "columns": wall.columns,
            "heads": [one_line(text) for text in wall.heads],
            "sides": [one_line(text) for text in wall.sides],
            "there": [p is not None for p in pictures],
            "captions": [one_line(text) for text in wall.captions[first : first + MOST]],
            "details": [one_line(text) for text in wall.details[first : first + MOST]],
            "mime": mime,
        }
        return data, buffers


def enlarged(pixels: Pixels, side: int = 80) -> Pixels:
    """Small pictures with each pixel as a square of pixels, so that none is blurred on a wall.

    Parameters
    ----------
    pixels
        (rows, columns, 3) uint8.
    side
        What the longer side may become.
    """
    factor = max(1, side // max(pixels.shape[:2]))
    return pixels.repeat(factor, 0).repeat(factor, 1)


def paint_wall(
    page: Page,
    wall: Wall,
    note: str = "",
    most: int = 40,
    largest: int = 150,
    empty: str = "",
) -> None:
    """Put a wall on the static picture, below what is there.

    Parameters
    ----------
    page
        Where.
    wall
        The pictures; where there are more than ``most`` the rest is counted.
    note
        The line on how to read them.
    most
        Pictures at most.
    largest
        Pixels of a picture's longer side, at most.
    empty
        What is written where a picture is None.
    """
    from PIL import Image

    if note:
        page.paragraph(note, 16, SOFT)
    side = 130 if wall.sides else 0
    columns = wall.columns or min(10, max(1, len(wall.pictures)))
    cell = min(largest, (WIDTH - 2 * MARGIN - side) // columns - GAP)
    rows = -(-min(len(wall.pictures), most) // columns)
    for column, head in enumerate(wall.heads):
        page.text(MARGIN + side + column * (cell + GAP), page.y, head, 15, SOFT, cell)
    page.y += 22 if wall.heads else 0
    lines = 18 * bool(wall.captions) + 18 * bool(wall.details)
    for row in range(rows):
        if row < len(wall.sides):
            page.text(MARGIN, page.y + cell // 2 - 10, wall.sides[row], 15, INK, side - GAP)
        for column in range(columns):
            number = row * columns + column
            if number >= len(wall.pictures):
                break
            x, picture = MARGIN + side + column * (cell + GAP), wall.pictures[number]
            if picture is None:
                page.empty(x, page.y, cell, cell)
                page.text(x + 4, page.y + cell // 2 - 8, empty, 13, SOFT, cell - 8)
            else:
                page.picture(x, page.y, Image.fromarray(picture), cell, cell)
            y = page.y + cell + 2
            for texts, colour in ((wall.captions, INK), (wall.details, SOFT)):
                if number < len(texts):
                    page.text(x, y, texts[number], 14, colour, cell)
                    y += 18
        page.y += cell + lines + GAP
    left = len(wall.pictures) - rows * columns
    if left > 0:
        page.line(Words()("experiment.more", number=left), 16, SOFT)
