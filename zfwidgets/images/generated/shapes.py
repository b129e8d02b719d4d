"""Figures with known parts."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ...records import Pixels
from .base import Canvas, Colour, Generated, Place, Points, Truth, ellipse, two_colours


class _Piece(NamedTuple):
    points: Points
    colour: str = "figure"
    part: str = ""


def between(colour: Colour, other: Colour) -> Colour:
    """The colour half way."""
    red, green, blue = ((a + b) // 2 for a, b in zip(colour, other, strict=True))
    return red, green, blue


def _rectangle(left: float, top: float, right: float, bottom: float) -> Points:
    return np.array([(left, top), (right, top), (right, bottom), (left, bottom)], float)


def _polygon(corners: int, *radii: float) -> Points:
    """Corners on circles in turn, the first straight up."""
    angle = np.arange(corners) * 2 * np.pi / corners
    radius = np.resize(radii, corners)
    return np.stack([radius * np.sin(angle), -radius * np.cos(angle)], 1)


_BAR = _rectangle(-1, -0.32, 1, 0.32)
FIGURES: dict[str, tuple[_Piece, ...]] = {
    "disc": (_Piece(ellipse(0, 0, 1, 1)),),
    "ring": (_Piece(ellipse(0, 0, 1, 1)), _Piece(ellipse(0, 0, 0.55, 0.55), "ground")),
    "square": (_Piece(_rectangle(-0.85, -0.85, 0.85, 0.85)),),
    "triangle": (_Piece(_polygon(3, 1.1)),),
    "star": (_Piece(_polygon(10, 1.15, 0.48)),),
    "cross": (_Piece(_BAR), _Piece(_BAR[:, ::-1])),
    "moon": (_Piece(ellipse(0, 0, 1, 1)), _Piece(ellipse(0.45, -0.1, 0.85, 0.85), "ground")),
    "arrow": (
        _Piece(_rectangle(-1.1, -0.2, 0.1, 0.2), part="shaft"),
        _Piece(np.array([(0.1, -0.7), (1.1, 0), (0.1, 0.7)], float), part="head"),
    ),
    "house": (
        _Piece(_rectangle(-0.8, -0.1, 0.8, 1)),
        _Piece(np.array([(-1, -0.1), (0, -1.1), (1, -0.1)], float), "detail", "roof"),
        _Piece(_rectangle(0.15, 0.3, 0.55, 1), "ground", "door"),
        _Piece(_rectangle(-0.6, 0.2, -0.15, 0.6), "ground", "window"),
    ),
    "face": (
        _Piece(ellipse(0, 0, 0.9, 1.15)),
        _Piece(ellipse(-0.35, -0.3, 0.17, 0.13), "ground", "left eye"),
        _Piece(ellipse(0.35, -0.3, 0.17, 0.13), "ground", "right eye"),
        _Piece(np.array([(0, -0.15), (0.16, 0.3), (-0.16, 0.3)], float), "detail", "nose"),
        _Piece(ellipse(0, 0.6, 0.4, 0.13), "ground", "mouth"),
    ),
}
"""Pieces in the order in which they are painted, within a radius of 1.3."""


class Shapes(Generated):
    """Ten figures of one colour on a ground of another.

    disc, ring, square, triangle, star, cross, moon, arrow, house and face, turned by up to 20
    degrees, of any size that fits and anywhere in the picture. `Truth.parts` has boxes of the
    arrow's "head" and "shaft", the house's "roof", "door" and "window", and the face's
    "left eye", "right eye", "nose" and "mouth", as the paper's Table 1 wants them.
    """

    classes = tuple(FIGURES)

    def _draw(self, label: int, random: np.random.Generator) -> tuple[Pixels, Truth]:
        figure, ground = two_colours(random)
        place = Place.somewhere(random, self.size, tilt=20)
        name = self.classes[label]
        colours: dict[str, Colour | None] = {
            "figure": figure,
            "detail": between(figure, ground),
            "ground": None,
        }
        canvas = Canvas(self.size, ground, random)
        parts = {}
        for piece in FIGURES[name]:
            box = canvas.fill(place(piece.points), colours[piece.colour])
            if piece.part:
                parts[piece.part] = box
        truth = Truth(label, name, canvas.box, place.angle, place.radius, (figure, ground), parts)
        return canvas.pixels(), truth
