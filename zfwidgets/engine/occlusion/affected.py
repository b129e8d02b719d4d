"""The window of each tensor that an occluder affects, over the unoccluded maps."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from math import prod
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from ...records import Box
from ..network.graph import vocabulary
from ..network.graph.geometry import POINT, Slide, Span
from ..network.graph.graph import IMAGE, Graph, Node, Ref
from ..network.graph.operations import is_vector
from ..network.graph.window_operations import operation
from ..network.graph.windows import Frame, NoWindow, Signals, batched, slide_of
from . import winograd

PER_GROUP = 40_000_000
"""What computing one more group of positions costs, in multiply-adds."""

PER_WEIGHT = 40
"""What reading one of a convolution's weights costs a group, in multiply-adds."""

LARGE = 4096
"""Values of a window from which windows are better read one by one."""

FRESH = vocabulary.CONVOLUTIONS | vocabulary.BATCH_NORMS | {"add", "cat"}
"""Operations whose outputs lie in memory of their own."""

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Route:
    """How a graph splits for incremental computation of some tensors.

    Attributes
    ----------
    local
        Nodes that are computed on windows.
    head
        Nodes that run in full, on whole maps.
    joints
        What the head reads of the local part, and the wanted tensors that are local.
    """

    graph: Graph
    local: tuple[Node, ...]
    head: tuple[Node, ...]
    joints: tuple[Ref, ...]

    @classmethod
    def to(cls, graph: Graph, wanted: Sequence[Ref]) -> Route:
        """The route from the image to the wanted tensors."""
        needed = {node.index for ref in wanted for node in graph.above(ref)}
        local: list[Node] = []
        head: list[Node] = []
        full: set[int] = set()
        for node in (graph.nodes[i] for i in sorted(needed)):
            if any(ref.node in full for ref in node.inputs) or not _windowed(node, graph):
                head.append(node)
                full.add(node.index)
            else:
                local.append(node)
        read = {ref for node in head for ref in node.inputs if ref.node not in full}
        read |= {ref for ref in wanted if ref.node not in full}
        return cls(graph, tuple(local), tuple(head), tuple(sorted(read, key=_order)))

    @cached_property
    def context(self) -> frozenset[Ref]:
        """Tensors that are read beside the occluder's windows."""
        beside = {ref for node in self.local if not alone(node) for ref in node.inputs}
        filtered = {Ref(node.index) for node in self.local if convolves(node)}
        return frozenset({*beside, *filtered, *self.joints})

    @cached_property
    def _costs(self) -> dict[int, _Costs]:
        return {node.index: _Costs.of(node) for node in self.local if convolves(node)}

    def reach(self, axis: int, low: Ints, high: Ints, count: int) -> dict[Ref, tuple[Ints, Ints]]:
        """First element and number of elements that are felt, by tensor, of rows or columns.

        Parameters
        ----------
        axis
            0 for rows, 1 for columns.
        low, high
            (n,) first pixel of each occluder, and the first behind it.
        count
            Number of the positions that have these rows or columns.
        """
        found: dict[Ref, tuple[Ints, Ints]] = {IMAGE: (low, high - low)}
        for node in self.local:
            slide = slide_of(node)
            k, s, p, d = (
                getattr(slide, name)[axis] for name in ("kernel", "stride", "padding", "dilation")
            )
            first = np.full_like(low, 1 << 40)
            last = np.full_like(low, -1)
            for ref in node.inputs:
                start, size = found[ref]
                felt = size > 0
                first = np.where(felt, np.minimum(first, -(-(start + p - (k - 1) * d) // s)), first)
                last = np.where(felt, np.maximum(last, (start + size - 1 + p) // s), last)
            first = np.maximum(first, 0)
            last = np.minimum(last, node.shape[-2 + axis] - 1)
            size = np.maximum(last - first + 1, 0)
            if convolves(node):
                first, size = _rounded(
                    first, size, node.shape[-2 + axis], self._costs[node.index], count
                )
            window = np.where(size > 0, first, 0), size
            found.update((Ref(node.index, i), window) for i in range(len(node.shapes)))
        return found


@dataclass(frozen=True)
class _Costs:
    """What a convolution takes, in multiply-adds of a plain one.

    Attributes
    ----------
    group
        One more group of positions.
    windows
        A square window, by its rows.
    """

    group: float
    windows: NDArray[np.float64]

    @classmethod
    def of(cls, node: Node) -> _Costs:
        tiled = winograd.applies(node)  # where all groups share what reads the weights
        group = PER_GROUP + (0 if tiled else PER_WEIGHT * node.read("weight").numel())
        lengths = range(max(node.shape[-2:]) + 1)
        return cls(group, np.array([_cost(node, length) for length in lengths]))


def _rounded(first: Ints, size: Ints, length: int, costs: _Costs, count: int) -> tuple[Ints, Ints]:
    """A convolution's windows made so much larger that few enough sizes remain for the least cost.

    ``count`` positions have these rows or columns, of a map of ``length``.
    """
    most = int(size.max())
    least, best = np.inf, size
    for step in range(1, most + 1):
        wanted = np.minimum(-(-size // step) * step, most)
        # The other axis' windows are much like this one's.
        groups = len(set(wanted.tolist())) ** 2
        found = groups * costs.group + count * costs.windows[wanted].mean()
        if found < least:
            least, best = found, wanted
    return np.minimum(first, length - best), best


def _cost(node: Node, length: int) -> float:
    """What filtering a square window takes, in multiply-adds of a plain convolution."""
    plain, size = length**2 * node.read("weight").numel(), (length, length)
    return winograd.cost(node, winograd.tiles_of(size)) if winograd.pays(node, size) else plain


def _windowed(node: Node, graph: Graph) -> bool:
    try:
        operation(node).check(node, graph)
    except NoWindow:
        return False
    if node.norm:  # runs on whole maps only
        return False
    return isinstance(node.geometry, Slide) and len(node.shape) >= 4 and not is_vector(node.shape)


def alone(node: Node) -> bool:
    """Whether it needs nothing beside the window of its one input."""
    return node.geometry == POINT and len(node.inputs) == 1 and "pool" not in node.name


def joins(node: Node) -> bool:
    """Whether it is a concatenation of its inputs' channels, and of nothing else."""
    channels = sum(shape[1] for shape in node.input_shapes)
    along = node.name == "cat" and node.read("dim", 0) in (1, 1 - len(node.shape))
    return along and len(node.shape) == 4 and channels == node.shape[1]


def overwriting(route: Route) -> frozenset[int]:
    """ReLUs that may write over what was made for them alone."""
    readers = Counter(ref for node in (*route.local, *route.head) for ref in node.inputs)
    fresh = {Ref(node.index) for node in route.local if node.name in FRESH}
    fresh -= {*route.joints}
    return frozenset(
        node.index
        for node in route.local
        if node.name == "relu" and node.inputs[0] in fresh and readers[node.inputs[0]] == 1
    )


def convolves(node: Node) -> bool:
    """Whether it is a convolution: only what changed goes through it."""
    return "convolution" in node.name and node.geometry != POINT


def _order(ref: Ref) -> tuple[int, int]:
    return ref.node, ref.output


@dataclass
class Windows:
    """The windows of one tensor at all positions, in batches of equal size.

    Attributes
    ----------
    batches
        (n, channels, rows, columns) each.
    members
        Which positions a batch holds.
    batch, row
        (positions,) where each position's window is; -1 where the occluder isn't felt.
    """

    count: int
    batches: list[Tensor] = field(default_factory=list)
    members: list[Ints] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.batch = np.full(self.count, -1, dtype=np.int64)
        self.row = np.zeros(self.count, dtype=np.int64)

    def add(self, members: Ints, values: Tensor) -> None:
        """Add the windows of some positions."""
        self.batch[members] = len(self.batches)
        self.row[members] = np.arange(len(members))
        self.batches.append(values)
        self.members.append(members)

    def map(self, node: Node, *, over: bool = False) -> list[Windows]:
        """Run a node that needs nothing beside these windows; a ReLU may write ``over`` them."""
        outputs: list[Windows] = []
        for members, values in zip(self.members, self.batches, strict=True):
            for number, out in enumerate([values.relu_()] if over else batched(node, [values])):
                if number == len(outputs):
                    outputs.append(Windows(self.count))
                outputs[number].add(members, out)
        return outputs


@dataclass(frozen=True)
class Places:
    """Where the occluder is felt, at each of some positions, in each tensor.

    ``rows`` and ``cols`` have the windows of every different row and column of positions, ``row``
    and ``col`` say which of them a position has.
    """

    rows: dict[Ref, tuple[Ints, Ints]]
    cols: dict[Ref, tuple[Ints, Ints]]
    row: Ints
    col: Ints

    @classmethod
    def of(cls, route: Route, boxes: Sequence[Box]) -> Places:
        """For occluders inside the image."""
        sides = [[(b.top, b.bottom) for b in boxes], [(b.left, b.right) for b in boxes]]
        found = [np.unique(np.array(side), axis=0, return_inverse=True) for side in sides]
        rows, cols = (
            route.reach(axis, ends[:, 0], ends[:, 1], len(boxes))
            for axis, (ends, _) in enumerate(found)
        )
        return cls(rows, cols, found[0][1].reshape(-1), found[1][1].reshape(-1))

    def starts(self, ref: Ref, members: Ints) -> tuple[Ints, Ints]:
        """First row and first column of the windows."""
        return self.rows[ref][0][self.row[members]], self.cols[ref][0][self.col[members]]

    def sizes(self, ref: Ref, members: Ints) -> tuple[Ints, Ints]:
        """Rows and columns of the windows."""
        return self.rows[ref][1][self.row[members]], self.cols[ref][1][self.col[members]]

    def size(self, ref: Ref, member: int) -> tuple[int, int]:
        """Rows and columns of a position's window."""
        return int(self.rows[ref][1][self.row[member]]), int(self.cols[ref][1][self.col[member]])

    def groups(self, node: Node) -> Iterator[Ints]:
        """Positions whose windows in a node's output have one size."""
        ref = Ref(node.index)
        height, width = self.rows[ref][1][self.row], self.cols[ref][1][self.col]
        for size, members in kinds(height, width):
            if min(size) > 0:
                yield members


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


def kinds(*columns: Ints) -> Iterator[tuple[tuple[int, ...], Ints]]:
    """Every different row of a table, and where it is."""
    order = np.lexsort(columns)
    table = np.stack(columns, 1)[order]
    starts = np.flatnonzero(np.r_[True, (table[1:] != table[:-1]).any(1)][: len(table)])
    for start, end in zip(starts, [*starts[1:], len(table)], strict=True):
        yield tuple(table[start].tolist()), np.sort(order[start:end])


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
