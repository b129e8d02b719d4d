"""How layers are connected: which read whose outputs, how these come together, and their blocks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from ...records import Join, LayerInfo
from .graph.graph import IMAGE, Graph, Ref

_JOINS: dict[str, Join] = {
    "add": "sum",
    "cat": "concatenation",
    "stack": "concatenation",
    "mul": "product",
}
"""What else brings several tensors together is called "other"."""


@dataclass(frozen=True)
class _Origin:
    """The nearest layers that a tensor was computed from, and how their outputs were joined."""

    layers: frozenset[str] = frozenset()
    joins: frozenset[Join] = frozenset()


def connected(
    layers: Sequence[LayerInfo], graph: Graph, holders: Mapping[str, Sequence[str]]
) -> tuple[LayerInfo, ...]:
    """Layers with what they read and the blocks that they belong to.

    Parameters
    ----------
    layers
        In the order of the forward pass.
    graph
        What was recorded of it. Where that can't stand for the model, ``parents`` stays None.
    holders
        By layer: the calls of modules that it was computed in, outermost first, the layer's own
        last. Without those of plain sequences, which only put others in a row.
    """
    blocks = _blocks([tuple(holders.get(layer.name, ())) for layer in layers])
    found = tuple(replace(one, blocks=own) for one, own in zip(layers, blocks, strict=True))
    if graph.obstacle:
        return found
    outputs = graph.layers | graph.reordered
    origins = _origins(graph, {ref: name for name, ref in outputs.items()})
    order = {layer.name: number for number, layer in enumerate(layers)}
    return tuple(
        replace(
            layer,
            parents=tuple(sorted(origin.layers, key=lambda name: order.get(name, -1))),
            joined=_joined(origin),
        )
        for layer in found
        for origin in [origins[outputs[layer.name].node]]
    )


def _origins(graph: Graph, layer_at: Mapping[Ref, str]) -> list[_Origin]:
    """Origin of each node, not looking behind the layers that it reads."""
    found: list[_Origin] = []

    def of(ref: Ref) -> _Origin:
        if ref == IMAGE:
            return _Origin(frozenset({""}))
        name = layer_at.get(ref)
        return found[ref.node] if name is None else _Origin(frozenset({name}))

    for node in graph.nodes:
        read = [of(ref) for ref in node.inputs]
        layers = frozenset[str]().union(*(one.layers for one in read))
        joins = frozenset[Join]().union(*(one.joins for one in read))
        if any(one.layers != layers for one in read):
            joins |= {_JOINS.get(node.name, "other")}
        found.append(_Origin(layers, joins))
    return found


def _joined(origin: _Origin) -> Join:
    if len(origin.layers) < 2:
        return ""
    (one, *others) = origin.joins
    return "other" if others else one


def _blocks(holders: Sequence[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Those calls, among each layer's, that say how the network is built.

    A call with a single layer is that layer, one with more than half of all layers is the network
    itself or its trunk, and one with the same layers as a call inside it only wraps that.
    """
    sizes = Counter(call for calls in holders for call in calls)
    kept = {call for call, size in sizes.items() if 2 <= size <= len(holders) / 2}
    for calls in holders:
        kept -= {outer for outer, inner in pairwise(calls) if sizes[outer] == sizes[inner]}
    return [tuple(call for call in calls if call in kept) for calls in holders]
