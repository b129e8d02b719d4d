"""The sliding occluder (paper, section 4.2, Fig. 7): every position, coarse ones first.

Positions are visited in coarse-to-fine order, so that a rough map of the whole image stands after
the first batch; none is skipped.
"""

from __future__ import annotations

import math
import time
from collections.abc import Generator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...allocation import freed_memory_kept
from ...errors import InputError
from ...records import Box, occluder_box
from ..network.memory import Memory
from .scoring import Scorer, Scores

FIRST = 16
"""Positions in the first batch."""

SLIDING = "sliding the occluder"
"""What is said to be going on."""

QUICK = 0.35
"""Seconds below which the next batch is larger, so that the map still fills in steadily."""


def coarse_to_fine(rows: int, columns: int) -> NDArray[np.int64]:
    """All cells of a grid, (rows*columns, 2), on ever finer lattices.

    The first level takes the middle of every block of cells, the next levels what lies between.
    """
    step = 1
    while step * 4 < max(rows, columns):
        step *= 2
    seen = np.zeros((rows, columns), dtype=bool)
    levels = []
    while step:
        i, j = (np.arange(min(step // 2, n - 1), n, step) for n in (rows, columns))
        cells = np.stack(np.meshgrid(i, j, indexing="ij"), -1).reshape(-1, 2)
        fresh = cells[~seen[cells[:, 0], cells[:, 1]]]
        seen[fresh[:, 0], fresh[:, 1]] = True
        levels.append(fresh)
        step //= 2
    levels.append(np.argwhere(~seen))
    return np.concatenate(levels)


@dataclass(frozen=True)
class Grid:
    """Where the occluder goes: ``size`` and ``stride`` in pixels of an image of ``image``."""

    size: tuple[int, int]
    stride: tuple[int, int]
    image: tuple[int, int]

    @classmethod
    def of(
        cls, patch: int | tuple[int, int], stride: int | tuple[int, int], image: tuple[int, int]
    ) -> Grid:
        """From one number for both axes or two; raises `InputError` for what is no pixel count."""
        return cls(_pair("patch", patch, image), _pair("stride", stride, image), image)

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, columns) of positions: together their cells cover the image."""
        (height, width), (down, across) = self.image, self.stride
        return math.ceil(height / down), math.ceil(width / across)

    def box(self, row: int, col: int) -> Box:
        """What the occluder covers at a position, cut by the image's border."""
        return occluder_box(row, col, self.size, self.stride).clip(*self.image)

    def occluders(self, cells: NDArray[np.int64]) -> list[Box]:
        """The occluder, uncut, at each of some positions (n, 2)."""
        return [occluder_box(row, col, self.size, self.stride) for row, col in cells.tolist()]


def _pair(what: str, value: int | tuple[int, int], image: tuple[int, int]) -> tuple[int, int]:
    try:
        rows, columns = (value, value) if isinstance(value, (int, np.integer)) else value
        fits = 1 <= rows <= image[0] and 1 <= columns <= image[1]
        if fits and (int(rows), int(columns)) == (rows, columns):
            return int(rows), int(columns)
    except (TypeError, ValueError):
        pass
    raise InputError(
        f"{what} is {value!r}: expected one or two whole numbers of pixels, from 1 to the image's "
        f"size, {image[0]} x {image[1]}."
    )


@dataclass(frozen=True)
class Batch:
    """What a batch of positions gave.

    Attributes
    ----------
    cells
        (n, 2) positions.
    scores
        Class scores at each.
    seconds
        That it took.
    """

    cells: NDArray[np.int64]
    scores: Scores
    seconds: float


def slide(
    scorer: Scorer, grid: Grid, done: NDArray[np.bool_], memory: Memory
) -> Generator[Batch, None, None]:
    """Score the image covered at every position of the grid not ``done``, coarse ones first.

    Batches grow while they are quick.
    """
    order = coarse_to_fine(*grid.shape)
    order = order[~done[order[:, 0], order[:, 1]]]

    def compute(part: Sequence[int]) -> Batch:
        began = time.perf_counter()
        cells = order[list(part)]
        scores = scorer(grid.occluders(cells))
        return Batch(cells, scores, time.perf_counter() - began)

    size, start = FIRST, 0
    with freed_memory_kept() if scorer.keeps_memory else nullcontext():
        while start < len(order):
            size = min(size, scorer.most)
            part = range(start, min(start + size, len(order)))
            found = memory.in_parts(SLIDING, compute, part)
            if sum(batch.seconds for batch in found) < QUICK:
                size *= 2
            start += len(part)
            yield from found
