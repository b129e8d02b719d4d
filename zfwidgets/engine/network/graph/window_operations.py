"""How each operation runs upwards, and is inverted downwards, on a part of its map: one table."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from . import vocabulary
from .geometry import Slide
from .graph import Graph, Node
from .near_ties import largest
from .operations import gate, is_rectifier
from .switches import TIED, pool, unpool
from .transposed import channels_last, transposed
from .windows import (
    Frame,
    Kept,
    NoWindow,
    Operation,
    Signals,
    Tape,
    batched,
    slide_of,
    span_of,
    vjp,
)


class _Linear(Operation):
    """Linear and pointwise: sums, channels rearranged, views."""

    linear = True

    def exact(self, node: Node) -> bool:
        if node.name in ("add", "sub"):
            same = all(shape == node.shape for shape in node.input_shapes)
            return same and node.read("alpha", 1) in (1, -1)
        return node.name != "expand"  # whose transpose is a sum

    def down(
        self, node: Node, frame: Frame, signals: list[Tensor | None], tape: Tape, rule: Any
    ) -> list[Tensor]:
        parts = _parts(node, signals[0])
        if parts is None:
            return super().down(node, frame, signals, tape, rule)
        span = span_of(node, frame)
        return [frame.put(part, ref, span) for part, ref in zip(parts, node.inputs, strict=True)]


class _Convolution(Operation):
    linear = True

    def exact(self, node: Node) -> bool:
        return True  # as it is run one by one

    def check(self, node: Node, graph: Graph) -> None:
        if not isinstance(node.geometry, Slide) or len(node.inputs) != 1:
            raise NoWindow(node.name)

    def up(self, node: Node, frame: Frame, values: Signals, tape: Tape, kept: Kept) -> list[Tensor]:
        slide = slide_of(node)
        need = span_of(node, frame).below(slide)
        x = frame.take(values[node.inputs[0]], node.inputs[0], need, _fill(node, 0.0))
        weight, bias, groups = node.read("weight"), node.read("bias"), node.read("groups")
        if x.device.type == "cpu":  # there PyTorch's is faster so, above all for a single map
            x, weight = x.contiguous(memory_format=torch.channels_last), channels_last(weight)

        def filtered(one: Tensor) -> Tensor:
            return F.conv2d(one, weight, bias, slide.stride, 0, slide.dilation, groups)

        return [frame.each(filtered, x)]

    def down(
        self, node: Node, frame: Frame, signals: list[Tensor | None], tape: Tape, rule: Any
    ) -> list[Tensor]:
        slide = slide_of(node)
        assert signals[0] is not None
        weight, groups = node.read("weight"), node.read("groups")
        below = transposed(signals[0], weight, slide, groups, frame.each)
        span = span_of(node, frame).below(slide)
        return [frame.put(below, node.inputs[0], span, spills(node))]


class _MaxPool(Operation):
    """Maxima; their switches on the way down."""

    def exact(self, node: Node) -> bool:
        return True

    def check(self, node: Node, graph: Graph) -> None:
        slide = node.geometry
        if not isinstance(slide, Slide) or slide.kernel[0] * slide.kernel[1] >= TIED:
            raise NoWindow(node.name)

    def up(self, node: Node, frame: Frame, values: Signals, tape: Tape, kept: Kept) -> list[Tensor]:
        slide = slide_of(node)
        need = span_of(node, frame).below(slide)
        ref = node.inputs[0]
        x = frame.take(values[ref], ref, need, _fill(node, -torch.inf))
        scale = None
        if kept.switches:  # what lies outside of the map may be anything, NaN too
            scale = largest(frame.take(values[ref], ref, frame.spans[ref], 0.0))
        out, switches = pool(x, slide, scale)
        if switches is not None:
            tape[node.index] = switches
        return [out]

    def down(
        self, node: Node, frame: Frame, signals: list[Tensor | None], tape: Tape, rule: Any
    ) -> list[Tensor]:
        signal = signals[0]
        assert signal is not None
        slide, span = slide_of(node), span_of(node, frame)
        below = span.below(slide)
        filled = unpool(signal, tape[node.index], slide, below.size)
        return [frame.put(filled, node.inputs[0], below, spills(node))]


class _AveragePool(Operation):
    linear = True

    def check(self, node: Node, graph: Graph) -> None:
        slide = node.geometry
        if not isinstance(slide, Slide):
            raise NoWindow(node.name)
        if node.name == "avg_pool2d" and (
            node.read("divisor_override")
            or node.read("ceil_mode")
            or (not node.read("count_include_pad") and slide.padding != (0, 0))
        ):
            raise NoWindow(f"{node.name} that counts its border otherwise")

    def up(self, node: Node, frame: Frame, values: Signals, tape: Tape, kept: Kept) -> list[Tensor]:
        slide = slide_of(node)
        need = span_of(node, frame).below(slide)
        x = frame.take(values[node.inputs[0]], node.inputs[0], need, _fill(node, 0.0))
        return [F.avg_pool2d(x, slide.kernel, slide.stride)]

    def down(
        self, node: Node, frame: Frame, signals: list[Tensor | None], tape: Tape, rule: Any
    ) -> list[Tensor]:
        signal = signals[0]
        assert signal is not None
        slide = slide_of(node)
        share = 1 / (slide.kernel[0] * slide.kernel[1])
        weight = signal.new_full((signal.shape[1], 1, *slide.kernel), share)
        below = F.conv_transpose2d(signal, weight, None, slide.stride, groups=signal.shape[1])
        span = span_of(node, frame).below(slide)
        return [frame.put(below, node.inputs[0], span, spills(node))]


class _ConstantPad(Operation):
    linear = True

    def exact(self, node: Node) -> bool:
        return True

    def check(self, node: Node, graph: Graph) -> None:
        if not isinstance(node.geometry, Slide):
            raise NoWindow(node.name)

    def up(self, node: Node, frame: Frame, values: Signals, tape: Tape, kept: Kept) -> list[Tensor]:
        need = span_of(node, frame).below(slide_of(node))
        return [frame.take(values[node.inputs[0]], node.inputs[0], need, float(node.read("value")))]

    def down(
        self, node: Node, frame: Frame, signals: list[Tensor | None], tape: Tape, rule: Any
    ) -> list[Tensor]:
        assert signals[0] is not None
        span = span_of(node, frame).below(slide_of(node))
        return [frame.put(signals[0], node.inputs[0], span, spills(node))]


class _BatchNorm(Operation):
    """Batch normalisation with frozen statistics: a scale for each channel."""

    linear = True

    def down(
        self, node: Node, frame: Frame, signals: list[Tensor | None], tape: Tape, rule: Any
    ) -> list[Tensor]:
        signal = signals[0]
        assert signal is not None
        weight, variance = node.read("weight"), node.read("running_var")
        scale = (variance + (node.read("eps") or node.read("epsilon"))).rsqrt()
        scale = scale if weight is None else scale * weight
        below = signal * scale.view(1, -1, *[1] * (signal.dim() - 2))
        return [frame.put(below, node.inputs[0], span_of(node, frame))]


class _Rectifier(Operation):
    """A rule's place: see `zfwidgets.engine.projection.deconv`."""

    def exact(self, node: Node) -> bool:
        return True  # `projecting.inversion` runs rules of others one by one

    def keeps(self, node: Node, kept: Kept) -> bool:
        return kept.rectifiers

    def keep(self, node: Node, inputs: list[Tensor], tape: Tape, kept: Kept) -> None:
        if kept.rectifiers:
            tape[node.index] = inputs[0]

    def down(
        self, node: Node, frame: Frame, signals: list[Tensor | None], tape: Tape, rule: Any
    ) -> list[Tensor]:
        assert signals[0] is not None
        below = rule(node, signals[0], tape)
        return [frame.put(below, node.inputs[0], span_of(node, frame))]


class _Product(Operation):
    """By a constant: linear. By a gate: the gate is frozen, as switches are."""

    def check(self, node: Node, graph: Graph) -> None:
        super().check(node, graph)
        if len(node.inputs) == 2 and gate(node) is None:
            raise NoWindow(f"{node.name} of two maps")

    def keeps(self, node: Node, kept: Kept) -> bool:
        return gate(node) is not None

    def descends(self, node: Node) -> tuple[int, ...]:
        number = gate(node)
        return (0,) if number is None else (1 - number,)

    def keep(self, node: Node, inputs: list[Tensor], tape: Tape, kept: Kept) -> None:
        number = gate(node)
        if number is not None:
            tape[node.index] = inputs[number]

    def down(
        self, node: Node, frame: Frame, signals: list[Tensor | None], tape: Tape, rule: Any
    ) -> list[Tensor]:
        signal = signals[0]
        assert signal is not None
        through = self.descends(node)[0]
        if gate(node) is not None:
            below = signal * tape[node.index]
        else:
            (below,) = vjp(node, [torch.zeros_like(signal)], signals)
        return [frame.put(below, node.inputs[through], span_of(node, frame))]


class _Norm(Operation):
    """A contrast norm, passed by: no signal goes into what the map was divided by.

    So a cone doesn't hold that either, and the way up takes whole images.
    """

    linear = True

    def descends(self, node: Node) -> tuple[int, ...]:
        return (0,)

    def up(self, node: Node, frame: Frame, values: Signals, tape: Tape, kept: Kept) -> list[Tensor]:
        return batched(node, [values[ref] for ref in node.inputs])

    def down(
        self, node: Node, frame: Frame, signals: list[Tensor | None], tape: Tape, rule: Any
    ) -> list[Tensor]:
        assert signals[0] is not None
        return [frame.put(signals[0], node.inputs[0], span_of(node, frame))]


_LINEAR = (
    vocabulary.SUMS
    | vocabulary.VIEWS
    | (vocabulary.COPIES - {"copy"})
    | {"cat", "stack", "transpose"}
)
_NONLINEAR = vocabulary.SMOOTH | {"leaky_relu"}

_TABLE: dict[str, Operation] = {
    **dict.fromkeys(_LINEAR, _Linear()),
    **dict.fromkeys(_NONLINEAR, Operation()),
    **dict.fromkeys(vocabulary.BATCH_NORMS, _BatchNorm()),
    **dict.fromkeys(vocabulary.CONVOLUTIONS - {"mkldnn_convolution"}, _Convolution()),
    **dict.fromkeys(["max_pool2d_with_indices", "adaptive_max_pool2d"], _MaxPool()),
    **dict.fromkeys(["avg_pool2d", "_adaptive_avg_pool2d"], _AveragePool()),
    "constant_pad_nd": _ConstantPad(),
    **dict.fromkeys(vocabulary.PRODUCTS, _Product()),
}
_RECTIFIER, _NORM = _Rectifier(), _Norm()


def operation(node: Node) -> Operation:
    """How a node runs on windows; raises `NoWindow`."""
    if is_rectifier(node):
        return _RECTIFIER
    if node.norm:
        return _NORM
    found = _TABLE.get(node.name)
    if found is None or node.func is None:
        raise NoWindow(node.name)
    return found


def _parts(node: Node, signal: Tensor | None) -> list[Tensor] | None:
    """What a concatenation's and a sum's inputs get, the commonest where paths meet.

    Autograd gives the same, and has to import a second's worth of PyTorch's compiler first.
    """
    if signal is None:
        return None
    channels = [shape[1] for shape in node.input_shapes]
    if node.name == "cat" and node.read("dim", 0) in (1, 1 - len(node.shape)):
        return list(signal.split(channels, 1)) if sum(channels) == signal.shape[1] else None
    alike = len(channels) == 2 and all(shape == node.shape for shape in node.input_shapes)
    return [signal, signal] if node.name == "add" and alike and node.read("alpha", 1) == 1 else None


def is_max_pool(node: Node) -> bool:
    """Whether a node has switches."""
    return isinstance(_TABLE.get(node.name), _MaxPool)


def spills(node: Node) -> bool:
    """Whether a sliding operation reads places outside of its map: padding."""
    return any(
        pad > 0 or (n - 1) * stride + (kernel - 1) * dilation - pad > length - 1
        for n, length, kernel, stride, pad, dilation in zip(
            node.shape[-2:],
            node.input_shapes[0][-2:],
            slide_of(node).kernel,
            slide_of(node).stride,
            slide_of(node).padding,
            slide_of(node).dilation,
            strict=True,
        )
    )


def _fill(node: Node, padding: float) -> float | None:
    return padding if spills(node) else None
