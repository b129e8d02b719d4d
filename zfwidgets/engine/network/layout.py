"""Which axis of each tensor holds the channels: not every network keeps them first.

Swin and ConvNeXt compute on (images, rows, columns, channels) in places, transformers on (images,
tokens, channels). Read as (images, channels, rows, columns) such a layer would show rows as
channels. So the axis is followed through the recorded operations.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import Tensor

from .graph.geometry import Pair
from .graph.graph import IMAGE, Graph, Node, Ref
from .graph.vocabulary import MATRICES, RESHAPES

FIRST = 1
"""Where images have their channels."""


@dataclass(frozen=True)
class Layout:
    """How a layer's output is laid out, where it isn't (images, channels, rows, columns).

    Attributes
    ----------
    channels
        Axis of the channels.
    grid
        Rows and columns of places that are tokens of one axis; None where rows and columns have
        axes of their own.
    before
        How many tokens come before those.
    """

    channels: int
    grid: Pair | None = None
    before: int = 0

    def channels_first(self, output: Tensor) -> Tensor:
        """A view of the output, (images, channels, rows, columns)."""
        turned = output.movedim(self.channels, 1)
        if self.grid is None:
            return turned
        rows, columns = self.grid
        places = turned[..., self.before : self.before + rows * columns]
        return places.reshape(*places.shape[:2], rows, columns)


_NEEDS_FIRST = {"convolution", "_convolution", "max_pool2d_with_indices", "native_batch_norm"}
_MIXES_LAST = MATRICES | {"native_layer_norm", "bmm"}


def channel_axes(graph: Graph) -> dict[Ref, int | None]:
    """The axis of the channels in each recorded tensor; None where it isn't known."""
    axes: dict[Ref, int | None] = {IMAGE: FIRST}
    for node in graph.nodes:
        axis = _after(node, [axes.get(ref) for ref in node.inputs])
        for number, shape in enumerate(node.shapes):
            fits = axis is not None and axis < len(shape)
            axes[Ref(node.index, number)] = axis if fits else None
    return axes


def _after(node: Node, before: list[int | None]) -> int | None:
    shape, out = node.input_shapes[0], node.shape
    axis = before[0]
    if node.name in _NEEDS_FIRST:
        return FIRST
    if node.name in _MIXES_LAST:
        return len(out) - 1
    if axis is None:
        # of several inputs with one shape, the known one (a shortcut beside an attention)
        same = [a for a, s in zip(before, node.input_shapes, strict=True) if s == out]
        return next((a for a in same if a is not None), None)
    if node.name == "permute":
        dims = [d % len(shape) for d in node.read("dims")]
        return dims.index(axis)
    if node.name in ("transpose", "t"):
        one, other = (_dim(node, name, len(shape), i) for i, name in enumerate(("dim0", "dim1")))
        return {one: other, other: one}.get(axis, axis)
    if node.name in RESHAPES:
        return _reshaped(axis, shape, out)
    if len(out) < len(shape):  # reduced or selected: the axes before the channels count
        gone = node.read("dim")
        dims = [d % len(shape) for d in ([gone] if isinstance(gone, int) else gone or [])]
        return None if axis in dims or not dims else axis - sum(d < axis for d in dims)
    if len(out) > len(shape):
        added = node.read("dim")
        return axis + (isinstance(added, int) and added % len(out) <= axis)
    return axis


def _dim(node: Node, name: str, rank: int, default: int) -> int:
    value: Any = node.read(name)
    return int(value) % rank if isinstance(value, int) else default


def _reshaped(axis: int, shape: tuple[int, ...], out: tuple[int, ...]) -> int | None:
    if axis == len(shape) - 1 and out[-1] == shape[-1]:
        return len(out) - 1
    if axis < len(out) and out[: axis + 1] == shape[: axis + 1]:
        return axis
    return None
