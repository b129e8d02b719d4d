"""Which part of an image each unit's projection is computed from, and what is kept of it."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from itertools import pairwise
from math import prod

import torch
from torch import Tensor

from ...threads import ProcessLock
from ..network.costs import CPU, Costs
from ..network.graph.geometry import Pair, Span, pair
from ..network.graph.graph import IMAGE, Graph, Ref
from ..network.graph.near_ties import Crossing
from ..network.graph.switches import unpack
from ..network.graph.window_operations import is_max_pool, operation
from ..network.graph.windows import Frame, Kept, NoWindow, Tape, slide_of, span_of
from ..network.modes import computing
from ..network.one_thread import one_thread, side_by_side
from .cone import Cone, Invert, ascend, crop, descend, multiply_adds, paste

TOGETHER = 16 << 20
"""Bytes of one map's windows of the units that a thread computes together, about."""
MOST_TOGETHER = 12
"""Most units taken together: more don't save any more of what Python does for each operation."""


@dataclass(frozen=True)
class UnitRoute:
    """How a unit is computed: by its layer and place alone, whatever else is asked for.

    Attributes
    ----------
    cone
        Below units of the layer, relative to their places; or of this place alone, clipped to
        the maps, where that saves work.
    place
        None where the cone is clipped.
    whole
        Whether the way up takes the whole image.
    """

    cone: Cone
    place: Pair | None
    whole: bool


@dataclass(frozen=True)
class Part:
    """Units that are computed together: ``rows`` of the batch."""

    rows: tuple[int, ...]
    cone: Cone
    places: tuple[Pair, ...] | None
    whole: bool

    @property
    def frame(self) -> Frame:
        """The windows of all maps."""
        return Frame(self.cone.graph, self.cone.spans, self.places)

    def split(self) -> list[Part]:
        """Parts of it, alike in size, for several threads that each keep theirs in a cache."""
        count = len(self.rows)
        most = max(1, min(MOST_TOGETHER, TOGETHER // (4 * self.cone.widest)))
        pieces = max(min(count, torch.get_num_threads()), -(-count // most))
        ends = [number * count // pieces for number in range(pieces + 1)]
        return [self.only(range(a, b)) for a, b in pairwise(ends)]

    def only(self, numbers: Sequence[int]) -> Part:
        """Some of its units."""
        rows = tuple(self.rows[n] for n in numbers)
        places = None if self.places is None else tuple(self.places[n] for n in numbers)
        return replace(self, rows=rows, places=places)


class Switches:
    """What was kept of ways up for the ways down: bounded, least recently used goes first.

    Safe to use from several threads.

    Parameters
    ----------
    limit
        In bytes.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.bytes = 0
        self._tapes: OrderedDict[Hashable, Tape] = OrderedDict()
        self._lock = ProcessLock()

    def find(self, key: Hashable, nodes: Sequence[int]) -> Tape | None:
        """The tape of a way up, if all of ``nodes`` are on it."""
        with self._lock:
            tape = self._tapes.get(key)
            if tape is None or any(n not in tape for n in nodes):
                return None
            self._tapes.move_to_end(key)
            return tape

    def keep(self, key: Hashable, tape: Tape) -> None:
        """Add to what is kept of a way up."""
        with self._lock:
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
    """Signals at the pixels, (n, channels, rows, columns), and three of each unit, (n,).

    The three are its value, how strong a signal of it crosses near ties (`Crossing`), and
    whether all its pixels are numbers.
    """

    pixels: Tensor
    values: Tensor
    near_ties: Tensor
    finite: Tensor


Name = tuple[Hashable, Ref, Pair | None]
"""An image, a layer and a unit's place in it; None for all of the image."""

VALUES = -1
"""Where a tape has the values of the layer itself, beside what nodes keep."""


class GraphProjector:
    """Projects units of a layer: each the cheapest way there is for it.

    A unit of an image has the same bits whatever is kept, and whatever is computed beside it: its
    `UnitRoute` follows from its layer and place, whole images go up one by one, and windows of
    several units share a call only where that leaves each as it is by itself (`Operation.exact`).

    Parameters
    ----------
    graph
        Graph of the network.
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
        self._ways: dict[tuple[Ref, Pair], UnitRoute] = {}

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

    def way(self, top: Ref, place: Pair) -> UnitRoute:
        """How a unit is computed; the last ones asked for are kept. Raises `NoWindow`."""
        found = self._ways.get((top, place))
        if found is None:
            if len(self._ways) >= 4096:
                self._ways.clear()
            found = self._ways[top, place] = self._choose(top, place)
        return found

    def _choose(self, top: Ref, place: Pair) -> UnitRoute:
        cone = self.cone(top)
        at: Pair | None = place
        starting = self.costs.per_operation * len(cone.nodes)
        if cone.work > starting:  # clipping can't save more than it is
            clipped = Cone.below(self.graph, top, place)
            if cone.work - clipped.work > starting:
                cone, at = clipped, None
        whole = self.costs.whole_up or cone.gated or cone.work >= self.whole_work(top)
        return UnitRoute(cone, at, whole)

    def whole_work(self, top: Ref) -> int:
        """Multiply-adds of one way, up or down, of a whole image."""
        return sum(multiply_adds(node, prod(node.shape[-2:])) for node in self.graph.above(top))

    def _most_work(self, top: Ref) -> int:
        """Multiply-adds of one way of any unit of a layer: cones are clipped to the image."""
        return min(self.cone(top).work, self.whole_work(top))

    def project(
        self,
        images: Tensor,
        keys: Sequence[Hashable],
        top: Ref,
        units: Sequence[tuple[int, int, int]],
        invert: Invert,
        kept: Kept,
    ) -> Result:
        """Project one unit (channel, row, col) per image.

        Parameters
        ----------
        images
            (n, channels, rows, columns) float32.
        keys
            What tells the images apart; None for one that isn't to be kept.
        """
        with one_thread():
            count, channels, rows, cols = images.shape
            # laid out as records have them
            pixels = images.new_zeros((count, rows, cols, channels)).permute(0, 3, 1, 2)
        values, near_ties = images.new_zeros((2, len(units)))
        found = Result(pixels, values, near_ties, torch.ones_like(values, dtype=torch.bool))

        @computing(images.device)
        def compute(part: Part) -> None:
            """Some of the units, into their places of what is found."""
            rows = list(part.rows)
            tape = self._up(part, images, keys, top, kept)
            at = [units[row][0] for row in rows]
            every = list(range(len(rows)))
            start = tape[VALUES][every, at, 0, 0]
            signal = images.new_zeros((len(rows), self.graph.shape(top)[1], 1, 1))
            signal[every, at, 0, 0] = start
            crossing = Crossing()
            frame = part.frame
            below = descend(frame, part.cone.nodes, signal, top, tape, invert, crossing)
            paste([found.pixels[row] for row in rows], below, frame.starts(part.cone.spans[IMAGE]))
            found.values[rows] = start
            found.near_ties[rows] = crossing.share(start)
            found.finite[rows] = torch.isfinite(below).flatten(1).all(1)

        parts = self.parts(top, [(row, col) for _, row, col in units])
        work = self._most_work(top)
        if work > self.costs.one_thread:
            for part in parts:
                compute(part)
        elif work < self.costs.several:
            with one_thread():
                for part in parts:
                    compute(part)
        else:
            side_by_side(compute, [some for part in parts for some in part.split()])
        return found

    def parts(self, top: Ref, places: Sequence[Pair]) -> list[Part]:
        """Units whose windows have one size together, the others each by itself."""
        ways = [self.way(top, place) for place in places]
        parts = []
        for whole in (False, True):
            rows = [n for n, way in enumerate(ways) if way.place and way.whole == whole]
            if rows:
                at = tuple(places[n] for n in rows)
                parts.append(Part(tuple(rows), ways[rows[0]].cone, at, whole))
        parts += [Part((n,), w.cone, None, w.whole) for n, w in enumerate(ways) if not w.place]
        return parts

    def _up(
        self, part: Part, images: Tensor, keys: Sequence[Hashable], top: Ref, kept: Kept
    ) -> Tape:
        """What the way down needs, and the values at the units' places (`VALUES`)."""
        wanted = self._wanted(part.cone, kept)
        if part.whole:
            wholes = [self._whole(images[row], keys[row], top, kept) for row in part.rows]
            return _windows(wholes, part, top, wanted)
        places = part.frame.starts(part.cone.spans[top])
        names = [(keys[row], top, place) for row, place in zip(part.rows, places, strict=True)]
        tapes = [self._find(name, wanted) for name in names]
        missing = [number for number, tape in enumerate(tapes) if tape is None]
        if missing:
            some = part.only(missing)
            span = part.cone.spans[IMAGE]
            window = crop([images[row] for row in some.rows], some.frame.starts(span), span.size)
            values, together = ascend(some.frame, part.cone.nodes, window, top, kept)
            together[VALUES] = values
            for i, number in enumerate(missing):
                own = {index: entry[i : i + 1] for index, entry in together.items()}
                tapes[number] = self._keep(names[number], own)
            if len(missing) == len(tapes):
                return together
        return {i: torch.cat([tape[i] for tape in tapes if tape is not None]) for i in wanted}

    def keep(self, images: Tensor, keys: Sequence[Hashable], top: Ref, kept: Kept) -> None:
        """Keep the switches of whole images, if units of this layer go up so."""
        rows, cols = self.graph.shape(top)[-2:]
        if self.way(top, (rows // 2, cols // 2)).whole:  # whose cone is clipped least
            with self._threads(top):
                for image, key in zip(images, keys, strict=True):
                    self._whole(image, key, top, kept)

    def _threads(self, top: Ref) -> AbstractContextManager[None]:
        """How many threads operations have inside, for a layer: it decides how they round."""
        small = self._most_work(top) <= self.costs.one_thread
        return one_thread() if small else nullcontext()

    def _whole(self, image: Tensor, key: Hashable, top: Ref, kept: Kept) -> Tape:
        """What a whole image leaves for the ways down from a layer, (channels, rows, columns)."""
        cone = self.cone(top)
        name = (key, top, None)
        tape = self._find(name, self._wanted(cone, kept))
        if tape is None:
            alone = image[None].clone(memory_format=torch.contiguous_format)
            frame, nodes = whole_frame(cone), self.graph.above(top)
            values, found = ascend(frame, nodes, alone, top, kept)
            found[VALUES] = values
            tape = self._keep(name, {index: entry[0] for index, entry in found.items()})
        return tape

    def _find(self, name: Name, wanted: Sequence[int]) -> Tape | None:
        return None if name[0] is None else self.kept.find(name, wanted)

    def _keep(self, name: Name, tape: Tape) -> Tape:
        if name[0] is None:
            return tape
        own = {  # without the rest of a batch
            index: entry.clone() if entry.untyped_storage().nbytes() > entry.nbytes else entry
            for index, entry in tape.items()
        }
        self.kept.keep(name, own)
        return own

    def _wanted(self, cone: Cone, kept: Kept) -> list[int]:
        return [VALUES, *(n.index for n in cone.nodes if operation(n).keeps(n, kept))]

    def switches(
        self, image: Tensor, key: Hashable, top: Ref, unit: tuple[int, int, int]
    ) -> tuple[Tensor, ...]:
        """Flat indices into each max-pool's input, (1, channels, rows, columns) int64.

        Nearest the unit first. Those that a unit's projection uses are those of its way up; the
        others, which its signal can't reach, are the whole image's.
        """
        kept = Kept()
        (part,) = self.parts(top, [unit[1:]])
        with self._threads(top):
            whole = self._whole(image, key, top, kept)
            own = self._up(part, image[None], [key], top, kept)
        found = []
        for node in reversed(part.cone.nodes):
            if is_max_pool(node):
                packed = whole[node.index][None].clone()
                span = span_of(node, part.frame)
                paste(packed, own[node.index], part.frame.starts(span))
                shape = pair(node.input_shapes[0][-2:])
                found.append(unpack(packed, slide_of(node), shape).contiguous())
        return tuple(found)


def whole_frame(cone: Cone) -> Frame:
    """All of every map in a cone."""
    shapes = {ref: pair(cone.graph.shape(ref)[-2:]) for ref in cone.spans}
    return Frame(cone.graph, {ref: Span((0, 0), (0, 0), shape) for ref, shape in shapes.items()})


def _windows(tapes: Sequence[Tape], part: Part, top: Ref, wanted: Sequence[int]) -> Tape:
    """The windows of whole images' tapes."""
    frame, graph = part.frame, part.cone.graph
    out: Tape = {}
    for index in wanted:
        span = part.cone.spans[top] if index == VALUES else span_of(graph.nodes[index], frame)
        entries = [tape[index] for tape in tapes]
        if entries[0].shape[-2:] == (1, 1):
            out[index] = torch.stack(entries)
        else:
            out[index] = crop(entries, frame.starts(span), span.size)
    return out
