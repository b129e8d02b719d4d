"""What all generated data sets share: lazily drawn, seeded item by item, with the truth known."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import index as as_index

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from ...errors import InputError
from ...records import LUMINANCE, Box, Pixels

Colour = tuple[int, int, int]
Points = NDArray[np.float64]
"""Corners (n, 2) as (x, y) in units of a figure's radius, y downwards."""

FINER = 4
"""Figures are drawn this many times larger and averaged, so that their edges are smooth."""
SMALLEST = 16


@dataclass(frozen=True)
class Truth:
    """What a generated picture shows.

    Attributes
    ----------
    label, name
        The class, as a number and by name.
    box
        What encloses the figure, in pixels; the whole picture for a texture.
    angle
        Degrees anticlockwise: how far the figure is turned from upright; the direction along a
        texture's stripes, 0 for horizontal ones.
    scale
        A figure's radius in pixels; a texture's wavelength in pixels (of noise: the smallest).
    colours
        (red, green, blue) of figure and background, or a texture's two.
    parts
        Boxes of named parts, such as a face's "left eye" (left in the picture); maybe none.
    """

    label: int
    name: str
    box: Box
    angle: float
    scale: float
    colours: tuple[Colour, Colour]
    parts: Mapping[str, Box] = field(default_factory=dict)


class Generated(ABC):
    """A map-style data set of (RGB PIL image, label), drawn when asked for.

    Item i depends on ``seed`` and ``i`` alone, so that a longer set begins with the shorter one,
    and another seed gives other pictures, to validate with. Labels go round: item i is of class
    ``i % len(classes)``. No random state but its own is used.

    Parameters
    ----------
    n
        How many pictures.
    size
        Pixels of their sides, or (rows, columns); at least 16.
    seed
        0 or larger.
    """

    classes: tuple[str, ...]

    def __init__(self, n: int = 1000, size: int | tuple[int, int] = 64, seed: int = 0) -> None:
        rows, columns = (size, size) if isinstance(size, int) else size
        if n < 1:
            raise InputError(f"n is {n}: expected 1 picture or more.")
        if min(rows, columns) < SMALLEST:
            raise InputError(f"size is {size}: expected {SMALLEST} pixels or more.")
        if seed < 0:
            raise InputError(f"seed is {seed}: expected 0 or larger.")
        self.n, self.size, self.seed = n, (rows, columns), seed

    def __len__(self) -> int:
        return self.n

    def __getitem__(self, number: int) -> tuple[Image.Image, int]:
        pixels, truth = self._item(number)
        return Image.fromarray(pixels), truth.label

    def __repr__(self) -> str:
        rows, columns = self.size
        name = type(self).__name__.lower()
        return f"<{self.n} generated {name}, {rows} x {columns} pixels, seed {self.seed}>"

    @property
    def targets(self) -> list[int]:
        """The label of each picture."""
        return [number % len(self.classes) for number in range(self.n)]

    def truth(self, number: int) -> Truth:
        """What picture ``number`` shows."""
        return self._item(number)[1]

    def _item(self, number: int) -> tuple[Pixels, Truth]:
        number = as_index(number)
        if not -self.n <= number < self.n:
            raise IndexError(f"There are pictures 0 to {self.n - 1}, got {number}.")
        number %= self.n
        return self._draw(number % len(self.classes), self._random(number))

    def _random(self, number: int) -> np.random.Generator:
        return np.random.default_rng([self.seed, number, *type(self).__name__.encode()])

    @abstractmethod
    def _draw(self, label: int, random: np.random.Generator) -> tuple[Pixels, Truth]:
        """A picture of a class, (rows, columns, 3) uint8."""


def two_colours(random: np.random.Generator) -> tuple[Colour, Colour]:
    """Two colours whose brightness differs by 80 levels or more."""
    while True:
        pair = random.integers(0, 256, (2, 3))
        brightness = pair @ LUMINANCE
        if abs(brightness[0] - brightness[1]) >= 80:
            first, second = (tuple(map(int, colour)) for colour in pair)
            return first, second  # type: ignore[return-value]


def noisy(values: NDArray[np.float64], random: np.random.Generator) -> Pixels:
    """Levels 0..255 with a camera's noise on them, as uint8."""
    return np.clip(np.rint(values + random.normal(0, 6, values.shape)), 0, 255).astype(np.uint8)


@dataclass(frozen=True)
class Place:
    """Where and how a figure lies: unit coordinates to pixels."""

    centre: tuple[float, float]
    radius: float
    angle: float
    shear: float = 0.0

    @classmethod
    def somewhere(
        cls, random: np.random.Generator, size: tuple[int, int], tilt: float, shear: float = 0.0
    ) -> Place:
        """At random, with all within 1.3 radii of the centre inside the picture."""
        rows, columns = size
        radius = random.uniform(0.2, 0.36) * min(rows, columns)
        row, column = (random.uniform(1.3 * radius, side - 1.3 * radius) for side in size)
        angle, slant = random.uniform(-tilt, tilt), random.uniform(-shear, shear)
        return cls((column, row), radius, angle, slant)

    def __call__(self, points: Points) -> Points:
        """Points in pixels (x, y)."""
        turn = np.deg2rad(self.angle)
        x, y = points[:, 0] - self.shear * points[:, 1], points[:, 1]
        turned = [x * np.cos(turn) + y * np.sin(turn), y * np.cos(turn) - x * np.sin(turn)]
        return np.stack(turned, 1) * self.radius + self.centre


class Canvas:
    """A background that figures are painted on with smooth edges."""

    def __init__(self, size: tuple[int, int], colour: Colour, random: np.random.Generator) -> None:
        self.size, self.random = size, random
        rows, columns = size
        slope = random.uniform(-30, 30, 2)  # a light from one side
        down, right = np.linspace(-0.5, 0.5, rows), np.linspace(-0.5, 0.5, columns)
        light = slope[0] * down[:, None] + slope[1] * right
        self.ground = self.values = np.asarray(colour, float) + light[:, :, None]
        self.covered = np.zeros(size)

    @property
    def box(self) -> Box:
        """What encloses all that was painted and not erased."""
        return _enclosing(self.covered)

    def fill(self, points: Points, colour: Colour | None) -> Box:
        """Fill a polygon, (n, 2) pixels as (x, y); None erases. What encloses it."""
        return self._paint(lambda pen: pen.polygon(_finer(points), fill=255), colour)

    def stroke(self, lines: Sequence[Points], width: float, colour: Colour) -> Box:
        """Draw lines with round ends and corners, ``width`` pixels wide. What encloses them."""
        wide = max(1, round(width * FINER))

        def draw(pen: ImageDraw.ImageDraw) -> None:
            for line in lines:
                points = _finer(line)
                pen.line(points, fill=255, width=wide, joint="curve")
                for x, y in (points[0], points[-1]):
                    pen.ellipse((x - wide / 2, y - wide / 2, x + wide / 2, y + wide / 2), fill=255)

        return self._paint(draw, colour)

    def pixels(self) -> Pixels:
        """What was painted, with noise."""
        return noisy(self.values, self.random)

    def _paint(self, draw: Callable[[ImageDraw.ImageDraw], None], colour: Colour | None) -> Box:
        rows, columns = self.size
        mask = Image.new("L", (columns * FINER, rows * FINER))
        draw(ImageDraw.Draw(mask))
        share = np.asarray(mask.reduce(FINER), float) / 255
        under, over = self.covered * (1 - share), share[:, :, None]
        self.covered = under if colour is None else under + share
        paint = self.ground if colour is None else np.asarray(colour, float)
        self.values = self.values * (1 - over) + paint * over
        return _enclosing(share)


def _finer(points: Points) -> list[tuple[float, float]]:
    return [(float(x) * FINER, float(y) * FINER) for x, y in points]


def _enclosing(covered: NDArray[np.float64]) -> Box:
    """The smallest box around pixels of which a tenth is covered."""
    rows, columns = (np.flatnonzero((covered >= 0.1).any(axis)) for axis in (1, 0))
    top, left = int(rows[0]), int(columns[0])
    return Box(top, left, int(rows[-1]) + 1 - top, int(columns[-1]) + 1 - left)


def ellipse(
    x: float, y: float, across: float, down: float, start: float = 0, end: float = 360
) -> Points:
    """Points along an ellipse or a part of it, clockwise in degrees from the right."""
    angle = np.deg2rad(np.linspace(start, end, max(8, int(abs(end - start)) // 8)))
    return np.stack([x + across * np.cos(angle), y + down * np.sin(angle)], 1)
