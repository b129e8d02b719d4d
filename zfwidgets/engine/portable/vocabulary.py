"""PyTorch's recorded operations as operations of a page's runtime, one function for each kind.

Each gives what the runtime needs beside its inputs and its value's shape, or raises
`NotPortable`. What does nothing to a single image (a copy) is `SAME`.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..network.graph import vocabulary
from ..network.graph.graph import Graph, Node, Ref
from ..network.graph.operations import gate, is_rectifier, is_vector, two
from .norms import NotPortable, group_norm, layer_norm, norm

Keep = Callable[[Any], int]
"""Keeps an array; its number."""
Lowered = dict[str, Any]
Lower = Callable[[Node, Keep], Lowered]

SAME: Lowered = {}

CHANNELS_LAST, CHANNELS_FIRST = (0, 2, 3, 1), (0, 3, 1, 2)
"""How a map's sides are permuted to put its channels last, and back."""
ANY_ORDER = vocabulary.BOUNDS | vocabulary.SMOOTH | vocabulary.COPIES | {"permute"}
"""What doesn't ask which side of a map its channels are."""


def inputs(node: Node) -> tuple[Ref, ...]:
    """What the runtime reads: of a norm what is normed, as what it is divided by is part of it."""
    return node.inputs[:1] if node.norm else node.inputs


def lower(node: Node, output: int, keep: Keep, graph: Graph, *, last: bool = False) -> Lowered:
    """An operation's output as the runtime makes it; raises `NotPortable`.

    ``last``: whether the channels of what it reads come last, which the runtime's never do.
    """
    if node.func is None:
        raise NotPortable("writes over a part of a tensor")
    if node.name in vocabulary.PARTS:
        return _part(node, output)
    if output:
        raise NotPortable("more than its first output is used")
    if node.name == "native_layer_norm":
        return layer_norm(node, keep, last=last)
    if last and node.name not in ANY_ORDER:
        raise NotPortable("of a map whose channels come last")
    if node.norm:
        return norm(node, graph)
    if is_rectifier(node):
        return _rectify(node, keep)
    known = _TABLE.get(node.name)
    if known is None:
        raise NotPortable("")
    return known(node, keep)


def _pair(value: Any) -> list[int]:
    return [int(n) for n in two(value)]


def _convolution(node: Node, keep: Keep) -> Lowered:
    weight, bias = node.read("weight"), node.read("bias")
    if len(node.input_shapes[0]) != 4 or len(node.inputs) != 1:
        raise NotPortable("other than of a map with filters that are the same for all images")
    transposed = bool(node.read("transposed"))
    return {
        "op": "conv_transposed" if transposed else "conv",
        "weight": keep(weight),
        **({} if bias is None else {"bias": keep(bias)}),
        "kernel": [int(n) for n in weight.shape[-2:]],
        "stride": _pair(node.read("stride")),
        "padding": _pair(node.read("padding")),
        "dilation": _pair(node.read("dilation")),
        "groups": int(node.read("groups")),
    }


def _matrix(weight: Tensor, bias: Any, node: Node, keep: Keep) -> Lowered:
    """A matrix product as a filter of one place; ``weight`` is (outputs, inputs)."""
    if len(node.inputs) != 1 or len(node.input_shapes[0]) != 2:
        raise NotPortable("of two signals, or of more than one place")
    if bias is not None and not isinstance(bias, Tensor):
        raise NotPortable("with a bias that depends on the image")
    return {
        "op": "conv",
        "weight": keep(weight[:, :, None, None]),
        **({} if bias is None else {"bias": keep(bias)}),
        "kernel": [1, 1],
        "stride": [1, 1],
        "padding": [0, 0],
        "dilation": [1, 1],
        "groups": 1,
    }


def _linear(node: Node, keep: Keep) -> Lowered:
    if not isinstance(node.read("weight"), Tensor):
        raise NotPortable("of two signals")
    return _matrix(node.read("weight"), node.read("bias"), node, keep)


def _addmm(node: Node, keep: Keep) -> Lowered:
    if node.read("beta", 1) != 1 or node.read("alpha", 1) != 1:
        raise NotPortable("with factors")
    weight = node.read("mat2")
    if not isinstance(weight, Tensor):
        raise NotPortable("of two signals")
    return _matrix(weight.t(), node.read("self"), node, keep)


def _mm(node: Node, keep: Keep) -> Lowered:
    weight = node.read("mat2")
    if not isinstance(weight, Tensor):
        raise NotPortable("of two signals")
    return _matrix(weight.t(), None, node, keep)


def _batch_norm(node: Node, keep: Keep) -> Lowered:
    mean, variance = node.read("running_mean"), node.read("running_var")
    if mean is None or variance is None:
        raise NotPortable("over the image's own statistics")
    epsilon = node.read("eps") or node.read("epsilon")
    scale = (variance.double() + epsilon).rsqrt()
    weight, bias = node.read("weight"), node.read("bias")
    scale = scale if weight is None else scale * weight.double()
    shift = -mean.double() * scale
    shift = shift if bias is None else shift + bias.double()
    return {"op": "scale", "scale": keep(scale), "shift": keep(shift)}


def _rectify(node: Node, keep: Keep) -> Lowered:
    most = next(
        (node.read(name) for name in ("max_val", "max") if node.name in ("hardtanh", "clamp")
         and node.read(name) is not None), None
    )  # fmt: skip
    if isinstance(most, Tensor):
        raise NotPortable("with bounds that are tensors")
    return {"op": "rectify", **({} if most is None else {"most": float(most)})}


def _leaky(node: Node, keep: Keep) -> Lowered:
    return {"op": "curve", "curve": "leaky", "slope": float(node.read("negative_slope", 0.01))}


def _curve(name: str) -> Lower:
    def lowered(node: Node, keep: Keep) -> Lowered:
        return {"op": "curve", "curve": name}

    return lowered


def _elu(node: Node, keep: Keep) -> Lowered:
    numbers = [node.read(name, 1) for name in ("alpha", "scale", "input_scale")]
    if numbers[1:] != [1, 1]:
        raise NotPortable("scaled, as SELU and CELU are")
    return {"op": "curve", "curve": "elu", "slope": float(numbers[0])}


def _gelu(node: Node, keep: Keep) -> Lowered:
    if node.read("approximate", "none") != "tanh":
        raise NotPortable("by the error function")
    return {"op": "curve", "curve": "gelu"}


def _windows(node: Node) -> Lowered:
    """The windows of a pool."""
    kernel = _pair(node.read("kernel_size"))
    return {
        "kernel": kernel,
        "stride": [int(n) for n in two(node.read("stride"), (kernel[0], kernel[1]))],
        "padding": _pair(node.read("padding", 0)),
    }


def _max_pool(node: Node, keep: Keep) -> Lowered:
    return {"op": "max_pool", **_windows(node), "dilation": _pair(node.read("dilation", 1))}


def _mean_pool(node: Node, keep: Keep) -> Lowered:
    return {
        "op": "mean_pool",
        **_windows(node),
        "padding_counts": bool(node.read("count_include_pad", True)),
        "divisor": int(node.read("divisor_override") or 0),
    }


def _adaptive_max(node: Node, keep: Keep) -> Lowered:
    before, after = node.input_shapes[0][-2:], node.shape[-2:]
    if any(b % a for b, a in zip(before, after, strict=True)):
        return {"op": "adaptive_max"}
    ratio = [int(b // a) for b, a in zip(before, after, strict=True)]
    whole = {"padding": [0, 0], "dilation": [1, 1]}
    return {"op": "max_pool", "kernel": ratio, "stride": ratio, **whole}


def _adaptive_mean(node: Node, keep: Keep) -> Lowered:
    return {"op": "adaptive_mean"}


def _mean(node: Node, keep: Keep) -> Lowered:
    rank, dims = len(node.input_shapes[0]), node.read("dim")
    dims = {d % rank for d in (dims if isinstance(dims, (list, tuple)) else [dims or 0])}
    if rank != 4 or dims != {2, 3}:
        raise NotPortable("over other than all places")
    return {"op": "adaptive_mean"}


def _add(node: Node, keep: Keep) -> Lowered:
    alpha = float(node.read("alpha", 1))
    sign = -1.0 if node.name == "sub" else 1.0
    first, other = node.read("self"), node.read("other")
    if isinstance(first, Ref) and isinstance(other, Ref):
        if len(set(node.input_shapes)) != 1:
            raise NotPortable("of maps of different sizes")
        return {"op": "add", "factors": [1.0, sign * alpha]}
    if isinstance(first, Ref):
        return {"op": "scale", "shift": keep(_per_channel(other, node) * (sign * alpha))}
    scale = _per_channel(sign * alpha, node)
    return {"op": "scale", "scale": keep(scale), "shift": keep(_per_channel(first, node))}


def _negated(node: Node, keep: Keep) -> Lowered:
    return {"op": "scale", "scale": keep(_per_channel(-1.0, node))}


def _product(node: Node, keep: Keep) -> Lowered:
    if len(node.inputs) == 2:
        number = gate(node)
        if node.name != "mul":
            raise NotPortable("of two maps")
        if number is not None and node.input_shapes[number][1] == node.shape[1]:
            return {"op": "gate", "through": 1 - number}
        return _of_two(node, gate=number)
    first, other = node.read("self"), node.read("other")
    if node.name == "div":
        if not isinstance(first, Ref):
            raise NotPortable("of a constant by a map")
        other = torch.as_tensor(other, dtype=torch.float64).reciprocal()
    constant = other if isinstance(first, Ref) else first
    return {"op": "scale", "scale": keep(_per_channel(constant, node))}


def _of_two(node: Node, gate: int | None) -> Lowered:
    """A product of two signals, of which one may be the same for all channels."""
    shapes = [tuple(shape) for shape in node.input_shapes]
    if gate is not None or any(
        len(shape) != len(node.shape)
        or shape[1] not in (1, node.shape[1])
        or shape[2:] != tuple(node.shape[2:])
        for shape in shapes
    ):
        raise NotPortable("of maps of different sizes")
    return {"op": "product"}


def _per_channel(value: Any, node: Node) -> Tensor:
    """A constant as one number for each channel."""
    channels = node.shape[1]
    found = torch.as_tensor(value, dtype=torch.float64).detach().cpu()
    if found.numel() == 1:
        return found.reshape(1).expand(channels).clone()
    shape = (*[1] * (len(node.shape) - found.dim()), *found.shape)
    if prod(shape) != channels or shape[1] != channels:
        raise NotPortable("with a map of constants")
    return found.reshape(channels)


def _concatenated(node: Node, keep: Keep) -> Lowered:
    parts = [part for part in node.read("tensors") if not _is_empty(part)]
    if not all(isinstance(part, Ref) for part in parts):
        raise NotPortable("with constants")
    if (node.read("dim") or 0) % len(node.shape) != 1 or len(node.shape) not in (2, 4):
        raise NotPortable("along other than the channels")
    return {"op": "concat"}


def _is_empty(part: Any) -> bool:
    return isinstance(part, Tensor) and tuple(part.shape) == (0,)


def _viewed(node: Node, keep: Keep) -> Lowered:
    """Views that leave a value's numbers in their order, in shapes that the runtime has."""
    before, after = node.input_shapes[0], node.shape
    if len(after) not in (2, 4) or len(before) not in (2, 4) or after[0] != 1:
        raise NotPortable(f"of {tuple(before)} as {tuple(after)}")
    return {"op": "view"}


def _part(node: Node, output: int) -> Lowered:
    """Some of the channels side by side."""
    rank = len(node.input_shapes[0])
    first = 0
    if node.name == "slice":
        first = min(int(node.read("start") or 0), node.input_shapes[0][1])
        stepped = int(node.read("step", 1) or 1) != 1
    else:
        stepped = node.name not in ("split", "split_with_sizes")
        first = sum(shape[1] for shape in node.shapes[:output] if len(shape) > 1)
    whole = tuple(node.input_shapes[0]) == tuple(node.shapes[output])
    if whole and not stepped:
        return SAME
    if stepped or first < 0 or rank not in (2, 4) or (node.read("dim") or 0) % rank != 1:
        raise NotPortable("along other than the channels")
    return {"op": "part", "first": first}


def _padded(node: Node, keep: Keep) -> Lowered:
    pads = [int(n) for n in node.read("pad")]
    left, right, top, bottom = (*pads, 0, 0, 0, 0)[:4]
    if any(pads[4:]) or len(node.shape) != 4:
        raise NotPortable("of channels")
    value = float(node.read("value", 0) or 0)
    return {"op": "pad", "before": [top, left], "after": [bottom, right], "value": value}


def _softmax(node: Node, keep: Keep) -> Lowered:
    if int(node.read("dim")) % len(node.shape) != 1 or not is_vector(node.shape):
        raise NotPortable("over other than the channels of one place")
    return {"op": "softmax"}


def _same(node: Node, keep: Keep) -> Lowered:
    return SAME


_TABLE: dict[str, Lower] = {
    **dict.fromkeys(vocabulary.CONVOLUTIONS, _convolution),
    "linear": _linear,
    "addmm": _addmm,
    "mm": _mm,
    **dict.fromkeys(vocabulary.BATCH_NORMS, _batch_norm),
    "leaky_relu": _leaky,
    "sigmoid": _curve("sigmoid"),
    "tanh": _curve("tanh"),
    "silu": _curve("silu"),
    "hardswish": _curve("hardswish"),
    "hardsigmoid": _curve("hardsigmoid"),
    "elu": _elu,
    "gelu": _gelu,
    **dict.fromkeys(vocabulary.MAX_POOLS, _max_pool),
    "avg_pool2d": _mean_pool,
    "adaptive_max_pool2d": _adaptive_max,
    "_adaptive_avg_pool2d": _adaptive_mean,
    "mean": _mean,
    **dict.fromkeys(["add", "sub"], _add),
    "neg": _negated,
    **dict.fromkeys(vocabulary.PRODUCTS, _product),
    "cat": _concatenated,
    **dict.fromkeys([*vocabulary.RESHAPES, "unsqueeze", "squeeze"], _viewed),
    "constant_pad_nd": _padded,
    "_softmax": _softmax,
    "native_group_norm": group_norm,
    "permute": _same,  # which ones, the lowering knows
    **dict.fromkeys(vocabulary.COPIES - {"copy", "detach"}, _same),
}


def numbers(value: Any) -> np.ndarray[Any, np.dtype[Any]]:
    """A tensor as float32 numbers."""
    found: np.ndarray[Any, np.dtype[Any]] = (
        torch.as_tensor(value).detach().to("cpu", torch.float32).contiguous().numpy()
    )
    return found
