"""A convolution under an occluder: what changed in its input, filtered, added to the clean output.

A convolution is linear. So its output under an occluder is the clean output and the filtered
change; and the change is zero outside of its window, where filtering costs nothing. That is less
work than filtering the covered window with the clean values around it, the less the smaller the
window is, and padding needs no care.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from ..network.graph.graph import Node, Ref
from ..network.graph.windows import slide_of
from .affected import Places, UnoccludedMaps, Windows, kinds

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
    node: Node, windows: Windows, places: Places, clean: UnoccludedMaps, out: Windows
) -> None:
    """Add a convolution's output windows to ``out``."""
    slide, above, below = slide_of(node), Ref(node.index), node.inputs[0]
    weight, groups = clean.weight(node), node.read("groups")
    for members, values in zip(windows.members, windows.batches, strict=True):
        change = clean.combine(torch.sub, values, below, places.starts(below, members))
        for part, (height, width), before in _alike(places, node, members):
            borders = [
                Border.of(n, b, wanted, (k - 1) * d + 1, s)
                for n, b, wanted, k, s, d in zip(
                    values.shape[-2:],
                    before,
                    (height, width),
                    slide.kernel,
                    slide.stride,
                    slide.dilation,
                    strict=True,
                )
            ]
            rows, cols = borders
            some = change if len(part) == len(members) else change[torch.from_numpy(part)]
            filtered = F.conv2d(
                some[..., rows.drop :, cols.drop :],
                weight,
                None,
                slide.stride,
                (rows.padding, cols.padding),
                slide.dilation,
                groups,
            )[..., rows.first : rows.first + height, cols.first : cols.first + width]
            here = members[part]
            out.add(here, clean.combine(torch.add, filtered, above, places.starts(above, here)))


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
