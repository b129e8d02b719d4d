"""A channel from its weakest images to its strongest: a few from every part of its range."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .activations import Activation
from .arrays import table

if TYPE_CHECKING:
    import pandas

EACH, PARTS = 3, 10
"""Images from each part of a channel's range, and parts, unless asked for otherwise."""


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
class QuantileRows(Sequence[QuantileRow]):
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

    def __len__(self) -> int:
        return len(self.parts)

    def __getitem__(self, item: Any) -> Any:
        return self.parts[item]

    def __iter__(self) -> Iterator[QuantileRow]:
        return iter(self.parts)

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
                "image": a.image,
                "name": a.image_name,
                "value": a.value,
                "row": a.unit.row,
                "col": a.unit.col,
                **a.box.to_json(),
            }
            for part, row in enumerate(self.parts, 1)
            for a in row.activations
        )
