"""Where the occluder is felt at each of some positions, and what is computed there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ...records import Box
from ..network.graph.graph import Node, Ref
from ..network.graph.windows import batched
from .route import Route

Ints = NDArray[np.int64]


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


def kinds(*columns: Ints) -> Iterator[tuple[tuple[int, ...], Ints]]:
    """Every different row of a table, and where it is."""
    order = np.lexsort(columns)
    table = np.stack(columns, 1)[order]
    starts = np.flatnonzero(np.r_[True, (table[1:] != table[:-1]).any(1)][: len(table)])
    for start, end in zip(starts, [*starts[1:], len(table)], strict=True):
        yield tuple(table[start].tolist()), np.sort(order[start:end])
