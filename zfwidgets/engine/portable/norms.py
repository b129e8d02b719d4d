"""Contrast norms across channels as one operation: their numbers, read from what was recorded.

x / (k + alpha * V) ** beta, where V is the mean of the squares of neighbouring channels, of a
contrast norm less the square of their mean. Whether they were read rightly is seen when what was
turned is compared with the network.
"""

from __future__ import annotations

from typing import Any

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
