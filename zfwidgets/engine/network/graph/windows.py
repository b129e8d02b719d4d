"""Operations on parts of maps: how each runs upwards and is inverted downwards on a window.

A `Frame` says which part of every map is at hand, for a batch of units. Places outside of a map
are its padding: `Frame.take` fills them with what the operation above pads with, `Frame.put` drops
the signal that reaches them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from .geometry import POINT, Pair, Slide, Span
from .graph import Graph, Node, Ref
from .operations import is_vector

Signals = dict[Ref, Tensor]


class NoWindow(Exception):
    """An operation that can't be computed on a part of its map."""


@dataclass(frozen=True)
class Frame:
    """The part of each map that a batch of units needs.

    Attributes
    ----------
    spans
        Per tensor. Relative to the units' places, or absolute (step 0).
    places
        Rows and columns of the units; None where spans are absolute and clipped.
    """

    graph: Graph
    spans: dict[Ref, Span]
    places: tuple[Pair, ...] | None = None

    def take(self, values: Tensor, ref: Ref, need: Span, fill: float | None) -> Tensor:
        """``values`` over the span of ``ref`` as values over ``need``, ``fill`` outside the map.

        Without ``fill`` what is outside of the map may be anything.
        """
        if is_vector(self.graph.shape(ref)):
            return values
        have = self.spans[ref]
        if fill is not None:
            values = self._fill_outside(values, ref, have, fill, own=False)
        return _resize(values, have, need, fill or 0.0)

    def put(self, signal: Tensor, ref: Ref, has: Span, spills: bool = False) -> Tensor:
        """A signal over the span ``has`` of a map as one over its own span.

        With ``spills`` some of it may have reached places outside of the map: they become zero.
        """
        if is_vector(self.graph.shape(ref)):
            return signal
        want = self.spans[ref]
        signal = _resize(signal, has, want, 0.0)
        return self._fill_outside(signal, ref, want, 0.0, own=True) if spills else signal

    def each(self, run: Callable[[Tensor], Tensor], batch: Tensor) -> Tensor:
        """Run each unit by itself: kernels may add up in another order for more of them."""
        if len(batch) == 1:
            return run(batch)
        return torch.cat([run(one(batch, number)) for number in range(len(batch))])

    def apart(self) -> list[Frame]:
        """One for each unit."""
        return [replace(self, places=(place,)) for place in self.places or ()]

    def starts(self, span: Span) -> list[Pair]:
        """First row and column of each unit's window."""
        if self.places is None:
            return [span.start]
        (down, across), (top, left) = span.step, span.start
        return [(row * down + top, col * across + left) for row, col in self.places]

    def _fill_outside(
        self, values: Tensor, ref: Ref, span: Span, fill: float, *, own: bool
    ) -> Tensor:
        """Put ``fill`` where windows reach over the map's border; in place if they are ``own``."""
        rows, cols = self.graph.shape(ref)[-2:]
        height, width = span.size
        for number, (top, left) in enumerate(self.starts(span) if self.places else ()):
            if top >= 0 and left >= 0 and top + height <= rows and left + width <= cols:
                continue
            if not own:
                values, own = values.clone(), True
            one = values[number]
            if top < 0:
                one[..., :-top, :].fill_(fill)
            if top + height > rows:
                one[..., max(rows - top, 0) :, :].fill_(fill)
            if left < 0:
                one[..., :-left].fill_(fill)
            if left + width > cols:
                one[..., max(cols - left, 0) :].fill_(fill)
        return values


def _resize(values: Tensor, have: Span, need: Span, fill: float) -> Tensor:
    if (have.start, have.size) == (need.start, need.size):
        return values
    (top, left), (bottom, right) = (
        tuple(a - b for a, b in zip(have.start, need.start, strict=True)),
        tuple(a - b for a, b in zip(need.end, have.end, strict=True)),
    )
    return F.pad(values, (left, right, top, bottom), value=fill)


# What is kept of the way up for the way down, by node: switches, gates, inputs of nonlinear
# operations and of rectifiers.
Tape = dict[int, Tensor]


@dataclass(frozen=True)
class Kept:
    """What is needed of the way up besides gates and inputs of nonlinear operations."""

    rectifiers: bool = False
    switches: bool = True


class Operation:
    """How a kind of operation runs on windows. The base class: pointwise, as PyTorch runs it."""

    linear = False

    def check(self, node: Node, graph: Graph) -> None:
        """Raise `NoWindow` where this node is a case that windows don't cover."""
        if node.func is None or node.geometry != POINT:
            raise NoWindow(node.name)
        for value in (*node.args, *node.kwargs.values()):
            if isinstance(value, Tensor) and value.dim() >= 3 and not is_vector(value.shape):
                raise NoWindow(f"{node.name} with a map of constants")
        if self.linear and any(s[-2:] != node.shape[-2:] for s in node.input_shapes):
            raise NoWindow(f"{node.name} of maps of different sizes")

    def exact(self, node: Node) -> bool:
        """Whether each unit of a batch gets the bits that it gets by itself.

        So it is where nothing rounds, or one rounding makes each value: sums may be added in
        another order in a batch, and functions are evaluated otherwise at the end of a tensor.
        """
        return False

    def descends(self, node: Node) -> tuple[int, ...]:
        """Which inputs the signal goes down to."""
        return tuple(range(len(node.inputs)))

    def keeps(self, node: Node, kept: Kept) -> bool:
        """Whether the way down needs something of the way up."""
        return not self.linear

    def up(self, node: Node, frame: Frame, values: Signals, tape: Tape, kept: Kept) -> list[Tensor]:
        """Outputs over their span."""
        inputs = self._inputs(node, frame, values)
        if not self.linear:
            self.keep(node, inputs, tape, kept)
        return _leaves(_call(node, inputs))

    def keep(self, node: Node, inputs: list[Tensor], tape: Tape, kept: Kept) -> None:
        """Put on the tape what `down` will need."""
        if len(inputs) != 1:
            raise NoWindow(f"{node.name} of several maps")
        tape[node.index] = inputs[0]

    def down(
        self, node: Node, frame: Frame, signals: list[Tensor | None], tape: Tape, rule: Any
    ) -> list[Tensor]:
        """Signals of the inputs that `descends` names."""
        span = span_of(node, frame)
        if self.linear:
            like = next(s for s in signals if s is not None)
            inputs = [
                like.new_zeros((len(like), *_sized(shape[1:], span))) for shape in node.input_shapes
            ]
        else:
            inputs = [tape[node.index]]
        grads = vjp(node, inputs, signals)
        return [frame.put(g, ref, span) for g, ref in zip(grads, node.inputs, strict=True)]

    def _inputs(self, node: Node, frame: Frame, values: Signals) -> list[Tensor]:
        span = span_of(node, frame)
        return [frame.take(values[ref], ref, span, None) for ref in node.inputs]


ALIGNED = 64
"""Bytes: PyTorch starts its tensors there, and libraries may round otherwise for others."""


def one(batch: Tensor, number: int) -> Tensor:
    """One of a batch, as if it had been computed by itself."""
    part = batch[number : number + 1]
    return part.clone() if part.data_ptr() % ALIGNED else part


def vjp(node: Node, inputs: list[Tensor], signals: list[Tensor | None]) -> list[Tensor]:
    """The operation's vector-Jacobian product, as autograd has it."""
    with torch.enable_grad():
        leaves = [x.detach().requires_grad_() for x in inputs]
        outputs = _leaves(_call(node, leaves))
        pairs = [(o, s) for o, s in zip(outputs, signals, strict=False) if s is not None]
        outs, outer = zip(*pairs, strict=True)
        return list(torch.autograd.grad(outs, leaves, outer))


def replay(node: Node, values: Signals) -> list[Tensor]:
    """Run a node as it was recorded, for one whole image."""
    if node.func is None:
        raise NoWindow(node.name)
    args, kwargs = node.substitute(values.__getitem__)
    return _leaves(node.func(*args, **kwargs))


def batched(node: Node, inputs: Sequence[Tensor]) -> list[Tensor]:
    """Run a node on whole maps of a batch of images; raises `NoWindow` where it can't."""
    if node.func is None:
        raise NoWindow(node.name)
    return _leaves(_call(node, inputs))


def _call(node: Node, inputs: Sequence[Tensor]) -> Any:
    """Run a pointwise operation on parts of maps."""
    remaining = iter(inputs)
    args, kwargs = node.substitute(lambda _: next(remaining))
    if node.name in ("view", "_unsafe_view", "reshape", "_reshape_alias", "expand"):
        size = (len(inputs[0]), *_sized(node.shape[1:], inputs[0]))
        return inputs[0].expand(size) if node.name == "expand" else inputs[0].reshape(size)
    return node.func(*args, **kwargs)


def _sized(shape: tuple[int, ...], part: Tensor | Span) -> tuple[int, ...]:
    """A map's shape with the rows and columns of a part of it."""
    if is_vector((1, *shape)):
        return shape
    return (*shape[:-2], *(part.size if isinstance(part, Span) else part.shape[-2:]))


def span_of(node: Node, frame: Frame) -> Span:
    """Over all outputs that are needed; those of one node have one size."""
    found = [
        frame.spans[Ref(node.index, i)]
        for i in range(len(node.shapes))
        if Ref(node.index, i) in frame.spans
    ]
    return found[0]


def _leaves(out: Any) -> list[Tensor]:
    return [out] if isinstance(out, Tensor) else [t for t in out if isinstance(t, Tensor)]


def slide_of(node: Node) -> Slide:
    """The geometry of a node that slides."""
    assert isinstance(node.geometry, Slide)
    return node.geometry
