"""Pictures of several figures each, for what is asked of pictures with several labels."""

from __future__ import annotations

from operator import index as as_index
from typing import Any

import numpy as np
from PIL import Image

from ...errors import InputError
from ...records import Pixels
from .base import SMALLEST, Canvas, Generated, Place, Truth, two_colours
from .shapes import FIGURES, Shapes, between

MOST = 3
"""Figures of a picture, at most; each lies in a quarter of its own."""


class Scenes(Generated):
    """One to three of the figures of `Shapes` in one picture, no two of a kind.

    Item i is (RGB PIL image, names of its figures), so that a picture has several labels, as those
    of PASCAL VOC have. The first is ``classes[i % 10]``, the others are drawn at random. `Truth`
    is of the first. ``size`` is 32 pixels or more.
    """

    classes = Shapes.classes

    def __init__(self, n: int = 1000, size: int | tuple[int, int] = 64, seed: int = 0) -> None:
        super().__init__(n, size, seed)
        if min(self.size) < 2 * SMALLEST:
            raise InputError(f"size is {size}: expected {2 * SMALLEST} pixels or more.")

    def __getitem__(self, number: int) -> tuple[Image.Image, Any]:
        return Image.fromarray(self._item(number)[0]), self.labels(number)

    def labels(self, number: int) -> tuple[str, ...]:
        """Names of the figures in picture ``number``, the first one first."""
        number = as_index(number) % self.n
        found = self._labels(number % len(self.classes), self._random(number))
        return tuple(self.classes[label] for label in found)

    def _labels(self, label: int, random: np.random.Generator) -> list[int]:
        others = random.permutation(np.delete(np.arange(len(self.classes)), label))
        return [label, *map(int, others[: random.integers(MOST)])]

    def _draw(self, label: int, random: np.random.Generator) -> tuple[Pixels, Truth]:
        labels = self._labels(label, random)
        figure, ground = two_colours(random)
        canvas = Canvas(self.size, ground, random)
        colours = {"figure": figure, "detail": between(figure, ground), "ground": None}
        rows, columns = self.size[0] // 2, self.size[1] // 2
        truths = []
        for one, quarter in zip(labels, random.permutation(4), strict=False):
            place = Place.somewhere(random, (rows, columns), tilt=20)
            corner = np.array([quarter % 2 * columns, quarter // 2 * rows])  # x, y
            for piece in FIGURES[self.classes[one]]:
                canvas.fill(place(piece.points) + corner, colours[piece.colour])
            truths.append((canvas.box, place.angle, place.radius))
        truth = Truth(label, self.classes[label], *truths[0], (figure, ground))
        return canvas.pixels(), truth
