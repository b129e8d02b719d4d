"""ReLU channels whose rankings are copied from the layer that they rectify."""

from __future__ import annotations

import numpy as np

from ...records import Floats, Ints
from ..network.network import Network


class ReluAliases:
    """Which channels a pass looks at, and which have what those have.

    Ranks hold what is above zero, and zero and what is below it share a bin in histograms: of both
    a ReLU's channel has what the channel has that it rectifies. A pass therefore leaves ReLUs out;
    only their means and zeros are others.

    Attributes
    ----------
    channels
        How many channels all layers have together.
    span
        Where each layer's channels are, among all.
    own_span
        The same for layers that rectify no other, among the channels of those.
    own
        Where those are, among all.
    source
        (channels,) each channel's place among them: its own, or that of the one it rectifies.
    """

    def __init__(self, network: Network) -> None:
        self.span: dict[str, slice] = {}
        self.own_span: dict[str, slice] = {}
        own: list[Ints] = []
        end = own_end = 0
        for layer in network.layers:
            self.span[layer.name] = slice(end, end + layer.channels)
            if layer.name not in network.rectified:
                self.own_span[layer.name] = slice(own_end, own_end + layer.channels)
                own.append(np.arange(end, end + layer.channels))
                own_end += layer.channels
            end += layer.channels
        self.channels = end
        self.own = np.concatenate([*own, np.empty(0, np.int64)])
        self.source = np.empty(end, np.int64)
        self._is_twin = np.zeros(end, bool)
        for name, span in self.span.items():
            of = self.own_span[network.rectified.get(name, name)]
            self.source[span] = np.arange(of.start, of.stop)
            self._is_twin[span] = name in network.rectified

    def rectified(self, largest: Floats) -> Floats:
        """Maxima of all channels, of those that are looked at."""
        every = largest[self.source]
        return np.where(self._is_twin, np.maximum(every, 0), every)


def of_classes(rows: Ints, classes: int) -> Ints:
    """Where the classes of channels are: row ``channel * classes + class``."""
    return (rows[:, None] * classes + np.arange(classes)).ravel()
