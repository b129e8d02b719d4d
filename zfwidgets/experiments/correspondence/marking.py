"""Photos on which parts are marked by boxes, in the page or from Python."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import traitlets
from PIL import Image, ImageDraw

from ...drawing.palette import colour
from ...errors import InputError
from ...language.words import Words
from ...records import Box, Pixels
from ..shared.picture_wall import MOST, PictureWall, Wall


class Marking(PictureWall):
    """Shows photos; on each the user draws, moves and removes one box for each part.

    Parameters
    ----------
    fingerprint
        Fingerprint of the engine.
    photos
        (rows, columns, 3) uint8 each, all of one shape: that of the network's input.
    names
        Names of the photos.
    parts
        What can be marked.
    size
        CSS pixels of a photo's longer side, at most.
    """

    page_may_set = PictureWall.page_may_set | {"part", "boxes"}

    extent = traitlets.List(traitlets.Int(), [1, 1], read_only=True).tag(sync=True)
    """Rows and columns of the photos: boxes are in their pixels."""
    parts = traitlets.List(traitlets.Unicode()).tag(sync=True)
    """What can be marked."""
    part = traitlets.Unicode().tag(sync=True)
    """Which part is marked now."""
    boxes = traitlets.Dict().tag(sync=True)
    """By part, by the photo's place as text: [top, left, height, width]."""

    page_module = "marking"

    def __init__(
        self,
        fingerprint: str,
        photos: Sequence[Pixels],
        names: Sequence[str],
        parts: Sequence[str],
        *,
        size: int = 224,
        **layout: Any,
    ) -> None:
        if len(photos) > MOST:
            raise InputError(f"There are {len(photos)} photos: expected {MOST} at most.")
        self._names = tuple(names)
        self.set_trait("extent", list(photos[0].shape[:2]))
        words = Words()
        label, note = words("correspondence.mark"), words("correspondence.mark.note")
        super().__init__(fingerprint, label, note=note, size=size, **layout)
        with self.hold_sync():
            self.parts, self.part = [*parts], next(iter(parts), "")
        self.show(Wall([*photos], [*names]))

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the photos."""
        return self._names

    @traitlets.validate("part")
    def _check_part(self, proposal: Any) -> str:
        part: str = proposal["value"]
        if part and part not in self.parts:
            raise traitlets.TraitError(f"There is no part {part!r}: expected one of {self.parts}.")
        return part

    @traitlets.validate("boxes")
    def _check_boxes(self, proposal: Any) -> dict[str, dict[str, list[int]]]:
        from .marks import checked_marks

        given = proposal["value"]
        try:
            marks = checked_marks(
                {
                    part: {int(place): box for place, box in boxes.items()}
                    for part, boxes in given.items()
                },
                self.names,
                *self.extent,
                whole=False,
            )
        except (InputError, AttributeError, TypeError, ValueError) as error:
            raise traitlets.TraitError(f"These boxes can't be: {error}") from error
        unknown = [part for part in marks if part not in self.parts]
        if unknown:
            raise traitlets.TraitError(f"There is no part {unknown[0]!r}: {self.parts} are there.")
        return as_json(marks)

    @property
    def marks(self) -> dict[str, dict[int, Box]]:
        """The boxes as records: by part, by the photo's place."""
        return {
            part: {int(place): Box(*box) for place, box in boxes.items()}
            for part, boxes in self.boxes.items()
        }

    @property
    def missing(self) -> dict[str, int]:
        """In how many photos each part isn't marked yet, where there are any."""
        left = {part: len(self.names) - len(self.boxes.get(part, ())) for part in self.parts}
        return {part: number for part, number in left.items() if number}

    def painted(self) -> Wall:
        """The photos with their boxes drawn on, each part in its colour."""
        wall = self.shown
        assert wall is not None
        pictures = [
            _with_boxes(picture, [self.marks.get(part, {}).get(place) for part in self.parts])
            for place, picture in enumerate(wall.pictures)
            if picture is not None
        ]
        return Wall(pictures, wall.captions)


def as_json(marks: Mapping[str, Mapping[int, Box]]) -> dict[str, dict[str, list[int]]]:
    """Marks as the page has them."""
    return {
        part: {str(place): [b.top, b.left, b.height, b.width] for place, b in boxes.items()}
        for part, boxes in marks.items()
    }


def _with_boxes(picture: Pixels, boxes: Sequence[Box | None]) -> Pixels:
    image = Image.fromarray(picture)
    pen, width = ImageDraw.Draw(image), max(2, round(max(image.size) / 64))
    for number, box in enumerate(boxes):
        if box is not None:
            corners = (box.left, box.top, box.right - 1, box.bottom - 1)
            pen.rectangle(corners, outline="white", width=width + 1)
            pen.rectangle(corners, outline=colour(number), width=width)
    return np.asarray(image)
