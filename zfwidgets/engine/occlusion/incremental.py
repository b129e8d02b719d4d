"""An occluded image recomputed only where the occluder can be felt.

In each map only the window that the occluder reaches changes; the rest is read from the pass
without occluder. At each operation the positions whose windows lie alike on its grid share one
computation, padding and borders included. From the first operation that mixes a whole map (a
global pool, a flattening, attention) the rest runs in full, batched over positions. The result is
that of a full forward pass, to float rounding.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from math import prod
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ...records import Box
from ..network.graph.geometry import Span
from ..network.graph.graph import IMAGE, Graph, Node, Ref
from ..network.graph.window_operations import operation
from ..network.graph.windows import Kept, batched
from ..network.modes import computing
from ..network.one_thread import side_by_side
from ..projection.cone import multiply_adds
from .affected import AffectedFrame, UnoccludedMaps
from .delta_convolution import convolve
from .layer_response import Measured, Response
from .linear_layers import LinearLayers
from .places import Places, Windows
from .route import Route, alone, convolves, joins, overwriting
from .winograd import WinogradFilters

Ints = NDArray[np.int64]

AFFECTED = Kept(switches=False)

LEAST = 4
"""Positions for which a thread of their own is worth while."""

MANY_WEIGHTS = 4_000_000

HEAD = 128
"""Positions that run through the unwindowed rest of the network at once."""


class Incremental:
    """Recomputes a network's tensors for one image under an occluder at many places.

    Parameters
    ----------
    graph
        The recorded operations.
    image
        (channels, rows, columns), without occluder.
    wanted
        Tensors of the graph to compute: logits, a layer.
    transformed
        Filters of the network's convolutions, as kept from other images.
    """

    def __init__(
        self,
        graph: Graph,
        image: Tensor,
        wanted: Sequence[Ref],
        transformed: WinogradFilters | None = None,
    ) -> None:
        self._transformed = transformed or WinogradFilters()
        self.route = Route.to(graph, wanted)
        self.wanted = tuple(wanted)
        self.clean = UnoccludedMaps(self.route, image, wanted)
        self._linear, self._overwriting = LinearLayers(), overwriting(self.route)
        self._head_reads = {ref for node in self.route.head for ref in node.inputs}

    def compute(
        self, boxes: Sequence[Box], baseline: Tensor | Sequence[Tensor]
    ) -> dict[Ref, Tensor]:
        """The wanted tensors with ``baseline`` over each box, (n, ...) each, in the boxes' order.

        Parameters
        ----------
        boxes
            Inside the image.
        baseline
            (channels, 1, 1), or (channels, rows, columns) of each box.
        """
        return self.measure(boxes, baseline, None)[0]

    def measure(
        self, boxes: Sequence[Box], baseline: Tensor | Sequence[Tensor], response: Response | None
    ) -> tuple[dict[Ref, Tensor], Measured | None]:
        """As `compute`, and what happens to a layer, which must be among the wanted tensors.

        The layer's own maps aren't put together where windows tell all that is measured.
        """
        return self._finish(*self._local(boxes, baseline, response), response)

    def side_by_side(
        self, boxes: Sequence[Box], baseline: Sequence[Tensor], response: Response | None
    ) -> tuple[dict[Ref, Tensor], Measured | None]:
        """As `measure`, with parts of the boxes on threads of their own, and one inside each.

        What has many weights of its own is run once for all boxes, with all threads: to read the
        weights takes longer than to use them.
        """
        order = np.array(sorted(range(len(boxes)), key=lambda i: (boxes[i].top, boxes[i].left)))
        count = max(1, min(torch.get_num_threads(), len(boxes) // LEAST))
        back = np.argsort(order)

        def local(members: Ints) -> tuple[dict[Ref, Tensor], Measured | None]:
            with computing(self.clean.values[IMAGE].device):
                some = [boxes[i] for i in members], [baseline[i] for i in members]
                found = self._local(*some, response)
                return found if self.heavy else self._finish(*found, response)

        parts = side_by_side(local, np.array_split(order, count))
        tensors = {ref: torch.cat([found[ref] for found, _ in parts])[back] for ref in parts[0][0]}
        measured = [one for _, one in parts if one is not None]
        joined = Measured.joined(measured, back) if measured else None
        return self._finish(tensors, joined, response) if self.heavy else (tensors, joined)

    @cached_property
    def heavy(self) -> bool:
        """Whether what runs on whole maps has many weights."""
        weights = [t for node in self.route.head for t in node.args if isinstance(t, Tensor)]
        return sum(t.numel() for t in weights) > MANY_WEIGHTS

    def _local(
        self, boxes: Sequence[Box], baseline: Tensor | Sequence[Tensor], response: Response | None
    ) -> tuple[dict[Ref, Tensor], Measured | None]:
        """What the head reads, and the wanted tensors that are local; and what is measured."""
        places = Places.of(self.route, boxes)
        values: dict[Ref, Any] = {IMAGE: _covered(boxes, baseline)}
        stacks: dict[Ref, Tensor] = {}
        layer = None if response is None else response.ref
        measured: Measured | None = None
        if IMAGE in self.route.joints:
            stacks[IMAGE] = self._stack(IMAGE, values[IMAGE], places)
        last = {ref: node.index for node in self.route.local for ref in node.inputs}
        for node in self.route.local:
            outputs = self._run(node, values, places, len(boxes))
            for number, out in enumerate(outputs):
                ref = Ref(node.index, number)
                values[ref] = out
                if ref == layer and response is not None:
                    measured = response.of_windows(out, places, self.clean.values[ref])
                if ref in self.route.joints and (ref != layer or ref in self._head_reads):
                    stacks[ref] = self._stack(ref, out, places)
            for ref in node.inputs:
                if last[ref] == node.index:
                    values.pop(ref, None)
        return stacks, measured

    def _finish(
        self,
        stacks: dict[Ref, Tensor],
        measured: Measured | None,
        response: Response | None,
    ) -> tuple[dict[Ref, Tensor], Measured | None]:
        """Run the head on what `_local` gave."""
        layer = None if response is None else response.ref
        local = measured is not None
        wanted = [ref for ref in self.wanted if not (local and ref == layer)]
        found = self._through_head(stacks, wanted)
        if response is not None and layer is not None and not local:
            measured = response.of_maps(found[layer])
        return found, measured

    def _run(self, node: Node, values: dict[Ref, Any], places: Places, count: int) -> list[Windows]:
        if alone(node):
            over = node.index in self._overwriting
            return values[node.inputs[0]].map(node, over=over) or [
                Windows(count) for _ in node.shapes
            ]
        outputs = [Windows(count) for _ in node.shapes]
        if convolves(node):
            below = values[node.inputs[0]]
            convolve(node, below, places, self.clean, outputs[0], self._transformed)
            return outputs
        for members in places.groups(node):
            size = places.size(Ref(node.index), members[0])
            span = Span((0, 0), (0, 0), size)
            spans = {Ref(node.index, i): span for i in range(len(node.shapes))}
            frame = AffectedFrame(self.route.graph, spans, places, node, members, clean=self.clean)
            if joins(node):
                outputs[0].add(members, frame.join(values, node))
                continue
            for windows, out in zip(
                outputs, operation(node).up(node, frame, values, {}, AFFECTED), strict=False
            ):
                windows.add(members, out)
        return outputs

    def _stack(self, ref: Ref, windows: Windows, places: Places) -> Tensor:
        """Whole maps, one a position."""
        clean = self.clean.values[ref]
        out = torch.empty_like(
            clean.expand(windows.count, *clean.shape[1:]), memory_format=torch.channels_last
        )
        out[torch.from_numpy(np.flatnonzero(windows.batch < 0))] = clean
        for members, batch in zip(windows.members, windows.batches, strict=True):
            height, width = batch.shape[-2:]
            if (height, width) == clean.shape[-2:]:
                if len(members) == windows.count:
                    return batch
                out[torch.from_numpy(members)] = batch
                continue
            out[torch.from_numpy(members)] = clean
            corners = zip(*places.starts(ref, members), strict=True)
            for member, part, (top, left) in zip(members, batch, corners, strict=True):
                out[member, :, top : top + height, left : left + width] = part
        return out

    def _through_head(self, stacks: dict[Ref, Tensor], wanted: Sequence[Ref]) -> dict[Ref, Tensor]:
        if not self.route.head:
            return {ref: stacks[ref] for ref in wanted}
        count = len(next(iter(stacks.values())))
        found: dict[Ref, list[Tensor]] = {ref: [] for ref in wanted}
        last = {ref: node.index for node in self.route.head for ref in node.inputs}
        for start in range(0, count, HEAD):
            values = {ref: stack[start : start + HEAD] for ref, stack in stacks.items()}
            for node in self.route.head:
                inputs = [values[ref] for ref in node.inputs]
                linear = self._linear.run(node, inputs[0])
                outputs = batched(node, inputs) if linear is None else [linear]
                values.update((Ref(node.index, i), out) for i, out in enumerate(outputs))
                for ref in node.inputs:
                    if last[ref] == node.index and ref not in wanted:
                        values.pop(ref, None)
            for ref, parts in found.items():
                parts.append(values[ref])
        return {ref: torch.cat(parts) for ref, parts in found.items()}

    def work(self, boxes: Sequence[Box]) -> tuple[int, int]:
        """Multiply-adds for these positions: (incremental, full forward passes)."""
        return work(self.route, boxes)


def work(route: Route, boxes: Sequence[Box]) -> tuple[int, int]:
    """Multiply-adds on a route for these positions: (incremental, full forward passes)."""
    nodes = (*route.local, *route.head)
    full = sum(multiply_adds(n, prod(n.shape[-2:])) for n in nodes)
    head = sum(multiply_adds(n, prod(n.shape[-2:])) for n in route.head)
    places = Places.of(route, boxes)
    local = 0
    for node in route.local:
        ref = Ref(node.index)
        area = places.rows[ref][1][places.row] * places.cols[ref][1][places.col]
        local += multiply_adds(node, int(area.sum()))
    return local + head * len(boxes), full * len(boxes)


def _covered(boxes: Sequence[Box], baseline: Tensor | Sequence[Tensor]) -> Windows:
    """What the occluder puts in its boxes."""
    windows = Windows(len(boxes))
    sizes = np.array([(box.height, box.width) for box in boxes])
    for height, width in np.unique(sizes, axis=0).tolist():
        members = np.flatnonzero((sizes == (height, width)).all(1))
        if isinstance(baseline, Tensor):
            values = baseline.expand(len(members), len(baseline), height, width)
        else:
            values = torch.stack([baseline[i] for i in members.tolist()])
        windows.add(members, values.contiguous(memory_format=torch.channels_last))
    return windows
