"""Which channels of its inputs each channel of an operation's output is computed from.

Where branches are concatenated, channels have different receptive fields, and keep them until an
operation mixes them. So each operation that isn't listed here by `operations.py` is taken to mix
all of them.

Channels are told by numbers: an array has a number for each channel of a tensor, in the shape of
`without_places`. A function here takes a node and its inputs' arrays, and gives for each output
an array with one more axis: the numbers that a channel is computed from. It may have one channel
in the place of many that are computed from the same. None where it can't be told.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from ....records import Ints
from .geometry import without_places

if TYPE_CHECKING:
    from .graph import Node

NONE = -1
"""Instead of a channel's number: what depends on no pixel."""

Sources = list["Ints | None"]
Origin = Callable[["Node", "list[Ints]"], Sources]


def own(node: Node, arrays: list[Ints]) -> Sources:
    """Each from the channel in its place, of each input."""
    found = np.stack(np.broadcast_arrays(*arrays), -1)
    return [found if found.shape[:-1] == without_places(out) else None for out in node.shapes]


def every(node: Node, arrays: list[Ints]) -> Sources:
    """Each from all channels of all inputs."""
    numbers = np.unique(np.concatenate([array.ravel() for array in arrays]))
    return [numbers.reshape(*(1,) * len(out), -1) for out in node.shapes]


def of_its_group(node: Node, arrays: list[Ints]) -> Sources:
    """A convolution's, from all of its group."""
    array, groups, out = arrays[0], node.read("groups"), node.shape
    members = array.reshape(len(array), groups, -1)
    return [np.repeat(members, out[1] // groups, 1).reshape(*without_places(out), -1)]


def neighbours(node: Node, arrays: list[Ints]) -> Sources:
    """An average over neighbouring maps, as local response normalisation takes one."""
    size, stride = (node.read(name) for name in ("kernel_size", "stride"))
    if arrays[0].ndim != 5 or any(node.read("padding")) or set(stride) != {1}:
        return [None]
    return [np.lib.stride_tricks.sliding_window_view(arrays[0], size[0], axis=2)]


def reduced(node: Node, arrays: list[Ints]) -> Sources:
    """From all that one number is made of."""
    array, dim = arrays[0], node.read("dim")
    axes = [d % array.ndim for d in ([dim] if isinstance(dim, int) else dim or range(array.ndim))]
    rest = [axis for axis in range(array.ndim) if axis not in axes]
    kept = tuple(1 if axis in axes else n for axis, n in enumerate(array.shape))
    members = array.transpose(rest + axes).reshape(*kept, -1)
    found: Sources = []
    for out in node.shapes:
        shape = without_places(out)
        if len(shape) == len(kept):  # with 1 in the place of many, or as many as a softmax has
            found.append(members)
        else:
            found.append(members.reshape(*shape, -1) if prod(shape) == prod(kept) else None)
    return found


def padded(node: Node, arrays: list[Ints]) -> Sources:
    """Those of the input, and constants that are put beside them."""
    if arrays[0].ndim < 3:
        return [None]
    pads = [0, 0, 0, 0, *node.read("pad")[4:]]
    return [_numpy(torch.constant_pad_nd(torch.from_numpy(arrays[0]), pads, NONE))[..., None]]


def joined(node: Node, arrays: list[Ints]) -> Sources:
    """Concatenated or stacked, maybe beside constants."""
    known = dict(zip(node.inputs, arrays, strict=True))
    out, dim, parts = node.shape, node.read("dim") or 0, []
    for part in node.read("tensors"):
        constant = isinstance(part, Tensor)
        array = np.full(without_places(tuple(part.shape)), NONE) if constant else known[part]
        if array.shape != (0,):  # which PyTorch leaves out
            parts.append(array)
    if node.name == "stack":
        if dim % len(out) >= len(out) - 2 and len(out) > 2:
            return [None]
        dim %= len(out)
        parts = [np.expand_dims(part, dim) for part in parts]
    found = np.concatenate(parts, dim)
    return [found[..., None] if found.shape == without_places(out) else None]


def moved(node: Node, arrays: list[Ints]) -> Sources:
    """Where a view, a part or another order of a map has its channels: by doing it with numbers."""
    numbers = torch.from_numpy(np.broadcast_to(arrays[0], node.input_shapes[0]).copy())
    if node.name in ("view", "_unsafe_view", "reshape", "_reshape_alias"):
        outputs: tuple[Tensor, ...] = (numbers.reshape(node.shape),)
    else:
        args, kwargs = node.substitute(lambda ref: numbers)
        result = node.func(*args, **kwargs)
        outputs = (result,) if isinstance(result, Tensor) else tuple(result)
    found: Sources = []
    for output in outputs:
        places = _numpy(output)
        one = places[..., :1, :1] if places.ndim > 2 else places
        found.append(one[..., None] if (places == one).all() else None)
    return found


BESIDE_CONSTANTS = (joined, padded)
"""What may put channels that depend on no pixel beside others."""


def _numpy(tensor: Tensor) -> Ints:
    found: Ints = tensor.numpy()
    return found
