"""How a graph splits for an occluder, and how far it is felt in each tensor.

Windows of a convolution are made so much larger that few sizes remain: each size is a call of its
own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ..network.graph import vocabulary
from ..network.graph.geometry import POINT, Slide
from ..network.graph.graph import IMAGE, Graph, Node, Ref
from ..network.graph.operations import is_vector
from ..network.graph.window_operations import operation
from ..network.graph.windows import NoWindow, slide_of
from . import winograd

PER_GROUP = 40_000_000
"""What computing one more group of positions costs, in multiply-adds."""

PER_WEIGHT = 40
"""What reading one of a convolution's weights costs a group, in multiply-adds."""

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
