"""Projections that compute only what a unit's signal can reach: its cone.

Of each map below the layer only the window in the unit's receptive field matters, on the way up
(where the switches are recorded) and on the way down. Units of a batch of images share one
computation; switches of whole images can be kept, and then there is no way up at all. Which of
these is the least work is counted beforehand, in multiply-adds.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod

import torch
from torch import Tensor

from .costs import CPU, Costs
from .geometry import Pair, Slide, Span, pair
from .graph import IMAGE, Graph, Node, Ref
from .windowed import operation
from .windows import Frame, Kept, NoWindow, Signals, Tape, replay, span_of

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
    """Of a node over ``area`` elements of each of its feature maps."""
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
            outputs = operation(node).up(node, frame, values, tape, kept)
        values.update((Ref(node.index, i), out) for i, out in enumerate(outputs))
        for ref in node.inputs:
            if last[ref] == node.index and ref != top:
                values.pop(ref, None)
    return values[top], tape


def descend(
    frame: Frame, nodes: Sequence[Node], signal: Tensor, top: Ref, tape: Tape, invert: Invert
) -> Tensor:
    """Take a signal over the span of ``top`` down to the pixels."""
    signals: Signals = {top: signal}
    for node in reversed(nodes):
        above = [signals.pop(Ref(node.index, i), None) for i in range(len(node.shapes))]
        if all(s is None for s in above):
            continue
        step = operation(node)
        parts = step.down(node, frame, above, tape, invert)
        for number, part in zip(step.descends(node), parts, strict=True):
            ref = node.inputs[number]
            signals[ref] = signals[ref] + part if ref in signals else part
    return signals[IMAGE]


@dataclass(frozen=True)
class Part:
    """Units that are computed together: ``rows`` of the batch."""

    rows: slice
    cone: Cone
    places: tuple[Pair, ...] | None

    @property
    def frame(self) -> Frame:
        """The windows of all maps."""
        return Frame(self.cone.graph, self.cone.spans, self.places)

    def work(self, per_operation: int) -> int:
        """One way, in multiply-adds."""
        units = 1 if self.places is None else len(self.places)
        return self.cone.work * units + per_operation * len(self.cone.nodes)


class Switches:
    """What was kept of whole images for the way down: bounded, least recently used goes first.

    Parameters
    ----------
    limit
        In bytes.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.bytes = 0
        self._tapes: OrderedDict[Hashable, Tape] = OrderedDict()

    def find(self, key: Hashable, nodes: Sequence[int]) -> Tape | None:
        """The tape of an image, if all of ``nodes`` are on it."""
        tape = self._tapes.get(key)
        if tape is None or any(n not in tape for n in nodes):
            return None
        self._tapes.move_to_end(key)
        return tape

    def keep(self, key: Hashable, tape: Tape) -> None:
        """Add to what is kept of an image."""
        old = self._tapes.pop(key, {})
        self.bytes -= _size(old)
        merged = {**old, **tape}
        self._tapes[key] = merged
        self.bytes += _size(merged)
        while self.bytes > self.limit and self._tapes:
            self.bytes -= _size(self._tapes.popitem(last=False)[1])


def _size(tape: Tape) -> int:
    return sum(t.nbytes for t in tape.values())


@dataclass(frozen=True)
class Result:
    """Signals at the pixels, (n, channels, rows, columns), and the units' values, (n,).

    ``finite`` says whether all of them are numbers.
    """

    pixels: Tensor
    values: Tensor
    finite: bool


class Projector:
    """Projects units of one layer in a batch of images, the cheapest way there is.

    Parameters
    ----------
    graph
        Of the network.
    limit
        Bytes of switches to keep.
    costs
        What decides between cones and whole images.
    """

    def __init__(self, graph: Graph, limit: int, costs: Costs = CPU) -> None:
        self.graph = graph
        self.costs = costs
        self.kept = Switches(limit)
        self._cones: dict[Ref, Cone | str] = {}
        self._clipped: dict[tuple[Ref, tuple[int, int]], Cone] = {}

    def cone(self, top: Ref) -> Cone:
        """The cone of a layer's units; raises `NoWindow`."""
        found = self._cones.get(top)
        if found is None:
            try:
                found = Cone.below(self.graph, top)
            except NoWindow as reason:
                found = str(reason)
            self._cones[top] = found
        if isinstance(found, str):
            raise NoWindow(found)
        return found

    def _cone_at(self, top: Ref, place: tuple[int, int]) -> Cone:
        """The cone of one unit, clipped to the maps; the last ones asked for are kept."""
        found = self._clipped.get((top, place))
        if found is None:
            if len(self._clipped) >= 4096:
                self._clipped.clear()
            found = self._clipped[top, place] = Cone.below(self.graph, top, place)
        return found

    def project(
        self,
        images: Tensor,
        keys: Sequence[Hashable],
        top: Ref,
        units: Sequence[tuple[int, int, int]],
        invert: Invert,
        kept: Kept,
        values: Sequence[float] | None = None,
    ) -> Result:
        """Project one unit (channel, row, col) per image.

        Parameters
        ----------
        images
            (n, channels, rows, columns) float32.
        keys
            What tells the images apart; None for one that isn't to be kept.
        values
            The units' activations where they are known: without them there is a way up.
        """
        cone = self.cone(top)
        tapes = self._find(cone, keys, kept) if values is not None else None
        parts = self._parts(cone, [(row, col) for _, row, col in units])
        down = self._work(parts)
        up_whole = self.costs.whole_up or cone.gated
        if tapes is None and (up_whole or len(units) * self._whole_work(top) < down):
            outputs, tapes = self._whole(top, images, keys, kept)
            values = [float(out[unit]) for out, unit in zip(outputs, units, strict=True)]
        pixels = torch.zeros_like(images)
        found = []
        finite = []
        for part in parts:
            at = [channel for channel, _, _ in units[part.rows]]
            one = list(range(len(at)))
            if tapes is None:
                span = part.cone.spans[IMAGE]
                window = crop(list(images[part.rows]), part.frame.starts(span), span.size)
                up, tape = ascend(part.frame, part.cone.nodes, window, top, kept)
                start = up[one, at, 0, 0]
            else:
                assert values is not None
                tape = _windows(tapes[part.rows], part)
                start = images.new_tensor(values[part.rows])
            signal = images.new_zeros((len(at), self.graph.shape(top)[1], 1, 1))
            signal[one, at, 0, 0] = start
            below = descend(part.frame, part.cone.nodes, signal, top, tape, invert)
            paste(pixels[part.rows], below, part.frame.starts(part.cone.spans[IMAGE]))
            found.append(start)
            finite.append(torch.isfinite(below).all())
        return Result(pixels, torch.cat(found), bool(torch.stack(finite).all()))

    def saves(
        self,
        keys: Sequence[Hashable],
        top: Ref,
        units: Sequence[tuple[int, int, int]],
        kept: Kept,
        values: Sequence[float] | None,
    ) -> bool:
        """Whether cones are less work than whole images up and down; raises `NoWindow`."""
        cone = self.cone(top)
        whole = len(units) * self._whole_work(top) + self.costs.per_operation * len(cone.nodes)
        down = self._work(self._parts(cone, [(row, col) for _, row, col in units]))
        if values is not None and self._find(cone, keys, kept) is not None:
            up = 0
        else:
            up = whole if self.costs.whole_up else down
        return up + down < 2 * whole

    def _parts(self, cone: Cone, places: list[tuple[int, int]]) -> list[Part]:
        """All units together, or each by itself where clipping to its maps saves enough."""
        together = Part(slice(None), cone, tuple(places))
        if cone.work <= self.costs.per_operation * len(cone.nodes):
            return [together]  # clipping can't save more than that
        apart = [
            Part(slice(number, number + 1), self._cone_at(cone.top, place), None)
            for number, place in enumerate(places)
        ]
        return min([together], apart, key=self._work)

    def _work(self, parts: Sequence[Part]) -> int:
        return sum(part.work(self.costs.per_operation) for part in parts)

    def _whole_work(self, top: Ref) -> int:
        return sum(multiply_adds(node, prod(node.shape[-2:])) for node in self.graph.above(top))

    def _find(self, cone: Cone, keys: Sequence[Hashable], kept: Kept) -> list[Tape] | None:
        wanted = [n.index for n in cone.nodes if operation(n).keeps(n, kept)]
        tapes = [self.kept.find(key, wanted) if key is not None else None for key in keys]
        return None if None in tapes else tapes  # type: ignore[return-value]

    def keep(self, images: Tensor, keys: Sequence[Hashable], top: Ref, kept: Kept) -> None:
        """Keep the switches of images for later projections from ``top`` and below."""
        self._whole(top, images, keys, kept)

    def _whole(
        self, top: Ref, images: Tensor, keys: Sequence[Hashable], kept: Kept
    ) -> tuple[Tensor, list[Tape]]:
        outputs, tapes = [], []
        nodes = self.graph.above(top)
        frame = whole_frame(self.cone(top))
        for image, key in zip(images, keys, strict=True):
            values, tape = ascend(frame, nodes, image[None], top, kept)
            tape = {index: entry[0] for index, entry in tape.items()}
            outputs.append(values)
            tapes.append(tape)
            if key is not None:
                self.kept.keep(key, tape)
        return torch.cat(outputs), tapes


def whole_frame(cone: Cone) -> Frame:
    """All of every map in a cone."""
    shapes = {ref: pair(cone.graph.shape(ref)[-2:]) for ref in cone.spans}
    return Frame(cone.graph, {ref: Span((0, 0), (0, 0), shape) for ref, shape in shapes.items()})


def _windows(tapes: Sequence[Tape], part: Part) -> Tape:
    """The windows of whole images' tapes."""
    out: Tape = {}
    for node in part.cone.nodes:
        if node.index not in tapes[0]:
            continue
        entries = [tape[node.index] for tape in tapes]
        if entries[0].shape[-2:] == (1, 1):
            out[node.index] = torch.stack(entries)
        else:
            span = span_of(node, part.frame)
            out[node.index] = crop(entries, part.frame.starts(span), span.size)
    return out


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


def paste(out: Tensor, windows: Tensor, starts: Sequence[Pair]) -> None:
    """Put windows into maps of zeros, dropping what lies outside."""
    rows, cols = out.shape[-2:]
    height, width = windows.shape[-2:]
    for whole, part, (top, left) in zip(out, windows, starts, strict=True):
        a, b, c, d = max(top, 0), min(top + height, rows), max(left, 0), min(left + width, cols)
        if a < b and c < d:
            whole[:, a:b, c:d] = part[:, a - top : b - top, c - left : d - left]
