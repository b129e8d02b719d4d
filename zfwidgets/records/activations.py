"""What an index knows: strongest activations, statistics, samples, parts of a channel's range."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from .arrays import Floats, Ints, Rows, table
from .layers import Box, Unit

if TYPE_CHECKING:
    import pandas


EACH, PARTS = 3, 10
"""Images from each part of a channel's range, and parts, unless asked for otherwise."""


@dataclass(frozen=True)
class Activation:
    """A unit's value in one image: its place, value and receptive field.

    ``image`` is the index among the engine's images, or the number of an `OwnPhoto`; None for an
    image of the caller's own that the engine wasn't told to keep.
    """

    unit: Unit
    image: int | None
    image_name: str
    value: float
    box: Box

    def columns(self) -> dict[str, Any]:
        """What a table says of it."""
        return {
            "image": self.image,
            "name": self.image_name,
            "value": self.value,
            "row": self.unit.row,
            "col": self.unit.col,
            **self.box.to_json(),
        }


@dataclass(frozen=True)
class TopActivations(Rows[Activation], of="activations"):
    """A channel's strongest activations over the images, one per image, strongest first.

    Only units above zero count: a channel that fires in fewer than k images has fewer entries.
    """

    layer: str
    channel: int
    activations: tuple[Activation, ...]
    images_seen: int

    def to_frame(self) -> pandas.DataFrame:
        """A pandas table, one row an activation."""
        return table(
            {"layer": self.layer, "channel": self.channel, "rank": rank, **a.columns()}
            for rank, a in enumerate(self.activations, 1)
        )


@dataclass(frozen=True)
class ChannelSummary:
    """What the index knows of all channels of one layer, over all images.

    Attributes
    ----------
    mean
        (channels,) float32: mean activation over all units and images.
    silent
        (channels,) float32 in 0..1: share of images in which no unit of the channel is above
        zero. A channel with 1 is dead on these images.
    strongest
        (channels,) float32: largest activation over all images; zero where none is above zero.
    image, row, col
        (channels,) int64: where it is; image -1 where none is above zero.
    images_seen
        How many images it is over; None where that isn't known.
    """

    layer: str
    mean: Floats
    silent: Floats
    strongest: Floats
    image: Ints
    row: Ints
    col: Ints
    images_seen: int | None = None

    @classmethod
    def nothing(cls, layer: str, channels: int) -> ChannelSummary:
        """The summary of no image at all: NaN, strongest zero, and image -1."""
        unknown = np.full(channels, np.nan, np.float32)
        nowhere = np.full(channels, -1, np.int64)
        strongest = np.zeros(channels, np.float32)
        return cls(layer, unknown, unknown, strongest, nowhere, nowhere, nowhere, 0)

    def to_frame(self) -> pandas.DataFrame:
        """A pandas table, one row a channel."""
        columns = ("mean", "silent", "strongest", "image", "row", "col")
        return table(
            {"channel": c, **{name: getattr(self, name)[c].item() for name in columns}}
            for c in range(len(self.mean))
        )


@dataclass(frozen=True)
class ActivationSample:
    """A channel's largest activation in each of a sample of images.

    ``complete`` says whether the sample holds every image.
    """

    layer: str
    channel: int
    images: Ints
    values: Floats
    complete: bool

    def parts(self, count: int = 10) -> tuple[ActivationSample, ...]:
        """Cut at quantiles into ``count`` parts of as many images each, or one more, or none.

        The weakest part comes first; in a part the strongest image does. Equal values are ordered
        as in the tops, by image.
        """
        order = np.lexsort((-self.images, self.values))
        return tuple(self._take(part[::-1]) for part in np.array_split(order, count))

    def spread(self, count: int = 3) -> ActivationSample:
        """``count`` of them, evenly spread by rank, the first and the last included."""
        steps = np.linspace(0, len(self.images) - 1, min(count, len(self.images)))
        return self._take(steps.round().astype(np.int64))

    def _take(self, places: Ints) -> ActivationSample:
        complete = self.complete and len(places) == len(self.images)
        return replace(
            self, images=self.images[places], values=self.values[places], complete=complete
        )


@dataclass(frozen=True)
class QuantileRow:
    """A part of the images, between two quantiles of a channel's largest activations.

    Attributes
    ----------
    low, high
        Smallest and largest value in this part, in the layer's units.
    images
        How many images are in it.
    silent
        In how many of them no unit of the channel is above zero.
    activations
        The largest activation of a few of them, evenly spread over the part, strongest first; of
        those images alone in which it's above zero, and which can still be read.
    unreadable
        (name, reason) of those that can't be read any more.
    """

    low: float
    high: float
    images: int
    silent: int
    activations: tuple[Activation, ...]
    unreadable: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class QuantileRows(Rows[QuantileRow], of="parts"):
    """A channel's range in equal parts of images, weakest part first.

    Images are ordered by values that are kept to 1/2048 of the channel's largest; those that
    differ by less are ordered by image. Activations are exact.

    Attributes
    ----------
    layer, channel
        Layer and channel.
    parts
        The rows; parts without images are left out.
    images_seen
        How many images the index covers.
    exact
        Whether the parts are of all images; else they are of a sample of ``sampled`` images, so
        that the quantiles are approximate.
    sampled
        How many images were sorted into parts.
    complete
        Whether all activations are found; while they are, rows grow from the strongest on.
    """

    layer: str
    channel: int
    parts: tuple[QuantileRow, ...]
    images_seen: int
    exact: bool
    sampled: int
    complete: bool = True

    def to_frame(self) -> pandas.DataFrame:
        """A pandas table, one row an activation."""
        return table(
            {
                "layer": self.layer,
                "channel": self.channel,
                "part": part,
                "low": row.low,
                "high": row.high,
                "images": row.images,
                "silent": row.silent,
                **a.columns(),
            }
            for part, row in enumerate(self.parts, 1)
            for a in row.activations
        )
