"""Each channel's strongest activations so far, as sorted integer keys on the device."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ...index.partial import EMPTY, Top
from ...records import Floats, Ints

Bools = NDArray[np.bool_]

LAST_IMAGE = 0x7FFFFFFF
"""Comes after all images: stands for `EMPTY` in a key."""
LAST = 0x7FFFFFFFFFFFFFFF
"""A key that comes after all others."""
COLUMN_BITS = 8
"""Bits of a column's number, where whole rows are sorted: so many ranks and images at most."""
BLOCK = 1024
"""Rows that are merged together, so that all that is made on the way stays in the caches."""


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

    def enter(
        self,
        entering: Tensor,
        values: Tensor,
        images: Tensor,
        places: Tensor,
        *,
        later: bool = False,
    ) -> None:
        """Merge activations into the ranks.

        Parameters
        ----------
        entering, values, places
            (images, rows): of these those are merged that are entering, all above zero.
        images
            Their numbers.
        later
            Whether these rise, and come after all that are ranked.
        """
        fits = len(images) + self.keys.shape[1] <= 1 << COLUMN_BITS
        if later and fits and self.keys.device.type == "cpu":
            arrays = [part.numpy() for part in (entering, values, images, places)]
            if 2 * np.count_nonzero(arrays[0]) > 3 * len(self.keys):  # else the other is quicker
                self._enter_rows(*arrays)
                return
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

    def _enter_rows(
        self, entering: Bools, values: Floats, images: Ints, places: NDArray[np.int32]
    ) -> None:
        """The same where many enter and all are of later images: whole rows are sorted."""
        keys, spots = self.keys.numpy(), self.places.numpy()
        for start in range(0, len(keys), BLOCK):
            rows = slice(start, start + BLOCK)
            bits = np.where(entering[:, rows], ~values[:, rows].view(np.int32), LAST_IMAGE)
            _merge_rows(keys[rows], spots[rows], bits.T, images, places[:, rows].T)


def _merge_rows(
    keys: Ints, spots: NDArray[np.int32], bits: Ints, images: Ints, places: NDArray[np.int32]
) -> None:
    """Merge (rows, images) keys' upper halves and places into ranks, which have earlier images."""
    rows, k = keys.shape
    width = k + len(images)
    order = np.empty((rows, width), np.int64)
    np.right_shift(keys, 32, out=order[:, :k])
    order[:, k:] = bits
    order <<= COLUMN_BITS  # of equal values the first column's image is the earliest
    order |= np.arange(width)
    order.sort(1)  # of whole numbers by vector instructions, which sort no indices as quickly
    best = order[:, :k]
    at = (best & ((1 << COLUMN_BITS) - 1)) + np.arange(0, rows * width, width)[:, None]
    both = np.empty((rows, width), np.int32)
    both[:, :k], both[:, k:] = keys & LAST_IMAGE, images
    keys[:] = (best >> COLUMN_BITS << 32) | both.ravel().take(at)
    both[:, :k], both[:, k:] = spots, places
    spots[:] = both.ravel().take(at)


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
