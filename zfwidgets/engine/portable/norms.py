"""Norms as one operation each: their numbers, read from what was recorded.

Group and layer norms are one already: over all places of some channels side by side, or over the
channels of each place. A contrast norm across channels is recorded as what it is made of:
x / (k + alpha * V) ** beta, where V is the mean of the squares of neighbouring channels, of a
contrast norm less the square of their mean. Whether they were read rightly is seen when what was
turned is compared with the network.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

from torch import Tensor

from ...records import CONTRAST_NORM
from ..network.graph.graph import Graph, Node, Ref


class NotPortable(Exception):
    """An operation that a page can't run; says what of it."""


def norm(node: Node, graph: Graph) -> dict[str, Any]:
    """The quotient that ends a norm, as one operation of what is normed; raises `NotPortable`."""
    x, divisor = node.inputs
    root = graph.nodes[divisor.node]
    inner = _between(graph, root.inputs[0], x)
    means = [one for one in inner if one.name == "avg_pool3d"]
    pads = [one for one in inner if one.name == "constant_pad_nd"]
    sizes = {tuple(int(n) for n in one.read("kernel_size")) for one in means}
    before = {int(one.read("pad")[4]) for one in pads if len(one.read("pad")) >= 6}
    alphas = [one.read("other") for one in inner if one.name == "mul" and len(one.inputs) == 1]
    shifts = [one.read("other") for one in inner if one.name == "add" and len(one.inputs) == 1]
    beta = 0.5 if root.name == "sqrt" else root.read("exponent")
    scalars = (*alphas, *shifts, beta)
    alone = len(sizes) == len(before) == len(alphas) == len(shifts) == 1
    if not (alone and all(isinstance(one, (int, float)) for one in scalars)):
        raise NotPortable(f"of a {node.norm} that isn't across channels as usual")
    ((size, *places),) = sizes
    if places != [1, 1]:
        raise NotPortable(f"of a {node.norm} over places")
    return {
        "op": "norm",
        "size": size,
        "before": before.pop(),
        "alpha": float(alphas[0]),
        "k": float(shifts[0]),
        "beta": float(beta),
        "contrast": node.norm == CONTRAST_NORM,
    }


def _between(graph: Graph, top: Ref, end: Ref) -> list[Node]:
    """The nodes that a tensor is computed from, not looking behind another."""
    return graph.above(top, stop=[end])


def group_norm(node: Node, keep: Callable[[Any], int]) -> dict[str, Any]:
    """Over all places of some channels side by side."""
    return _standardised(node, keep, int(node.read("group")), apart=False)


def layer_norm(node: Node, keep: Callable[[Any], int], *, last: bool) -> dict[str, Any]:
    """Over the channels of a vector, or of each place where they come ``last``; else over a map."""
    normed, shape = tuple(node.read("normalized_shape")), tuple(node.input_shapes[0])
    over_all = not last and prod(normed) == prod(shape[1:])
    if not over_all and not (last and len(normed) == 1):
        raise NotPortable(f"over the last {len(normed)} sides of a map")
    weight = node.read("weight")
    if over_all and len(shape) > 2 and weight is not None:
        raise NotPortable("with weights for each place")
    return _standardised(node, keep, 1, apart=last)


def _standardised(
    node: Node, keep: Callable[[Any], int], groups: int, *, apart: bool
) -> dict[str, Any]:
    weight, bias = node.read("weight"), node.read("bias")
    if not all(one is None or isinstance(one, Tensor) for one in (weight, bias)):
        raise NotPortable("with weights that depend on the image")
    return {
        "op": "group_norm",
        "groups": groups,
        "apart": apart,
        "epsilon": float(node.read("eps")),
        **({} if weight is None else {"scale": keep(weight)}),
        **({} if bias is None else {"shift": keep(bias)}),
    }
