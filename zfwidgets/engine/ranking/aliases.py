"""Channels whose rankings are copied: of ReLUs, and of layers that put others side by side."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ...records import Floats, Ints
from ..network.graph.graph import Ref
from ..network.network import Network


class Aliases:
    """Which channels a pass looks at, and which have what those have.

    Ranks hold what is above zero, and zero and what is below it share a bin in histograms: of both
    a ReLU's channel has what the channel has that it rectifies. A concatenation's channels are
    those of the layers that it puts side by side, as the recorded graph says; of each batch an
    image is compared. A pass therefore leaves both out; only their means and zeros are others.

    Attributes
    ----------
    channels
        How many channels all layers have together.
    span
        Where each layer's channels are, among all.
    own_span
        The same for layers that copy no other, among the channels of those.
    own
        Where those are, among all.
    source
        (channels,) each channel's place among them: its own, or that of the one it copies.
    joined
        Layers that put others side by side.
    """

    def __init__(self, network: Network) -> None:
        self.span: dict[str, slice] = {}
        self.own_span: dict[str, slice] = {}
        self.channels = sum(layer.channels for layer in network.layers)
        self.source = np.empty(self.channels, np.int64)
        self._rectified = np.zeros(self.channels, bool)
        self.joined = concatenations(network)
        own: list[Ints] = []
        end = own_end = 0
        for layer in network.layers:
            name = layer.name
            span = self.span[name] = slice(end, end + layer.channels)
            end = span.stop
            if name in self.joined:
                parts = [self.span[part] for part in self.joined[name]]
                for array in (self.source, self._rectified):
                    array[span] = np.concatenate([array[part] for part in parts])
            elif name in network.rectified:
                self.source[span] = self.source[self.span[network.rectified[name]]]
                self._rectified[span] = True
            else:
                mine = self.own_span[name] = slice(own_end, own_end + layer.channels)
                own.append(np.arange(span.start, span.stop))
                self.source[span] = np.arange(mine.start, mine.stop)
                own_end = mine.stop
        self.own = np.concatenate([*own, np.empty(0, np.int64)])

    def rectified(self, largest: Floats) -> Floats:
        """Maxima of all channels, of those that are looked at."""
        every = largest[self.source]
        return np.where(self._rectified, np.maximum(every, 0), every)


def concatenations(network: Network) -> Mapping[str, tuple[str, ...]]:
    """Layers that put other layers' channels side by side, and which, in order."""
    graph = network.graph
    known: dict[Ref, str] = {}
    found: dict[str, tuple[str, ...]] = {}
    for layer in () if graph.obstacle else network.layers:
        ref = graph.layers.get(layer.name)
        if ref is None or ref.node < 0 or layer.name in network.layouts:
            continue
        node = graph.nodes[ref.node]
        if node.name == "cat" and node.read("dim", 0) in (1, 1 - len(node.shape)):
            parts = [known[one] for one in node.inputs if one in known]
            channels = sum(network.layer(part).channels for part in parts)
            if len(parts) == len(node.inputs) and channels == layer.channels:
                found[layer.name] = tuple(parts)
        known.setdefault(ref, layer.name)
    return found


def of_classes(rows: Ints, classes: int) -> Ints:
    """Where the classes of channels are: row ``channel * classes + class``."""
    return (rows[:, None] * classes + np.arange(classes)).ravel()
