"""Handwritten-like digits, drawn from strokes."""

from __future__ import annotations

import numpy as np

from ...records import Pixels
from .base import Canvas, Generated, Place, Points, Truth, ellipse, two_colours


class Digits(Generated):
    """The digits 0 to 9, a coloured pen on a coloured ground.

    Turned by up to 15 degrees, slanted, of any size that fits and anywhere in the picture, with a
    pen of 0.16 to 0.34 of the figure's radius.
    """

    classes = tuple("0123456789")

    def _draw(self, label: int, random: np.random.Generator) -> tuple[Pixels, Truth]:
        pen, ground = two_colours(random)
        place = Place.somewhere(random, self.size, tilt=15, shear=0.25)
        width = random.uniform(0.16, 0.34) * place.radius
        strokes = [place(stroke) for stroke in STROKES[label]]
        canvas = Canvas(self.size, ground, random)
        canvas.stroke(strokes, width, pen)
        name = self.classes[label]
        truth = Truth(label, name, canvas.box, place.angle, place.radius, (pen, ground))
        return canvas.pixels(), truth


def _line(*points: tuple[float, float]) -> Points:
    return np.array(points, float)


def _joined(*parts: Points) -> Points:
    return np.concatenate(parts)


_SIX = (_joined(ellipse(0.5, 0.4, 1.05, 1.4, 270, 180), ellipse(0, 0.42, 0.55, 0.58, 180, 540)),)
STROKES: tuple[tuple[Points, ...], ...] = (
    (ellipse(0, 0, 0.6, 1),),
    (_line((-0.35, -0.6), (0.1, -1), (0.1, 1)),),
    (_joined(ellipse(0, -0.45, 0.55, 0.55, 190, 390), _line((-0.55, 1), (0.6, 1))),),
    (
        ellipse(-0.05, -0.5, 0.5, 0.5, 200, 450),
        ellipse(-0.05, 0.48, 0.6, 0.52, 270, 510),
    ),
    (_line((0.25, 1), (0.25, -1), (-0.6, 0.35), (0.6, 0.35)),),
    (
        _line((0.5, -1), (-0.4, -1), (-0.48, -0.1)),
        ellipse(-0.05, 0.38, 0.6, 0.62, 225, 500),
    ),
    _SIX,
    (_line((-0.6, -1), (0.6, -1), (-0.15, 1)),),
    (ellipse(0, -0.5, 0.46, 0.5), ellipse(0, 0.5, 0.58, 0.5)),
    tuple(-stroke for stroke in _SIX),
)
"""Strokes of each digit, within a radius of about 1.2."""
