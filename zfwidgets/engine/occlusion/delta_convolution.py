"""A convolution under an occluder: what changed in its input, filtered, added to the clean output.

A convolution is linear. So its output under an occluder is the clean output and the filtered
change; and the change is zero outside of its window, where filtering costs nothing. That is less
work than filtering the covered window with the clean values around it, the less the smaller the
window is, and padding needs no care.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from ..network.graph.graph import Node, Ref
from ..network.graph.windows import slide_of
from . import winograd
from .affected import UnoccludedMaps
from .places import Places, Windows, kinds
from .winograd import Part, WinogradFilters

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Border:
    """How an axis of a window's change is padded, so that its output window comes out.

    PyTorch pads both ends alike: what is too much is dropped from the output.

    Attributes
    ----------
    drop
        Elements at the window's start that no output reads.
    padding
        Zeros at both ends.
    first
        First of the outputs that are asked for.
    """

    drop: int
    padding: int
    first: int

    @classmethod
    def of(cls, size: int, before: int, wanted: int, kernel: int, stride: int) -> Border:
        """Border of a window of ``size`` whose first output reads ``before`` zeros in front of it.

        ``kernel`` is the reach of a dilated one.
        """
        drop = max(-before, 0)
        before = max(before, 0)
        behind = (wanted - 1) * stride + kernel - before - (size - drop)
        first = max(0, -(-(behind - before) // stride))
        return cls(drop, before + first * stride, first)


def convolve(
    node: Node,
    windows: Windows,
    places: Places,
    clean: UnoccludedMaps,
    out: Windows,
    transformed: WinogradFilters,
) -> None:
    """Add a convolution's output windows to ``out``, those of one size together."""
    above, below = Ref(node.index), node.inputs[0]
    found: dict[tuple[int, int], tuple[Ints, Tensor]] = {}
    for (height, width), members in kinds(*places.sizes(above, np.arange(out.count))):
        if height > 0 and width > 0:
            maps = windows.batches[0].new_empty((len(members), height, width, node.shape[1]))
            found[height, width] = members, maps.permute(0, 3, 1, 2)
    parts = []
    for members, values in zip(windows.members, windows.batches, strict=True):
        change = clean.combine(torch.sub, values, below, places.starts(below, members))
        for rows, size, before in _alike(places, node, members):
            some = change if len(rows) == len(members) else change[torch.from_numpy(rows)]
            parts.append((members[rows], winograd.Part(some, size, before)))
    for here, size, filtered in _filtered(node, parts, clean.weight(node), transformed):
        every, maps = found[size]
        rows = np.searchsorted(every, here)
        clean.combine(torch.add, filtered, above, places.starts(above, here), (maps, rows))
    for members, maps in found.values():
        out.add(members, maps)


def _filtered(
    node: Node,
    parts: Sequence[tuple[Ints, Part]],
    weight: Tensor,
    transformed: WinogradFilters,
) -> Iterator[tuple[Ints, tuple[int, int], Tensor]]:
    """Positions, the size of their windows, and the filtered change, each part the quicker way."""
    quick = [pair for pair in parts if winograd.pays(node, pair[1].size)]
    tiles = sum(part.tiles * len(part.maps) for _, part in quick)
    filters = transformed.of(node) if tiles >= winograd.LEAST_TILES else None
    if filters is not None:
        every = winograd.convolve([part for _, part in quick], filters)
        for (members, part), filtered in zip(quick, every, strict=True):
            yield members, part.size, filtered
    for members, part in parts:
        if filters is None or not winograd.pays(node, part.size):
            yield members, part.size, _plain(node, weight, part)


def _plain(node: Node, weight: Tensor, part: Part) -> Tensor:
    """The filtered change by PyTorch's convolution."""
    slide, (height, width) = slide_of(node), part.size
    rows, cols = [
        Border.of(n, b, wanted, (k - 1) * d + 1, s)
        for n, b, wanted, k, s, d in zip(
            part.maps.shape[-2:],
            part.before,
            part.size,
            slide.kernel,
            slide.stride,
            slide.dilation,
            strict=True,
        )
    ]
    return F.conv2d(
        part.maps[..., rows.drop :, cols.drop :],
        weight,
        None,
        slide.stride,
        (rows.padding, cols.padding),
        slide.dilation,
        node.read("groups"),
    )[..., rows.first : rows.first + height, cols.first : cols.first + width]


def _alike(
    places: Places, node: Node, members: Ints
) -> Iterator[tuple[Ints, tuple[int, int], tuple[int, int]]]:
    """Parts of ``members`` by the size of their outputs and the zeros that the first one reads."""
    slide, above = slide_of(node), Ref(node.index)
    starts = zip(places.starts(above, members), places.starts(node.inputs[0], members), strict=True)
    before = [
        start - (first * slide.stride[axis] - slide.padding[axis])
        for axis, (first, start) in enumerate(starts)
    ]
    for (height, width, up, left), part in kinds(*places.sizes(above, members), *before):
        if height > 0 and width > 0:
            yield part, (height, width), (up, left)
