"""A page drawn by Pillow: lines of text, tables and pictures, one below the other."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw, ImageFont

from .palette import EMPTY, INK, PAPER, SOFT

WIDTH, MARGIN, GAP = 1200, 28, 12
INNER = WIDTH - 2 * MARGIN
"""Pixels between the margins."""
LETTERS = Path(__file__).with_name("data") / "letters.ttf"
LONGEST = 400
"""Characters of a line that are looked at."""


@cache
def font(size: int) -> Any:
    """Letters so many pixels high, with umlauts, dashes and a minus, which Pillow's own lacks."""
    return ImageFont.truetype(LETTERS, size)


def one_line(text: str) -> str:
    """Text that can be drawn and sent, whatever a name holds: line breaks, NUL, 10 kB."""
    text = text.encode("utf-8", "replace").decode().replace("\0", " ")
    return " ".join(text[:LONGEST].split())


def end_of(pen: ImageDraw.ImageDraw, text: str, size: int, width: int) -> str:
    """As much of a text's end as fits: names of layers differ there."""
    while pen.textlength(text, font(size)) > width and len(text) > 4:
        text = f"..{text.lstrip('.')[1:]}"
    return text


def shortened(pen: ImageDraw.ImageDraw, text: str, size: int, width: int) -> str:
    """A text that fits: of "number: name" the number and the end of the name."""
    number, colon, name = text.rpartition(": ")
    start = number + colon
    return start + end_of(pen, name, size, width - round(pen.textlength(start, font(size))))


def fitted(picture: Image.Image, side: int) -> Image.Image:
    """A picture whose longer side is so many pixels, its own pixels as squares where it grows."""
    factor = side / max(picture.size)
    shape = [max(1, round(length * factor)) for length in picture.size]
    smooth = Image.Resampling.NEAREST if factor >= 2 else Image.Resampling.BICUBIC
    return picture.resize((shape[0], shape[1]), smooth)


class Page:
    """A white page on which sections are put one below the other.

    Parameters
    ----------
    title, status
        Lines to begin with; empty ones are left out.
    size
        Height of the title's letters.
    height
        Pixels at most; `finish` cuts off what isn't used.
    """

    def __init__(
        self, title: str = "", status: str = "", size: int = 30, *, height: int = 1600
    ) -> None:
        self.image = Image.new("RGB", (WIDTH, height), PAPER)
        self.pen = ImageDraw.Draw(self.image)
        self.y = MARGIN
        if title:
            self.line(title, size)
        if status:
            self.paragraph(status, 16, SOFT)

    def text(
        self, x: int, y: int, text: str, size: int = 20, colour: str = INK, width: int = WIDTH
    ) -> None:
        """Write at a place, cut off at ``width`` pixels."""
        text, letters = one_line(text), font(size)
        if self.pen.textlength(text, letters) > width:
            while text and self.pen.textlength(text + "...", letters) > width:
                text = text[:-1]
            text += "..."
        self.pen.text((x, y), text, colour, letters)

    def fitting(
        self, x: int, y: int, text: str, size: int, colour: str = INK, width: int = WIDTH
    ) -> None:
        """Write at a place, in smaller letters where it takes these to fit; cut off below 10."""
        while size > 10 and self.pen.textlength(one_line(text), font(size)) > width:
            size -= 1
        self.text(x, y, text, size, colour, width)

    def line(
        self, text: str, size: int, colour: str = INK, x: int = MARGIN, width: int = INNER
    ) -> None:
        """Write a line of its own, and go below it."""
        self.text(x, self.y, text, size, colour, width)
        self.y += round(size * 1.5)

    def paragraph(
        self, text: str, size: int, colour: str = INK, x: int = MARGIN, width: int = INNER
    ) -> None:
        """Write a text in as many lines as it takes, and go below it."""
        line = ""
        for word in one_line(text).split():
            longer = f"{line} {word}".strip()
            if line and self.pen.textlength(longer, font(size)) > width:
                self.line(line, size, colour, x, width)
                longer = word
            line = longer
        self.line(line, size, colour, x, width)

    def table(
        self, places: Sequence[int], heads: Sequence[str], rows: Sequence[Sequence[str]]
    ) -> None:
        """Write a table, and go below it; ``places`` are where its columns begin."""
        ends = [*places[1:], WIDTH - 2 * MARGIN]
        for number, row in enumerate([heads, *rows]):
            for left, right, text in zip(places, ends, row, strict=False):
                ink = INK if number else SOFT
                self.text(MARGIN + left, self.y, text, 16, ink, right - left - GAP)
            self.y += 24

    def empty(self, x: int, y: int, width: int, height: int, text: str = "") -> None:
        """Mark the place of what isn't there."""
        self.pen.rectangle((x, y, x + width - 1, y + height - 1), EMPTY)
        if text:
            self.text(x + GAP, y + height // 2 - 12, text, 18, SOFT, width - 2 * GAP)

    def picture(
        self, x: int, y: int, picture: Image.Image, width: int, height: int, *, smooth: bool = True
    ) -> None:
        """A picture as large as fits into a place, centred; smooth, or its pixels as squares."""
        scale = min(width / picture.width, height / picture.height)
        size = max(1, round(picture.width * scale)), max(1, round(picture.height * scale))
        squares = not smooth and scale > 1
        how = Image.Resampling.NEAREST if squares else Image.Resampling.BICUBIC
        at = x + (width - size[0]) // 2, y + (height - size[1]) // 2
        self.image.paste(picture.resize(size, how), at)

    def missing(self, text: str) -> Image.Image:
        """What was drawn, above a place for what isn't computed yet, as the text says."""
        self.empty(MARGIN, self.y, INNER, 300, text)
        self.y += 300
        return self.finish()

    def finish(self) -> Image.Image:
        """What was drawn, as high as it is."""
        return self.image.crop((0, 0, WIDTH, min(self.y + MARGIN, self.image.height)))
