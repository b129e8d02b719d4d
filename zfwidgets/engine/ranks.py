"""Each channel's ranks: its strongest activations so far, on the device, one integer key each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..index.partial import EMPTY, Top
from .network import Network

LAST_IMAGE = 0x7FFFFFFF
"""Comes after all images: stands for `EMPTY` in a key."""
LAST = 0x7FFFFFFFFFFFFFFF
"""A key that comes after all others."""


@dataclass
class Ranks:
    """A `Top` on the device.

    Attributes
    ----------
    keys
        (rows, k) int64, rising: by falling value, then by image.
    places
        (rows, k) int32.
    """

    keys: Tensor
    places: Tensor

    @classmethod
    def of(cls, top: Top, device: torch.device) -> Ranks:
        """The ranks of a `Top`, on a device."""
        values, images, places = (
            torch.from_numpy(part.copy()).to(device) for part in vars(top).values()
        )
        return cls(_keys(values, images), places)

    def to_top(self, rows: slice) -> Top:
        """These rows as arrays of their own."""
        parts = (*_values_and_images(self.keys[rows]), self.places[rows])
        return Top(*(part.cpu().numpy().copy() for part in parts))

    @property
    def least(self) -> tuple[Tensor, Tensor]:
        """(rows,) value and image in the last place."""
        return _values_and_images(self.keys[:, -1])

    def filled(self, k: int) -> int:
        """How many rows have k activations above zero."""
        values, images = _values_and_images(self.keys[:, k - 1])
        return int(((values > 0) & (images != EMPTY)).sum())

    def enter(self, entering: Tensor, values: Tensor, images: Tensor, places: Tensor) -> None:
        """Merge those of (images, rows) values and places that are entering."""
        row, image = entering.T.nonzero(as_tuple=True)
        if not len(row):
            return
        rows, at, counts = row.unique_consecutive(return_inverse=True, return_counts=True)
        column = torch.arange(len(row), device=row.device) - (counts.cumsum(0) - counts)[at]
        keys = torch.full((len(rows), int(counts.max())), LAST, device=row.device)
        spots = torch.zeros(keys.shape, dtype=torch.int32, device=row.device)
        keys[at, column] = _keys(values[image, row], images[image])
        spots[at, column] = places[image, row]
        keys, spots = (
            torch.cat([self.keys[rows], keys], 1),
            torch.cat([self.places[rows], spots], 1),
        )
        order = _order(keys)[:, : self.keys.shape[1]]
        self.keys[rows], self.places[rows] = keys.gather(1, order), spots.gather(1, order)


def _keys(values: Tensor, images: Tensor) -> Tensor:
    bits = (values + 0.0).view(torch.int32).long()  # + 0.0: there is one zero
    return ((bits ^ ((bits >> 31) & LAST_IMAGE)).bitwise_not() << 32) | (images & LAST_IMAGE)


def _values_and_images(keys: Tensor) -> tuple[Tensor, Tensor]:
    bits = (keys >> 32).bitwise_not()
    bits = (bits ^ ((bits >> 31) & LAST_IMAGE)).int()
    images = (keys & LAST_IMAGE).int()
    return bits.view(torch.float32), torch.where(images == LAST_IMAGE, EMPTY, images)


def _order(keys: Tensor) -> Tensor:
    if keys.device.type == "cpu":  # NumPy's sort of short rows is much the quicker
        return torch.from_numpy(np.argsort(keys.numpy(), 1))
    return keys.argsort(1)


class Twins:
    """Channels of ReLUs, which share most with those that they rectify.

    Where a channel's ranked activations are all above zero, those of its ReLU are the same; and
    the histograms of maxima always are, as zero and what is below it share a bin.

    Attributes
    ----------
    others
        (n,) int64: all other channels.
    same
        (channels,) bool: whose ranks are those of the channel that they rectify.
    """

    def __init__(self, network: Network, span: Mapping[str, slice]) -> None:
        channels = torch.arange(sum(layer.channels for layer in network.layers))
        source = channels.clone()
        for name, of in network.rectified.items():
            source[span[name]] = channels[span[of]]
        self._to = (source != channels).nonzero()[:, 0].to(network.device)
        self._of = source.to(network.device)[self._to]
        self.others = (source == channels).nonzero()[:, 0].to(network.device)
        self.same = torch.zeros(len(channels), dtype=torch.bool, device=network.device)

    def follow(self, top: Ranks, entering: Tensor) -> None:
        """Take over what entered the ranks, (images, channels), of rectified channels."""
        least, _ = top.least
        alive = least[self._of] > 0
        new = alive & (entering[:, self._of].any(0) | ~self.same[self._to])
        to, of = self._to[new], self._of[new]
        top.keys[to], top.places[to] = top.keys[of], top.places[of]
        self.same[self._to] = alive

    def copied(self, rows: Tensor) -> Tensor:
        """A copy of (channels, ...) in which ReLUs have what they rectify has."""
        rows = rows.clone()
        rows[self._to] = rows[self._of]
        return rows
