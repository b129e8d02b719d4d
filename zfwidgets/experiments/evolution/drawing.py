"""The paper's Fig. 4 of an evolution record, by Pillow."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import Image

    from .records import EvolutionRecord

GAP, LINE, SIDE = 4, 15, 110


def figure(record: EvolutionRecord, layer: str | None, size: int) -> Image.Image:
    """One row a map, one column a moment; a bar on the left of a picture marks a jump."""
    from PIL import Image, ImageDraw, ImageFont

    font, cell = ImageFont.load_default(12), size + GAP
    rows = [n for n, (name, _) in enumerate(record.units) if layer in (None, name)]
    width = SIDE + max(1, len(record.moments)) * cell
    sheet = Image.new("RGB", (width, LINE + GAP + len(rows) * cell), "white")
    pen = ImageDraw.Draw(sheet)
    for at, moment in enumerate(record.moments):
        text = f"{moment.step}" if moment.epoch is None else f"ep. {moment.epoch:g}"
        pen.text((SIDE + at * cell, 1), text, "black", font)
    for row, number in enumerate(rows):
        top = LINE + GAP + row * cell
        name, channel = record.units[number]
        label = f"{name} {channel}"
        while pen.textlength(label, font) > SIDE - 6:
            label = f"..{label.lstrip('.')[1:]}"
        pen.text((2, top + size // 2 - 7), label, "black", font)
        jumps = record.jumps(number)
        for at, moment in enumerate(record.moments):
            left = SIDE + at * cell
            picture = moment.strongest[number].to_pil()
            if picture is None:
                pen.rectangle((left, top, left + size - 1, top + size - 1), "#eef0f2")
            else:
                factor = size / max(picture.size)
                shape = [max(1, round(side * factor)) for side in picture.size]
                nearest = Image.Resampling.NEAREST if factor >= 2 else Image.Resampling.BICUBIC
                sheet.paste(picture.resize((shape[0], shape[1]), nearest), (left, top))
            if jumps[at]:
                pen.rectangle((left - 3, top, left - 2, top + size - 1), "#c2410c")
    return sheet
