"""The recorded graph as operations that a page runs by hand; says which it can't.

The runtime has these, each on one image's values (channels, rows, columns):

``conv`` (weight, bias, kernel, stride, padding, dilation, groups; matrix products too),
``conv_transposed`` (likewise: the transpose of that filter), ``scale`` (scale, shift: one number a
channel; batch norm, and constants), ``rectify`` (most), ``curve`` (curve, slope), ``norm`` (size,
before, alpha, k, beta, contrast: over neighbouring channels), ``group_norm`` (groups, epsilon,
scale, shift: over all places of a group; ``apart``: over all channels of a place), ``max_pool``
(kernel, stride, padding, dilation), ``mean_pool`` (padding_counts, divisor), ``adaptive_max``,
``adaptive_mean``, ``add`` (factors), ``product`` (of two signals), ``gate`` (through), ``concat``,
``part`` (first), ``pad`` (before, after, value), ``view``, ``softmax``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError
from ..network.graph.graph import IMAGE, Graph, Node, Ref
from ..network.network import Network
from .norms import NotPortable
from .record import PortableNetwork
from .vocabulary import CHANNELS_FIRST, CHANNELS_LAST, SAME, inputs, lower, numbers

ADVICE = "Save the report without alive=True: it holds all that is computed beforehand."


def lowered(network: Network, layers: Sequence[str], output: bool) -> PortableNetwork:
    """A network's graph below some layers and its class scores, in float32.

    Raises
    ------
    InputError
        An operation can't be run in a page: names each kind, with the first layer that needs it.
    """
    graph = network.graph
    if graph.obstacle:
        raise InputError(f"{network.name} can't live in a report: {graph.obstacle}. {ADVICE}")
    places = graph.layers | graph.reordered
    missing = [name for name in layers if name not in places]
    if missing:
        raise InputError(
            f"{network.name} can't live in a report: layer {missing[0]!r} isn't one of the "
            f"recorded operations' outputs. Leave it out (layers=...), or {ADVICE[0].lower()}"
            f"{ADVICE[1:]}"
        )
    wanted = [places[name] for name in layers]
    if output:
        if graph.output is None:
            raise InputError(
                f"{network.name} can't live in a report: its class scores aren't the output of a "
                f"recorded operation. {ADVICE}"
            )
        wanted.append(graph.output)
    lowering = _Lowering(graph)
    for ref in sorted(_used(graph, wanted), key=lambda at: (at.node, at.output)):
        lowering.add(ref)
    lowering.check_order(graph.reordered, layers)
    if lowering.refused:
        listed = "; ".join(lowering.refused.values())
        raise InputError(f"{network.name} can't live in a report: {listed}. {ADVICE}")
    channels, rows, columns = network.input_shape
    return PortableNetwork(
        (channels, rows, columns),
        tuple(lowering.operations),
        tuple(lowering.arrays),
        {name: lowering.values[places[name]] for name in layers},
        lowering.values[graph.output] if output and graph.output is not None else None,
        "float32",
    )


def _used(graph: Graph, wanted: Sequence[Ref]) -> set[Ref]:
    """The tensors that some are computed from, but for what is computed within a norm."""
    used, queue = set(), list(wanted)
    while queue:
        ref = queue.pop()
        if ref.node >= 0 and ref not in used:
            used.add(ref)
            queue += inputs(graph.nodes[ref.node])
    return used


class _Lowering:
    """What was turned so far.

    Attributes
    ----------
    values
        The number of each tensor's value.
    refused
        What can't be, by operation, in words.
    """

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self.operations: list[dict[str, Any]] = []
        self.arrays: list[NDArray[Any]] = []
        self.values: dict[Ref, int] = {IMAGE: 0}
        self.refused: dict[str, str] = {}
        self._kept: dict[int, tuple[Any, int]] = {}
        self._last: set[Ref] = set()  # whose channels come last

    def add(self, ref: Ref) -> None:
        """Turn one output of an operation."""
        node = self._graph.nodes[ref.node]
        self.values[ref] = -1
        last = any(one in self._last for one in inputs(node))
        try:
            if node.name == "permute":
                last = self._permutes(node, last)
            found = lower(node, ref.output, self._keep, self._graph, last=last)
            if last:
                self._last.add(ref)
            shape = _shape(self._graph.shape(ref), last=last)
        except NotPortable as why:
            what = f"{node.name} {why}".strip()
            self.refused.setdefault(node.name, f"layer {self._near(ref)!r} needs {what}")
            return
        read = [self.values[one] for one in inputs(node)]
        if found is SAME:
            self.values[ref] = read[0]
            return
        self.operations.append({**found, "in": read, "shape": list(shape)})
        self.values[ref] = len(self.operations)

    def check_order(self, reordered: Mapping[str, Ref], layers: Sequence[str]) -> None:
        """Refuse layers whose places are read in an order that isn't channels last."""
        for name in layers:
            if name in reordered and reordered[name] not in self._last:
                what = f"layer {name!r} has its places in an order of its own"
                self.refused.setdefault(name, what)

    def _permutes(self, node: Node, last: bool) -> bool:
        """Whether a map's channels come last after a permutation."""
        dims = tuple(int(d) % len(node.shape) for d in node.read("dims"))
        if dims != (CHANNELS_FIRST if last else CHANNELS_LAST):
            raise NotPortable(f"of sides as {dims}")
        return not last

    def _near(self, ref: Ref) -> str:
        """The first layer whose output isn't before a tensor."""
        layers = self._graph.layers | self._graph.reordered
        later = [(at.node, name) for name, at in layers.items() if at.node >= ref.node]
        return min(later, default=(0, "the output"))[1]

    def _keep(self, value: Any) -> int:
        """Keep an array; one that is shared, once."""
        known = self._kept.get(id(value))
        if known is not None and known[0] is value:
            return known[1]
        self.arrays.append(np.ascontiguousarray(numbers(value)))
        self._kept[id(value)] = (value, len(self.arrays) - 1)  # a reference keeps the id from reuse
        return len(self.arrays) - 1


def _shape(shape: Sequence[int], *, last: bool) -> tuple[int, int, int]:
    """A tensor's shape as the runtime has it."""
    if last and len(shape) == 4:
        shape = [shape[at] for at in CHANNELS_FIRST]
    if shape[0] == 1 and len(shape) == 4:
        return shape[1], shape[2], shape[3]
    if shape[0] == 1 and len(shape) == 2:
        return shape[1], 1, 1
    raise NotPortable(f"with a value of shape {tuple(shape)}")
