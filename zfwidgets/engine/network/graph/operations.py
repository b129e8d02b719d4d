"""What each operation does to receptive fields: tables by the operation's name.

What isn't in the table is followed no further: everything behind it has the whole image as an
upper bound of its receptive field.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from ....records import Ints
from . import channelwise, vocabulary
from .geometry import (
    EVERYWHERE,
    GLOBAL,
    POINT,
    UNFOLLOWED,
    Fields,
    Geometry,
    Mirror,
    Mixing,
    Pair,
    Slide,
    Window,
    pair,
    united,
    without_places,
)

if TYPE_CHECKING:
    from .graph import Node

Shape = tuple[int, ...]


def two(value: int | Sequence[int], default: Pair = (1, 1)) -> Pair:
    """PyTorch's int-or-list arguments as (rows, columns)."""
    if isinstance(value, int):
        return value, value
    if not value:
        return default
    return (value[0], value[0]) if len(value) == 1 else (value[-2], value[-1])


def is_vector(shape: Shape) -> bool:
    """One value a channel: rows and columns are 1 x 1, or gone."""
    return len(shape) <= 2 or tuple(shape[-2:]) == (1, 1)


def follow(node: Node, inputs: Sequence[Fields]) -> tuple[Geometry, list[Fields]]:
    """The geometry of a node and the windows of its outputs, given those of its inputs."""
    known = node.func is not None and node.shapes
    geometry = _TABLE.get(node.name, _unfollowed)(node) if known else UNFOLLOWED
    windows = [window for fields in inputs for window in fields.windows]
    origin = None if isinstance(geometry, Mixing) else _CHANNELS.get(node.name)
    if windows == windows[:1] * len(windows) and origin not in channelwise.BESIDE_CONSTANTS:
        origin = None
    sources: channelwise.Sources = []
    if origin is not None:
        starts = np.cumsum([0, *(len(fields.windows) for fields in inputs)])
        arrays = [fields.which + start for fields, start in zip(inputs, starts, strict=False)]
        sources = origin(node, arrays)
    sources += [None] * (len(node.shapes) - len(sources))
    common = _after(node, geometry, [fields.window for fields in inputs])
    return geometry, [
        Fields.alike(common, shape)
        if of is None
        else _by_channel(node, geometry, windows, of, without_places(shape))
        for of, shape in zip(sources, node.shapes, strict=True)
    ]


def _by_channel(
    node: Node, geometry: Geometry, windows: list[Window | None], sources: Ints, shape: Shape
) -> Fields:
    """The fields of an output, from the numbers of the windows that its channels come from."""
    rows, which = np.unique(sources.reshape(-1, sources.shape[-1]), axis=0, return_inverse=True)
    numbered = [*windows, None]  # so that NONE, -1, is no window
    found = [_after(node, geometry, [numbered[number] for number in row]) for row in rows]
    different = list(dict.fromkeys(found))
    numbers = np.array([different.index(window) for window in found])[which.ravel()]
    return Fields(
        tuple(different), np.broadcast_to(numbers.reshape(sources.shape[:-1]), shape).copy()
    )


def _after(node: Node, geometry: Geometry, windows: Sequence[Window | None]) -> Window | None:
    """The window of what is computed from elements with these windows."""
    gated = _behind_gates(node, windows)
    if gated is not None:
        return gated
    merged = united(windows)
    if merged is None:
        return None
    after = geometry.after(merged)
    return after if node.name in _KEEPS_SIGN else replace(after, rectified=is_rectifier(node))


def is_rectifier(node: Node) -> bool:
    """Whether no output is below zero, by a bound at zero."""
    if node.name == "relu":
        return True
    parameter = _BOUNDS.get(node.name)
    bound = node.read(parameter) if parameter else None
    return isinstance(bound, (int, float)) and bound == 0


_BOUNDS = {
    "clamp": "min",
    "clamp_min": "min",
    "hardtanh": "min_val",
    "leaky_relu": "negative_slope",
}
"""What must be zero for an operation to be a rectifier."""


def gate(node: Node) -> int | None:
    """Which input of a product is a gate: one value a channel, beside a map that has places."""
    if node.name != "mul" or len(node.inputs) != 2:
        return None
    vectors = [is_vector(shape) for shape in node.input_shapes]
    return vectors.index(True) if sum(vectors) == 1 else None


def _behind_gates(node: Node, windows: Sequence[Window | None]) -> Window | None:
    number = gate(node)
    if number is None:
        return None
    opens, through = windows[number], windows[1 - number]
    if opens is None or through is None or opens.reach != "global":
        return None
    return replace(through, reach="gated", rectified=False) if through.bounded else GLOBAL


def _convolution(node: Node) -> Geometry:
    if node.read("transposed") or len(node.input_shapes[0]) != 4:
        return UNFOLLOWED
    kernel = pair(node.read("weight").shape[-2:])
    return Slide(kernel, *(two(node.read(name)) for name in ("stride", "padding", "dilation")))


def _pool(node: Node) -> Geometry:
    kernel = two(node.read("kernel_size"))
    stride = two(node.read("stride"), kernel)
    dilation = two(node.read("dilation", 1))
    return Slide(kernel, stride, two(node.read("padding")), dilation)


def _adaptive_pool(node: Node) -> Geometry:
    before, after = pair(node.input_shapes[0][-2:]), pair(node.shape[-2:])
    if after == (1, 1) and before != (1, 1):
        return EVERYWHERE
    if any(b % a for b, a in zip(before, after, strict=True)):
        return UNFOLLOWED
    ratio = pair(b // a for b, a in zip(before, after, strict=True))
    return Slide(ratio, ratio)


def _reduction(node: Node) -> Geometry:
    shape = node.input_shapes[0]
    dim = node.read("dim")
    dims = range(len(shape)) if dim is None or dim == [] else [dim] if isinstance(dim, int) else dim
    spatial = {len(shape) - 2, len(shape) - 1}
    if not spatial & {d % len(shape) for d in dims} or is_vector(shape):
        return POINT
    return EVERYWHERE


def _constant_pad(node: Node) -> Geometry:
    left, _, top, _ = (*node.read("pad"), 0, 0, 0, 0)[:4]
    return Slide(padding=(top, left))


def _mirror_pad(node: Node) -> Geometry:
    left, right, top, bottom = node.read("padding")
    return Mirror((top, left), (bottom, right))


def _view(node: Node) -> Geometry:
    """A view keeps windows when it leaves the last two axes (rows, columns) as they were."""
    before, after = node.input_shapes[0], node.shape
    if is_vector(before):
        return POINT
    kept = len(before) >= 3 and len(after) >= 3 and before[-2:] == after[-2:]
    return POINT if kept else EVERYWHERE


def _transpose(node: Node) -> Geometry:
    rank = len(node.input_shapes[0])
    dims = {node.read("dim0") % rank, node.read("dim1") % rank}
    moved = dims & {rank - 2, rank - 1} and not is_vector(node.input_shapes[0])
    return UNFOLLOWED if moved else POINT


def _linear(node: Node) -> Geometry:
    return POINT if is_vector(node.input_shapes[0]) else UNFOLLOWED


def _avg_pool3d(node: Node) -> Geometry:
    """Local response normalisation averages squares over neighbouring channels with it."""
    return POINT if tuple(node.read("kernel_size")[-2:]) == (1, 1) else UNFOLLOWED


def _concat(node: Node) -> Geometry:
    rank = len(node.shape)
    return UNFOLLOWED if rank > 2 and node.read("dim") % rank >= rank - 2 else POINT


def _point(node: Node) -> Geometry:
    return POINT


def _unfollowed(node: Node) -> Geometry:
    return UNFOLLOWED


_POOLS = vocabulary.MAX_POOLS | {"avg_pool2d"}
_ADAPTIVE_POOLS = frozenset({"_adaptive_avg_pool2d", "adaptive_max_pool2d"})
_KEEPS_SIGN = vocabulary.MAX_POOLS | vocabulary.VIEWS | {"cat", "detach", "alias", "clone"}

_TABLE: dict[str, Callable[[Node], Geometry]] = {
    **dict.fromkeys(vocabulary.POINTWISE, _point),
    **dict.fromkeys(vocabulary.VIEWS, _view),
    **dict.fromkeys(vocabulary.CONVOLUTIONS, _convolution),
    **dict.fromkeys(_POOLS, _pool),
    "avg_pool3d": _avg_pool3d,
    **dict.fromkeys(_ADAPTIVE_POOLS, _adaptive_pool),
    **dict.fromkeys(vocabulary.REDUCTIONS, _reduction),
    "constant_pad_nd": _constant_pad,
    **dict.fromkeys(vocabulary.MIRROR_PADS, _mirror_pad),
    "transpose": _transpose,
    **dict.fromkeys([*vocabulary.MATRICES, "t", "permute"], _linear),
    "cat": _concat,
}

_CHANNELS: dict[str, channelwise.Origin] = {
    **dict.fromkeys(vocabulary.POINTWISE, channelwise.own),
    **dict.fromkeys([*vocabulary.VIEWS, "transpose", "permute", "t"], channelwise.moved),
    **dict.fromkeys(vocabulary.CONVOLUTIONS, channelwise.of_its_group),
    **dict.fromkeys([*_POOLS, *_ADAPTIVE_POOLS, *vocabulary.MIRROR_PADS], channelwise.own),
    **dict.fromkeys(vocabulary.REDUCTIONS, channelwise.reduced),
    **dict.fromkeys(vocabulary.MATRICES, channelwise.every),
    **dict.fromkeys(["cat", "stack"], channelwise.joined),
    "constant_pad_nd": channelwise.padded,
    "avg_pool3d": channelwise.neighbours,
}
"""Where an operation's channels come from; what isn't listed mixes them."""
