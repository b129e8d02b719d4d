"""Projections that compute only what a unit's signal can reach: its cone.

In each map below the layer only the window in the unit's receptive field matters, on the way up
(where the switches are recorded) and on the way down. `zfwidgets.engine.projection.units` chooses
when.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod

import torch
from torch import Tensor

from ..network.graph.geometry import Pair, Slide, Span, pair
from ..network.graph.graph import IMAGE, Graph, Node, Ref
from ..network.graph.near_ties import Crossing
from ..network.graph.switches import TIED_BIT
from ..network.graph.window_operations import is_max_pool, operation
from ..network.graph.windows import Frame, Kept, NoWindow, Signals, Tape, one, replay

Invert = Callable[[Node, Tensor, Tape], Tensor]
"""What a rule does at a rectifier: (node, signal, tape) -> signal below."""


@dataclass(frozen=True)
class Cone:
    """The nodes and spans that lie below a unit; relative to its place, or for one place."""

    graph: Graph
    top: Ref
    nodes: tuple[Node, ...]
    spans: dict[Ref, Span]

    @classmethod
    def below(cls, graph: Graph, top: Ref, at: tuple[int, int] | None = None) -> Cone:
        """Walk down from a unit; raises `NoWindow` where an operation mixes the whole map.

        With ``at`` the spans are absolute, and clipped to their maps.
        """
        unit = Span.of_unit()
        spans = {top: unit if at is None else unit.at(*at)}
        nodes = []
        for node in reversed(graph.above(top)):
            outputs = [ref for i in range(len(node.shapes)) if (ref := Ref(node.index, i)) in spans]
            if not outputs:
                continue  # it only feeds gates, which are frozen, or what a norm divides by
            span = _union(spans[ref] for ref in outputs)
            spans.update((ref, span) for ref in outputs)
            step = operation(node)
            step.check(node, graph)
            assert isinstance(node.geometry, Slide)
            below = span.below(node.geometry)
            for number in step.descends(node):
                ref = node.inputs[number]
                wanted = below if at is None else below.clip(pair(graph.shape(ref)[-2:]))
                spans[ref] = _union((spans[ref], wanted) if ref in spans else (wanted,))
            nodes.append(node)
        if IMAGE not in spans:
            raise NoWindow("the layer isn't connected to the pixels")
        return cls(graph, top, tuple(reversed(nodes)), spans)

    @cached_property
    def gated(self) -> bool:
        """Whether the way up needs whole images: for gates, and for what norms divide by."""
        return any(len(operation(n).descends(n)) < len(n.inputs) for n in self.nodes)

    @cached_property
    def widest(self) -> int:
        """Elements of the largest window of one unit."""
        shape = self.graph.shape
        return max(span.area * shape(ref)[1] for ref, span in self.spans.items())

    @cached_property
    def work(self) -> int:
        """Multiply-adds of one way, up or down, for one unit."""
        return sum(
            multiply_adds(node, self.spans[Ref(node.index)].area)
            for node in self.nodes
            if Ref(node.index) in self.spans
        )


def _union(spans: Iterable[Span]) -> Span:
    merged, *others = spans
    for other in others:
        both = merged.union(other)
        if both is None:
            raise NoWindow("paths of different strides meet")
        merged = both
    return merged


def multiply_adds(node: Node, area: int) -> int:
    """Multiply-adds of a node over ``area`` elements of each of its feature maps."""
    if "convolution" not in node.name:
        return 0
    return area * prod(map(int, node.read("weight").shape))


def ascend(
    frame: Frame, nodes: Sequence[Node], pixels: Tensor, top: Ref, kept: Kept
) -> tuple[Tensor, Tape]:
    """Run nodes upwards from pixels; the values of ``top`` and what the way down needs."""
    values: Signals = {IMAGE: pixels}
    tape: Tape = {}
    last = {ref: node.index for node in nodes for ref in node.inputs}
    for node in nodes:
        if all(Ref(node.index, i) not in frame.spans for i in range(len(node.shapes))):
            outputs = replay(node, values)  # only in whole images: what feeds gates and norms
        else:
            outputs = _up(node, frame, values, tape, kept)
        values.update((Ref(node.index, i), out) for i, out in enumerate(outputs))
        for ref in node.inputs:
            if last[ref] == node.index and ref != top:
                values.pop(ref, None)
    return values[top], tape


def _up(node: Node, frame: Frame, values: Signals, tape: Tape, kept: Kept) -> list[Tensor]:
    """All units together where each gets its own bits so, else one by one."""
    step = operation(node)
    if frame.places is None or len(frame.places) == 1 or step.exact(node):
        return step.up(node, frame, values, tape, kept)
    found, tapes = [], []
    for number, alone in enumerate(frame.apart()):
        own: Tape = {}
        inputs = {ref: one(values[ref], number) for ref in node.inputs}
        found.append(step.up(node, alone, inputs, own, kept))
        tapes.append(own)
    tape.update((index, torch.cat([own[index] for own in tapes])) for index in tapes[0])
    return [torch.cat(outputs) for outputs in zip(*found, strict=True)]


def descend(
    frame: Frame,
    nodes: Sequence[Node],
    signal: Tensor,
    top: Ref,
    tape: Tape,
    invert: Invert,
    crossing: Crossing,
) -> Tensor:
    """Take a signal over the span of ``top`` down to the pixels.

    What of it passes near ties is told to ``crossing``.
    """
    signals: Signals = {top: signal}
    for node in reversed(nodes):
        above = [signals.pop(Ref(node.index, i), None) for i in range(len(node.shapes))]
        if all(s is None for s in above):
            continue
        for i, arrived in enumerate(above):
            if arrived is not None:
                crossing.arrive(Ref(node.index, i), arrived)
        if above[0] is not None and is_max_pool(node):
            crossing.pool(node.inputs[0], above[0], tape[node.index] >> TIED_BIT)
        step = operation(node)
        parts = _down(node, frame, above, tape, invert)
        for number, part in zip(step.descends(node), parts, strict=True):
            ref = node.inputs[number]
            signals[ref] = signals[ref] + part if ref in signals else part
    crossing.arrive(IMAGE, signals[IMAGE])
    return signals[IMAGE]


def _down(
    node: Node, frame: Frame, above: list[Tensor | None], tape: Tape, invert: Invert
) -> list[Tensor]:
    step = operation(node)
    if frame.places is None or len(frame.places) == 1 or step.exact(node):
        return step.down(node, frame, above, tape, invert)
    found = []
    for number, alone in enumerate(frame.apart()):
        own = {node.index: one(tape[node.index], number)} if node.index in tape else {}
        signals = [None if signal is None else one(signal, number) for signal in above]
        found.append(step.down(node, alone, signals, own, invert))
    return [torch.cat(parts) for parts in zip(*found, strict=True)]


def crop(maps: Sequence[Tensor], starts: Sequence[Pair], size: tuple[int, int]) -> Tensor:
    """Windows of maps (channels, rows, columns), one each, zero outside of the map."""
    height, width = size
    channels, rows, cols = maps[0].shape
    if maps[0].stride(0) == 1:  # the channels of a place side by side
        out = maps[0].new_zeros((len(maps), height, width, channels)).permute(0, 3, 1, 2)
    else:
        out = maps[0].new_zeros((len(maps), channels, height, width))
    for part, whole, (top, left) in zip(out, maps, starts, strict=True):
        a, b, c, d = max(top, 0), min(top + height, rows), max(left, 0), min(left + width, cols)
        if a < b and c < d:
            part[:, a - top : b - top, c - left : d - left] = whole[:, a:b, c:d]
    return out


def paste(out: Sequence[Tensor] | Tensor, windows: Tensor, starts: Sequence[Pair]) -> None:
    """Put windows into maps of zeros, dropping what lies outside."""
    rows, cols = out[0].shape[-2:]
    height, width = windows.shape[-2:]
    for whole, part, (top, left) in zip(out, windows, starts, strict=True):
        a, b, c, d = max(top, 0), min(top + height, rows), max(left, 0), min(left + width, cols)
        if a < b and c < d:
            whole[:, a:b, c:d] = part[:, a - top : b - top, c - left : d - left]
