"""The sliding occluder (paper, section 4.2, Fig. 7): every position, coarse ones first.

Each position is a full forward pass of the network over the covered image, batched. Positions
are visited in coarse-to-fine order, so that a rough map of the whole image stands after the first
batch.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..records import Box, occluder_box
from .memory import Memory
from .network import Network, computing


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

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, columns) of positions: together their cells cover the image."""
        (height, width), (down, across) = self.image, self.stride
        return math.ceil(height / down), math.ceil(width / across)

    def box(self, row: int, col: int) -> Box:
        """What the occluder covers at a position."""
        return occluder_box(row, col, self.size, self.stride).clip(*self.image)


def cover(image: Tensor, box: Box, fill: Tensor) -> Tensor:
    """A copy of ``image`` (channels, rows, columns) with ``fill`` over ``box``."""
    covered = image.clone()
    inner = box.clip(*image.shape[1:])
    covered[:, inner.top : inner.bottom, inner.left : inner.right] = fill
    return covered


@dataclass(frozen=True)
class Scores:
    """What a batch of positions gave: cells (n, 2), logits (n, classes), totals (n, channels)."""

    cells: NDArray[np.int64]
    logits: NDArray[np.float32]
    totals: NDArray[np.float32] | None


def score(
    network: Network, images: Tensor, layer: str | None
) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
    """Logits of a batch, and the total activation of each feature map of ``layer``."""
    totals: list[Tensor] = []

    def add(name: str, output: Tensor) -> None:
        if name == layer:
            totals.append(output.flatten(2).sum(-1) if output.dim() == 4 else output.clone())

    with computing(network.device):
        logits = network.run(images.to(network.device), add if layer else None)
    return logits.cpu().numpy(), totals[0].cpu().numpy() if totals else None


def slide(
    network: Network, image: Tensor, grid: Grid, fill: Tensor, layer: str | None, memory: Memory
) -> Generator[Scores, None, None]:
    """Score the image covered at every position of the grid, batch by batch."""
    batch = 16 if network.device.type == "cpu" else 128
    order = coarse_to_fine(*grid.shape)
    for start in range(0, len(order), batch):
        cells = order[start : start + batch]

        def compute(part: Sequence[NDArray[np.int64]]) -> Scores:
            covered = [cover(image, grid.box(int(i), int(j)), fill) for i, j in part]
            return Scores(np.stack(part), *score(network, torch.stack(covered), layer))

        yield from memory.in_parts("sliding the occluder", compute, list(cells))
