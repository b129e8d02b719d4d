"""The paper's Fig. 4 of an evolution record, by Pillow."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...drawing.palette import EMPTY, MARK, SOFT
from ...language.words import Words

if TYPE_CHECKING:
    from PIL import Image

    from .moments import EvolutionRecord

GAP, LINE, SIDE = 4, 15, 110


def figure(record: EvolutionRecord, layer: str | None, size: int) -> Image.Image:
    """One row a map, one column a moment; a bar on the left of a picture marks a jump.

    A map that isn't active at a moment has an empty place there that says so.
    """
    from PIL import Image, ImageDraw

    from ...drawing.page import end_of, fitted, font

    inactive = Words("en")("evolution.inactive")
    letters, small, cell = font(12), font(10), size + GAP
    rows = [n for n, (name, _) in enumerate(record.units) if layer in (None, name)]
    width = SIDE + max(1, len(record.moments)) * cell
    sheet = Image.new("RGB", (width, LINE + GAP + len(rows) * cell), "white")
    pen = ImageDraw.Draw(sheet)
    for at, moment in enumerate(record.moments):
        text = f"{moment.step}" if moment.epoch is None else f"ep. {moment.epoch:g}"
        pen.text((SIDE + at * cell, 1), text, "black", letters)
    for row, number in enumerate(rows):
        top = LINE + GAP + row * cell
        name, channel = record.units[number]
        label = end_of(pen, f"{name} {channel}", 12, SIDE - 6)
        pen.text((2, top + size // 2 - 7), label, "black", letters)
        jumps = record.jumps(number)
        for at, moment in enumerate(record.moments):
            left = SIDE + at * cell
            picture = moment.strongest[number].to_pil()
            if picture is None:
                pen.rectangle((left, top, left + size - 1, top + size - 1), EMPTY)
                if pen.textlength(inactive, small) < size:
                    middle = left + size // 2, top + size // 2
                    pen.text(middle, inactive, SOFT, small, "mm")
            else:
                sheet.paste(fitted(picture, size), (left, top))
            if jumps[at]:
                pen.rectangle((left - 3, top, left - 2, top + size - 1), MARK)
    return sheet
