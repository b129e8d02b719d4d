"""Each channel's strongest activations so far, as sorted integer keys on the device."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ...index.partial import EMPTY, Top
from ...records import Ints

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

    def to_top(self, rows: Ints) -> Top:
        """These rows as arrays of their own."""
        parts = (*_values_and_images(self.keys), self.places)
        return Top(*(part.cpu().numpy()[rows] for part in parts))

    @property
    def least(self) -> tuple[Tensor, Tensor]:
        """(rows,) value and image in the last place."""
        return _values_and_images(self.keys[:, -1])

    def filled(self, k: int) -> Tensor:
        """(rows,) whether there are k activations."""
        return _values_and_images(self.keys[:, k - 1])[1] != EMPTY

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
    if keys.device.type == "cpu":  # NumPy is much quicker with short rows that are nearly sorted
        return torch.from_numpy(np.argsort(keys.numpy(), 1, kind="stable"))
    return keys.argsort(1)
