"""Which tensors of a forward pass all of a unit's paths to the pixels go through."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ..network.graph.graph import IMAGE, Graph, Node, Ref
from ..network.graph.operations import is_rectifier


def bottlenecks(graph: Graph, top: Ref, channel: int | None = None) -> Iterator[Ref]:
    """Tensors that every path from a unit down to the image goes through, nearest first.

    Parameters
    ----------
    top
        The unit's layer, which isn't among them.
    channel
        The unit's. Where maps are concatenated its paths go into one branch, as far as one map
        becomes one map; None: into all branches.
    """
    waiting: dict[Ref, int | None] = {top: channel}
    while waiting:
        # Nothing below a tensor was computed after it: whatever leads to this one has been seen.
        at = max(waiting, key=lambda ref: (ref.node, ref.output))
        channel = waiting.pop(at)
        if at == IMAGE:
            return
        if not waiting and at != top:
            yield at
        for ref, below in _inputs(graph.nodes[at.node], channel):
            known = waiting.get(ref, below)
            waiting[ref] = below if known == below else None


def _inputs(node: Node, channel: int | None) -> Iterable[tuple[Ref, int | None]]:
    """The tensors that a map comes from, and which of their maps; None for all of them."""
    if channel is None or len(node.shape) < 2:
        return [(ref, None) for ref in node.inputs]
    if node.name == "cat" and node.read("dim") % len(node.shape) == 1:
        return _branch(node, channel)
    alike = all(shape[:2] == node.shape[:2] for shape in node.input_shapes)
    kept = channel if alike and (node.name in _MAP_BY_MAP or is_rectifier(node)) else None
    return [(ref, kept) for ref in node.inputs]


def _branch(node: Node, channel: int) -> Iterable[tuple[Ref, int]]:
    shapes = dict(zip(node.inputs, node.input_shapes, strict=True))
    for part in node.args[0]:
        width = (shapes[part] if isinstance(part, Ref) else part.shape)[1]
        if channel < width:
            return [(part, channel)] if isinstance(part, Ref) else []
        channel -= width
    return []


_MAP_BY_MAP = frozenset(
    """
    add sub mul div neg abs pow sigmoid tanh silu gelu elu hardswish hardsigmoid mish softplus
    leaky_relu clone alias detach lift_fresh _to_copy max_pool2d_with_indices avg_pool2d
    _adaptive_avg_pool2d adaptive_max_pool2d constant_pad_nd native_batch_norm
    _native_batch_norm_legit_no_training _batch_norm_no_update cudnn_batch_norm
    miopen_batch_norm
    """.split()
)
"""What makes a map of the one map in its place."""
