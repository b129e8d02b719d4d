"""What an operation reads under an occluder: its windows, over the unoccluded maps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from ..network.graph.geometry import Span
from ..network.graph.graph import IMAGE, Node, Ref
from ..network.graph.windows import Frame, Signals, batched, slide_of
from .places import Windows, kinds
from .route import Route

LARGE = 4096
"""Values of a window from which windows are better read one by one."""

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class AffectedFrame(Frame):
    """What a group of positions reads: their windows, over the clean maps.

    ``spans`` has the output's size, starting at 0.
    """

    node: Node | None = None
    members: Ints | None = None
    places: Any = None
    clean: Any = None

    def take(self, values: Any, ref: Ref, need: Span, fill: float | None) -> Tensor:
        """See `Frame.take`; ``values`` are `Windows`."""
        origin = self._origin(need)
        pieces = self._pieces(values, ref, origin)
        alone = self._one(values, pieces, need)
        if alone is not None:
            return alone
        out = self._read_clean(ref, need, origin, fill)
        self._lay(values, pieces, out)
        return out

    def join(self, values: dict[Ref, Windows], node: Node) -> Tensor:
        """The concatenated windows of a node's inputs, each of them put where it belongs."""
        assert self.members is not None
        need = self.spans[Ref(node.index)]
        origin = self._origin(need)
        channels = [shape[1] for shape in node.input_shapes]
        first = next(batch for ref in node.inputs for batch in values[ref].batches)
        joined = first.new_empty((len(self.members), *need.size, sum(channels)))
        joined = joined.permute(0, 3, 1, 2)
        for ref, out in zip(node.inputs, joined.split(channels, 1), strict=True):
            pieces = self._pieces(values[ref], ref, origin)
            alone = self._one(values[ref], pieces, need)
            if alone is not None:
                out.copy_(alone)
                continue
            self._put_clean(ref, need.size, origin, out)
            self._lay(values[ref], pieces, out)
        return joined

    def _put_clean(
        self, ref: Ref, size: tuple[int, int], origin: tuple[Ints, Ints], out: Tensor
    ) -> None:
        """The clean map's windows of a size, one by one where that is the quicker way."""
        clean = self.clean.values[ref][0]
        if not one_by_one(clean, clean.shape[0] * prod(size)):
            out.copy_(_gather(clean.permute(1, 2, 0), origin, size))
            return
        for one, top, left in zip(out, *(axis.tolist() for axis in origin), strict=True):
            one.copy_(clean[:, top : top + size[0], left : left + size[1]])

    def _pieces(
        self, windows: Windows, ref: Ref, origin: tuple[Ints, Ints]
    ) -> list[tuple[tuple[int, ...], Ints]]:
        """Batches of windows, how far from the origin they begin, and for which members."""
        assert self.members is not None
        have = self.places.starts(ref, self.members)
        offsets = [h - o for h, o in zip(have, origin, strict=True)]
        return list(kinds(windows.batch[self.members], *offsets))

    def _one(
        self, windows: Windows, pieces: Sequence[tuple[tuple[int, ...], Ints]], need: Span
    ) -> Tensor | None:
        """The windows of one batch, if they are just what is read."""
        assert self.members is not None
        if len(pieces) != 1 or pieces[0][0][0] < 0 or any(pieces[0][0][1:]):
            return None
        batch = pieces[0][0][0]
        fits = windows.batches[batch].shape[-2:] == need.size
        return _rows(windows, batch, self.members) if fits else None

    def _lay(
        self, windows: Windows, pieces: Sequence[tuple[tuple[int, ...], Ints]], out: Tensor
    ) -> None:
        """Put windows over clean maps."""
        assert self.members is not None
        for (batch, down, across), here in pieces:
            if batch < 0:
                continue
            part = _rows(windows, batch, self.members[here])
            (a, b), (c, d) = (
                (max(o, 0), min(o + n, m))
                for o, n, m in zip((down, across), part.shape[-2:], out.shape[-2:], strict=True)
            )
            if a >= b or c >= d:
                continue
            part = part[..., a - down : b - down, c - across : d - across]
            if len(here) == len(self.members):
                out[..., a:b, c:d] = part
            else:
                out[torch.from_numpy(here), :, a:b, c:d] = part

    def each(self, run: Callable[[Tensor], Tensor], batch: Tensor) -> Tensor:
        """See `Frame.each`; positions are compared with each other as they are."""
        return run(batch)

    def _origin(self, need: Span) -> tuple[Ints, Ints]:
        """First row and column that each position reads."""
        assert self.node is not None
        stride = slide_of(self.node).stride
        starts = self.places.starts(Ref(self.node.index), self.members)
        return starts[0] * stride[0] + need.start[0], starts[1] * stride[1] + need.start[1]

    def _read_clean(
        self, ref: Ref, need: Span, origin: tuple[Ints, Ints], fill: float | None
    ) -> Tensor:
        padded, corner = self.clean.padded(self.node, ref, fill or 0.0)
        starts = [axis + pad for axis, pad in zip(origin, corner, strict=True)]
        return _gather(padded, starts, need.size)


def one_by_one(maps: Tensor, elements: int) -> bool:
    """Whether windows of so many elements are better read one by one."""
    return maps.device.type == "cpu" and elements >= LARGE


def _gather(values: Tensor, starts: Sequence[Ints], size: Sequence[int]) -> Tensor:
    """Windows of a map (rows, columns, channels), one for each start, channels last."""
    (height, width), (rows, cols, channels) = size, values.shape
    windows = values.as_strided(
        (rows - height + 1, cols - width + 1, height, width, channels),
        (*values.stride()[:2], *values.stride()),
    )
    found: Tensor = windows[tuple(map(torch.from_numpy, starts))]
    return found.permute(0, 3, 1, 2)


def _rows(windows: Windows, batch: int, members: Ints) -> Tensor:
    values = windows.batches[batch]
    if np.array_equal(windows.members[batch], members):
        return values
    return values[torch.from_numpy(windows.row[members])]


class UnoccludedMaps:
    """The maps of the image without occluder."""

    def __init__(self, route: Route, image: Tensor, wanted: Sequence[Ref]) -> None:
        self.values: Signals = {IMAGE: image[None].contiguous(memory_format=torch.channels_last)}
        self._padded: dict[tuple[int, Ref], tuple[Tensor, tuple[int, int]]] = {}
        self._last: dict[Ref, Tensor] = {}
        self._weights: dict[int, Tensor] = {}
        keep = {*route.context, *wanted}
        nodes = sorted((*route.local, *route.head), key=lambda node: node.index)
        last = {ref: node.index for node in nodes for ref in node.inputs}
        for node in nodes:
            outputs = batched(node, [self.values[ref] for ref in node.inputs])
            self.values.update((Ref(node.index, i), out) for i, out in enumerate(outputs))
            for ref in node.inputs:
                if last[ref] == node.index and ref not in keep:
                    self.values.pop(ref, None)

    def combine(
        self,
        function: Callable[..., Tensor],
        values: Tensor,
        ref: Ref,
        starts: Sequence[Ints],
        into: tuple[Tensor, Ints] | None = None,
    ) -> Tensor:
        """``function(values, clean)`` of windows (n, channels, rows, columns) of a map.

        ``into`` are maps, channels last, and those of them that take the windows.
        """
        clean = self._last.get(ref)
        if clean is None:
            clean = self._last[ref] = self.values[ref][0].permute(1, 2, 0).contiguous()
        values = values.permute(0, 2, 3, 1)
        height, width = values.shape[1:3]
        out = values.new_empty(values.shape) if into is None else into[0].permute(0, 2, 3, 1)
        rows = np.arange(len(values)) if into is None else into[1]
        alike = clean.shape[:2] == (height, width)
        if not alike and one_by_one(clean, height * width * clean.shape[2]):
            corners = (axis.tolist() for axis in starts)
            for one, row, top, left in zip(values, rows.tolist(), *corners, strict=True):
                function(one, clean[top : top + height, left : left + width], out=out[row])
            return out.permute(0, 3, 1, 2)
        if not alike:
            clean = _gather(clean, starts, (height, width)).permute(0, 2, 3, 1)
        if len(rows) == len(out):
            function(values, clean, out=out)
        else:
            out[torch.from_numpy(rows)] = function(values, clean)
        return out.permute(0, 3, 1, 2)

    def weight(self, node: Node) -> Tensor:
        """A convolution's filters, channels last."""
        found = self._weights.get(node.index)
        if found is None:
            filters: Tensor = node.read("weight")
            found = filters.contiguous(memory_format=torch.channels_last)
            self._weights[node.index] = found
        return found

    def padded(self, node: Node, ref: Ref, fill: float) -> tuple[Tensor, tuple[int, int]]:
        """A map as a node reads it, (rows, columns, channels), and where its first element is."""
        found = self._padded.get((node.index, ref))
        if found is None:
            slide = slide_of(node)
            values = self.values[ref]
            before = slide.padding
            after = [
                max(0, (n - 1) * s + (k - 1) * d + 1 - p - length)
                for n, s, k, d, p, length in zip(
                    node.shape[-2:],
                    slide.stride,
                    slide.kernel,
                    slide.dilation,
                    slide.padding,
                    values.shape[-2:],
                    strict=True,
                )
            ]
            if any(before) or any(after):
                pads = (before[1], after[1], before[0], after[0])
                values = F.pad(values, pads, value=fill)
            found = values[0].permute(1, 2, 0).contiguous(), before
            self._padded[node.index, ref] = found
        return found
