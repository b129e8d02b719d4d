"""3 x 3 convolutions with a quarter of the multiplications: Winograd's F(4 x 4, 3 x 3).

A tile of 6 x 6 inputs and the 3 x 3 filter become 36 numbers each, whose products give a tile of
4 x 4 outputs: 36 multiplications in place of 144 (Lavin and Gray, "Fast Algorithms for
Convolutional Neural Networks", 2015). Over all channels these are 36 products of matrices.

The interpolation points 0, ±3/4, ±3/2 and infinity round less than the usual ones, 0, ±1, ±2: a
test compares them with the convolution that they stand for.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from itertools import accumulate, pairwise
from math import prod

import torch
import torch.nn.functional as F
from torch import Tensor

from ...threads import ProcessLock
from ..network.graph.graph import Node
from ..network.graph.windows import slide_of

OUT, KERNEL = 4, 3
TILE = OUT + KERNEL - 1
POINTS = (Fraction(0), Fraction(3, 4), Fraction(-3, 4), Fraction(3, 2), Fraction(-3, 2))

OVERHEAD = 2.0
"""What a multiply-add costs here beside one of a plain convolution."""
LEAST_TILES = 64
"""Tiles from which it pays to read the transformed filters, four times as many numbers."""
AT_ONCE = 192
"""Tiles, about, that are transformed at once, so that they stay in a cache."""
INPUTS_AT_ONCE = 16
"""Inputs whose filters are transformed at once, in float64."""
MOST_BYTES = 256 << 20
"""Bytes of one network's transformed filters, at most."""


class WinogradFilters:
    """Filters of one network's convolutions, transformed when first used and kept.

    Safe to use from several threads.
    """

    def __init__(self) -> None:
        self._transformed: dict[int, Tensor] = {}
        self._lock = ProcessLock()

    def of(self, node: Node) -> Tensor | None:
        """A convolution's transformed filters; None where they would take too much memory."""
        with self._lock:
            found = self._transformed.get(node.index)
            if found is None:
                weight: Tensor = node.read("weight")
                kept = sum(one.nbytes for one in self._transformed.values())
                if kept + weight.nbytes * TILE**2 // KERNEL**2 > MOST_BYTES:
                    return None
                found = self._transformed[node.index] = transform(weight)
            return found


def applies(node: Node) -> bool:
    """Whether a convolution is of the kind that can be computed so."""
    weight, slide = node.read("weight"), slide_of(node)
    plain = slide.kernel == (KERNEL, KERNEL) and slide.stride == slide.dilation == (1, 1)
    whole = node.read("groups") == 1 and weight.dtype in (torch.float32, torch.float64)
    return plain and whole and weight.device.type == "cpu"


def tiles_of(size: Sequence[int]) -> int:
    """Tiles that cover outputs of a size."""
    return prod(-(-length // OUT) for length in size)


def pays(node: Node, size: tuple[int, int]) -> bool:
    """Whether it is the quicker way to outputs of a size."""
    return applies(node) and cost(node, tiles_of(size)) < prod(size) * node.read("weight").numel()


def cost(node: Node, tiles: float) -> float:
    """What tiles take, in multiply-adds of a plain convolution."""
    outputs, inputs = node.read("weight").shape[:2]
    products = inputs * outputs + TILE**2 * inputs + OUT**2 * outputs
    return OVERHEAD * tiles * TILE**2 * float(products)


def transform(weight: Tensor) -> Tensor:
    """Filters (outputs, inputs, 3, 3) as 36 matrices (36, inputs, outputs)."""
    along = _matrices()[1]
    both = torch.kron(along, along)
    outputs, inputs = weight.shape[:2]
    found = weight.new_empty((TILE**2, inputs, outputs))
    for start in range(0, inputs, INPUTS_AT_ONCE):  # which then stay in a cache
        some = weight[:, start : start + INPUTS_AT_ONCE].permute(2, 3, 1, 0).double()
        made = both @ some.reshape(KERNEL**2, -1)
        found[:, start : start + INPUTS_AT_ONCE] = made.view(TILE**2, -1, outputs)
    return found


@dataclass(frozen=True)
class Part:
    """Maps that are filtered alike, with zeros all around them.

    Attributes
    ----------
    maps
        (n, inputs, rows, columns).
    size
        Rows and columns of the outputs that are wanted.
    before
        Rows and columns of zeros that the first output reads in front of the maps; below zero,
        those of the maps that no output reads.
    """

    maps: Tensor
    size: tuple[int, int]
    before: tuple[int, int]

    @property
    def tiles(self) -> int:
        """Tiles of one of the maps."""
        return tiles_of(self.size)

    def _grid(self) -> tuple[int, int]:
        rows, cols = (-(-length // OUT) for length in self.size)
        return rows, cols

    def take(self, start: int, stop: int, into: Tensor) -> None:
        """Put the tiles of some maps into (6, 6, tiles, inputs)."""
        (rows, cols), (top, left) = self._grid(), self.before
        height, width = self.maps.shape[-2:]
        bottom, right = rows * OUT + 2 - height - top, cols * OUT + 2 - width - left
        last = self.maps[start:stop].permute(0, 2, 3, 1)
        padded = F.pad(last, (0, 0, left, right, top, bottom))
        image, down, across, one = padded.stride()
        shape = TILE, TILE, stop - start, rows, cols, padded.shape[-1]
        strides = down, across, image, OUT * down, OUT * across, one
        into.view(shape).copy_(padded.as_strided(shape, strides))

    def put(self, start: int, stop: int, found: Tensor, into: Tensor) -> None:
        """Put tiles (4, 4, tiles, outputs) into outputs (n, rows, columns, outputs)."""
        (rows, cols), (height, width) = self._grid(), self.size
        tiles = found.view(OUT, OUT, stop - start, rows, cols, -1).permute(2, 3, 0, 4, 1, 5)
        whole = tiles.reshape(stop - start, rows * OUT, cols * OUT, -1)
        into[start:stop] = whole[:, :height, :width]


def convolve(parts: Sequence[Part], filters: Tensor) -> list[Tensor]:
    """Outputs (n, outputs, rows, columns) of each part, by filters from `transform`."""
    like = parts[0].maps
    makes_outputs, _, takes_tiles = (m.to(like.dtype) for m in _matrices())
    inputs, outputs = filters.shape[1:]
    found = [like.new_empty((len(part.maps), *part.size, outputs)) for part in parts]
    for run in _runs(parts):
        ends = list(accumulate((parts[i].tiles * (b - a) for i, a, b in run), initial=0))
        tiles = like.new_empty((TILE, TILE, ends[-1], inputs))
        for (i, a, b), (start, stop) in zip(run, pairwise(ends), strict=True):
            parts[i].take(a, b, tiles[:, :, start:stop])
        taken = _both(takes_tiles, tiles).flatten(0, 1)
        products = torch.bmm(taken, filters).view(TILE, TILE, -1, outputs)
        results = _both(makes_outputs, products)
        for (i, a, b), (start, stop) in zip(run, pairwise(ends), strict=True):
            parts[i].put(a, b, results[:, :, start:stop], found[i])
    return [one.permute(0, 3, 1, 2) for one in found]


def _runs(parts: Sequence[Part]) -> Iterator[list[tuple[int, int, int]]]:
    """Maps of parts (which, from, to) that are transformed at once."""
    run: list[tuple[int, int, int]] = []
    free = AT_ONCE
    for number, part in enumerate(parts):
        start = 0
        while start < len(part.maps):
            stop = min(len(part.maps), start + max(free // part.tiles, 1))
            run.append((number, start, stop))
            free -= (stop - start) * part.tiles
            start = stop
            if free < part.tiles:
                yield run
                run, free = [], AT_ONCE
    if run:
        yield run


def _both(matrix: Tensor, values: Tensor) -> Tensor:
    """Values (n, n, ...) with a matrix (m, n) along rows and along columns: (m, m, ...)."""
    m, n = matrix.shape
    along = (matrix @ values.reshape(n, -1)).view(m, n, -1)
    return torch.matmul(matrix, along).view(m, m, *values.shape[2:])


@cache
def _matrices() -> tuple[Tensor, ...]:
    """What makes, along one axis, outputs (4, 6), filters (6, 3) and tiles of inputs (6, 6)."""
    return tuple(map(_double, toom_cook(OUT, KERNEL, POINTS)))


def _double(rows: list[list[Fraction]]) -> Tensor:
    return torch.tensor([[float(x) for x in row] for row in rows], dtype=torch.float64)


def toom_cook(
    out: int, kernel: int, points: Sequence[Fraction]
) -> tuple[list[list[Fraction]], list[list[Fraction]], list[list[Fraction]]]:
    """The matrices A, G and B of y = A((G g) (B x)), a filter ``g`` along ``x``.

    ``points`` are one less than inputs, the last one being infinity.
    """
    tile = out + kernel - 1
    a = [[p**i for p in points] + [Fraction(i == out - 1)] for i in range(out)]
    g, b = [], []
    for p in points:
        others = [q for q in points if q != p]
        scale = Fraction(1)
        for q in others:
            scale *= p - q
        g.append([p**i / scale for i in range(kernel)])
        b.append(_polynomial(others, tile))
    g.append([Fraction(i == kernel - 1) for i in range(kernel)])
    b.append(_polynomial(points, tile))
    return a, g, b


def _polynomial(roots: Sequence[Fraction], count: int) -> list[Fraction]:
    """Coefficients of the polynomial with these roots, the constant first, ``count`` of them."""
    found = [Fraction(1)]
    for root in roots:
        shifted, scaled = [Fraction(0), *found], [*(-root * c for c in found), Fraction(0)]
        found = [x + y for x, y in zip(shifted, scaled, strict=True)]
    return found + [Fraction(0)] * (count - len(found))
