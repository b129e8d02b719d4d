"""Where in a receptive field the signal is: the square on which patch and projection are shown."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from math import floor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .arrays import Floats
from .layers import Box, ReceptiveField, Unit
from .projections import Projection

SHARE = 0.95
"""Share of the projections' energy that the square holds."""


def focus_side(projections: Sequence[Projection], field: ReceptiveField) -> int:
    """The side of the smallest square, in pixels, that holds `SHARE` of the projections' energy.

    One square for all of them, so that they compare: centred on each unit's receptive field, with
    the sum of squares of all its pixels of all projections as the energy. A "global" field has no
    middle of its own: the larger side of the image. Where all projections are zero it is the
    larger side of the field.

    Parameters
    ----------
    projections
        Projections of units of one channel.
    field
        The channel's receptive field.
    """
    whole = max(min(size, image) for size, image in zip(field.size, field.image, strict=True))
    if field.reach == "global":
        return max(field.image)
    energy: NDArray[np.float64] = np.zeros(1)
    for projection in projections:
        box = projection.activation.box.clip(*field.image)
        row, col = _middle(projection.activation.unit, field)
        part = _energy_by_side(box.cut(projection.pixels), (row - box.top, col - box.left))
        longer, shorter = (energy, part) if len(energy) >= len(part) else (part, energy)
        longer[: len(shorter)] += shorter
        energy = longer
    held = np.cumsum(energy)
    if not held[-1] > 0:
        return whole
    return min(int(np.searchsorted(held, SHARE * held[-1])), whole)


def focus_box(unit: Unit, field: ReceptiveField, side: int) -> Box:
    """The square of ``side`` pixels around a unit's middle, cut to its field, moved into the image.

    Where it is larger than the field along an axis, it is the field's part there.
    """
    rows, columns = field.image
    if field.reach == "global":
        return Box(0, 0, rows, columns)
    middle = _middle(unit, field)
    (top, height), (left, width) = (
        (_start(at, min(side, size)), min(side, size))
        for at, size in zip(middle, field.size, strict=True)
    )
    return Box(top, left, height, width).inside(rows, columns)


def _middle(unit: Unit, field: ReceptiveField) -> tuple[float, float]:
    assert unit.row is not None  # what was found has a place
    assert unit.col is not None
    return field.centre(unit.row, unit.col)


def _start(middle: float, side: int) -> int:
    """The first of ``side`` places around a middle that is whole or half."""
    return floor(middle - (side - 1) / 2)


def _energy_by_side(pixels: Floats, middle: tuple[float, float]) -> NDArray[np.float64]:
    """Energy by the side of the smallest square around ``middle`` that holds it."""
    energy = reduce(np.add, np.moveaxis(np.square(pixels.astype(np.float64)), -1, 0))
    rows, columns = (_sides(n, at) for n, at in zip(energy.shape, middle, strict=True))
    sides = np.maximum(rows[:, None], columns[None, :])
    return np.asarray(np.bincount(sides.ravel(), energy.ravel()), np.float64)


def _sides(count: int, middle: float) -> NDArray[Any]:
    """For each place the shortest run of `_start` that holds it."""
    twice = np.rint(2 * (np.arange(count) - middle)).astype(np.int64)
    return np.asarray(np.where(twice <= 0, np.maximum(-twice, 1), twice + 1))
