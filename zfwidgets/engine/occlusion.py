"""The sliding occluder (paper, section 4.2, Fig. 7): every position, coarse ones first.

Positions are visited in coarse-to-fine order, so that a rough map of the whole image stands after
the first batch; none is skipped. Each is computed incrementally where the recorded operations
allow it (`zfwidgets.engine.incremental`), else by a full forward pass over the covered image.
"""

from __future__ import annotations

import math
import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..records import Box, occluder_box
from .incremental import Incremental, totals_of
from .memory import Memory, OutOfMemory
from .modes import computing
from .network import Network
from .windows import NoWindow


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


FIRST, MOST = 16, 128
"""Positions in the first batch, and in the largest."""

QUICK = 0.25
"""Seconds below which the next batch is larger, so that the map still fills in steadily."""

WORTHWHILE = 1.2
"""How much less work windows must be than full passes."""


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
    """What a batch of positions gave.

    Attributes
    ----------
    cells, logits, totals
        (n, 2), (n, classes), and (n, channels) or None.
    note
        Why each was a full forward pass; "" where only what changed was computed.
    """

    cells: NDArray[np.int64]
    logits: NDArray[np.float32]
    totals: NDArray[np.float32] | None
    note: str = ""


def score(
    network: Network, images: Tensor, layer: str | None
) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
    """Logits of a batch, and the total activation of each feature map of ``layer``."""
    totals: list[Tensor] = []

    def add(name: str, output: Tensor) -> None:
        if name == layer:
            totals.append(totals_of(output))

    with computing(network.device):
        logits = network.run(images.to(network.device), add if layer else None)
    return logits.cpu().numpy(), totals[0].cpu().numpy() if totals else None


class Scorer:
    """Scores one image under an occluder: only what changes, where the network allows it.

    Parameters
    ----------
    image
        (channels, rows, columns), without occluder.
    fill
        (channels, 1, 1).
    layer
        Whose feature maps are summed; None for none.

    Attributes
    ----------
    note
        Why every position is a full forward pass; "" where it isn't.
    """

    def __init__(self, network: Network, image: Tensor, fill: Tensor, layer: str | None) -> None:
        self._network, self._layer = network, layer
        self._image = image.to(network.device)
        self._fill = torch.as_tensor(fill, dtype=image.dtype, device=network.device)
        self._fill = self._fill.reshape(-1, 1, 1).expand(len(image), 1, 1)
        self._incremental: Incremental | None = None
        self.note = network.graph.obstacle

    def prepare(self, boxes: Sequence[Box]) -> None:
        """Choose the way, by counted work and by what some of the boxes really give."""
        graph = self._network.graph
        layer = graph.layers.get(self._layer) if self._layer else None
        if self.note or graph.output is None or (self._layer and layer is None):
            self.note = self.note or "what is wanted isn't one of the recorded tensors"
            return
        wanted = [graph.output]
        if layer is not None and layer != graph.output:
            wanted.append(layer)
        try:
            with computing(self._network.device):
                self._incremental = Incremental(graph, self._image, wanted)
            part, full = self._incremental.work(boxes)
            probe = boxes[:: max(1, len(boxes) // 2)][:2]
            if full < WORTHWHILE * part:
                self.note = "the occluder reaches nearly everything in this network"
            elif not all(map(_equal, self._windowed(probe), self._in_full(probe))):
                self.note = "the recorded operations give other values for other images"
        except OutOfMemory:
            self.note = "the device's memory doesn't hold all maps at once"
        except (NoWindow, RuntimeError) as error:
            self.note = f"the recorded operations can't be repeated ({error})"
        if self.note:
            self._incremental = None

    def __call__(
        self, boxes: Sequence[Box]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
        """Logits (n, classes) and totals (n, channels) with the occluder on each box."""
        if self._incremental is None:
            return self._in_full(boxes)
        return self._windowed(boxes)

    def _in_full(self, boxes: Sequence[Box]) -> tuple[Any, Any]:
        covered = torch.stack([cover(self._image, box, self._fill) for box in boxes])
        return score(self._network, covered, self._layer)

    def _windowed(self, boxes: Sequence[Box]) -> tuple[Any, Any]:
        assert self._incremental is not None
        graph = self._network.graph
        layer = graph.layers.get(self._layer) if self._layer else None
        with computing(self._network.device):
            found = self._incremental.compute(boxes, self._fill, layer)
        assert graph.output is not None
        logits = found[graph.output].cpu().numpy()
        return logits, found[layer].cpu().numpy() if layer else None


def _equal(found: Any, expected: Any) -> bool:
    if expected is None:
        return found is None
    scale = np.abs(expected).max(initial=0)
    return found.shape == expected.shape and bool(np.abs(found - expected).max() <= 1e-4 * scale)


def slide(
    network: Network, image: Tensor, grid: Grid, fill: Tensor, layer: str | None, memory: Memory
) -> Generator[Scores, None, None]:
    """Score the image covered at every position of the grid, coarse positions first.

    Batches grow while they are quick.
    """
    order = coarse_to_fine(*grid.shape)
    boxes = [grid.box(int(i), int(j)) for i, j in order]
    scorer = Scorer(network, image, fill, layer)
    scorer.prepare(boxes)

    def compute(part: Sequence[int]) -> Scores:
        return Scores(order[list(part)], *scorer([boxes[i] for i in part]), scorer.note)

    size, start = FIRST, 0
    while start < len(order):
        part = range(start, min(start + size, len(order)))
        began = time.perf_counter()
        found = memory.in_parts("sliding the occluder", compute, part)
        if time.perf_counter() - began < QUICK:
            size = min(2 * size, MOST)
        start += len(part)
        yield from found
