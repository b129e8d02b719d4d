"""Photos of the user's own, and what a network's layer says to one photo."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .activations import Activation
from .arrays import Floats, Ints
from .layers import LayerInfo, Unit

MOST_OWN = 20
"""Photos of the user's own that an engine keeps: of more the oldest is forgotten."""
MOST_OWN_BYTES = 30_000_000
"""Largest file of one."""
MOST_OWN_PIXELS = 64_000_000
"""Most pixels of one, before the transform: read from its header, before memory is taken for it."""


@dataclass(frozen=True)
class OwnPhoto:
    """A photo of the user's own, in memory alone.

    Attributes
    ----------
    image
        Number of the photo, to be given wherever an image of the engine's is asked for: beyond the
        last of these, and never given twice, in no other session either.
    name
        What it is called.
    notes
        What was made of its pixels before the transform, in sentences.
    """

    image: int
    name: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class PhotoResponses:
    """Feature maps of one layer for one photo.

    Attributes
    ----------
    layer
        Name of the layer.
    image, image_name
        Number and name of the photo; no number for one that the engine doesn't know.
    maps
        (channels, rows, columns) float32, as the layer gives them.
    """

    layer: str
    image: int | None
    image_name: str
    maps: Floats

    @property
    def strongest(self) -> Floats:
        """(channels,) float32: each channel's largest activation."""
        found: Floats = self.maps.max((1, 2))
        return found

    @property
    def totals(self) -> Floats:
        """(channels,) float32: the sum over each channel's map, as occlusion maps have it."""
        found: Floats = self.maps.sum((1, 2), dtype=np.float64).astype(np.float32)
        return found

    @property
    def places(self) -> Ints:
        """(channels, 2) int64: row and column of each channel's strongest unit, first of equals."""
        flat = self.maps.reshape(len(self.maps), -1).argmax(1)
        return np.stack(np.divmod(flat, self.maps.shape[2]), 1).astype(np.int64)

    @property
    def order(self) -> Ints:
        """(channels,) int64: channels by their largest activation, strongest first, NaN last."""
        return np.argsort(-self.strongest, kind="stable").astype(np.int64)

    def activation(self, info: LayerInfo, channel: int) -> Activation:
        """A channel's strongest unit, with its receptive field.

        Parameters
        ----------
        info
            Description of the layer.
        channel
            Number of the channel, 0 .. channels - 1.
        """
        row, col = map(int, self.places[channel])
        box = info.field_of(channel).box(row, col)
        value = float(self.maps[channel, row, col])
        unit = Unit(self.layer, channel, row, col)
        return Activation(unit, self.image, self.image_name, value, box)
