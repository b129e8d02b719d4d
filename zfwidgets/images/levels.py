"""Images as the network gets them, kept as the levels of 256 that they were made of.

A photo comes to the network from bytes, a level for each of its values; whatever a transform makes
of a level after that, it makes the same of it everywhere in a channel. So the levels and a table
tell all values, to the last bit, in a quarter of the memory.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from ..threads import ProcessLock

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..records import Pixels
    from .source import ImageSource

Packed = torch.Tensor | np.ndarray
"""An image's levels, uint8 (channels, rows, columns); as it is where it has none."""


class Levels:
    """Packs images of a source, and unpacks them to the same bits.

    Parameters
    ----------
    source
        Source of the images.
    """

    def __init__(self, source: ImageSource) -> None:
        self._source = source
        channels = source.shape[0]
        self._table: NDArray[np.float32] = np.zeros((channels, 256), np.float32)
        self._known: NDArray[np.bool_] = np.zeros((channels, 256), bool)
        self._lock = ProcessLock()

    def packed(self, tensor: torch.Tensor) -> Packed:
        """An image's levels, if they tell its values to the last bit; else the tensor itself."""
        levels = self._source.levels(tensor)
        if levels is None:
            return tensor
        values = np.ascontiguousarray(tensor.numpy())
        with self._lock:
            for channel, (level, value) in enumerate(zip(levels, values, strict=True)):
                known = self._known[channel]
                used = np.bincount(level.ravel(), minlength=256) > 0
                found = self._table[channel].copy()
                new = used & ~known
                if new.any():
                    inside = new[level]
                    found[level[inside]] = value[inside]
                if not np.array_equal(found[level].view(np.int32), value.view(np.int32)):
                    return tensor
                self._table[channel], self._known[channel] = found, known | used
        return levels

    def unpacked(self, image: Packed) -> torch.Tensor:
        """The tensor, float32 (channels, rows, columns)."""
        if isinstance(image, torch.Tensor):
            return image
        out = np.empty(image.shape, np.float32)
        for table, levels, values in zip(self._table, image, out, strict=True):
            np.take(table, levels, out=values, mode="clip")  # else by way of another array
        return torch.from_numpy(out)

    def pixels(self, image: Packed) -> Pixels:
        """The same for the eye; see `ImageSource.show`."""
        if isinstance(image, torch.Tensor):
            return self._source.show(image)
        rows, columns = image.shape[1:]
        shown: Pixels = np.empty((rows, columns, 3), np.uint8)
        shown[...] = np.moveaxis(image, 0, 2)  # of one channel all three are that
        return shown
