"""The largest activation of each of a layer's maps, and where it is.

Reading maps for this is most of what an index takes over plain forward passes, so that it is done
once: places are sought only where the largest may enter the ranks, and of large maps only in the
stretch that has it.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ...records import Floats

Bools = NDArray[np.bool_]
Places = NDArray[np.int32]

STRETCH = 2048
"""Places of a map that are reduced together, at least: of shorter ones the ends take longer."""


def maxima(maps: Tensor, floor: Tensor) -> tuple[Tensor, Tensor]:
    """The largest of maps (images, channels, places), and the first place that has it.

    Parameters
    ----------
    maps
        (images, channels, places) float32.
    floor
        (images or 1, channels): of maps whose largest is below it any place is given.

    Returns
    -------
    tuple of Tensor
        (images, channels) each, with memory of their own.
    """
    size = maps.shape[-1]
    if size == 1:
        largest = maps[..., 0].clone()
        return largest, torch.zeros_like(largest, dtype=torch.int32)
    if maps.device.type != "cpu":  # looking at all is quicker than waiting to know which
        return maps.max(-1)
    # NumPy's argmax is several times as quick as PyTorch's here.
    if (count := stretches_of(size)) == 1:
        largest = maps.amax(-1)
        places = _in_maps(maps.numpy(), largest.numpy() >= floor.numpy())
    else:
        stretches = maps.view(*maps.shape[:2], count, -1)
        most = stretches.amax(-1)
        largest = most.amax(-1)
        wanted = largest.numpy() >= floor.numpy()
        places = _in_stretches(stretches.numpy(), most.numpy(), wanted)
    return largest, torch.from_numpy(places)


@cache
def stretches_of(size: int) -> int:
    """Into how many stretches of the same length a map of so many places is cut."""
    return next(n for n in range(max(1, size // STRETCH), 0, -1) if not size % n)


def _in_maps(maps: Floats, wanted: Bools) -> Places:
    """The first largest place of the maps that are wanted; of others any."""
    places = np.zeros(wanted.shape, np.int32)
    found = np.flatnonzero(wanted)
    if 5 * len(found) > 2 * wanted.size:  # copying many takes longer
        places[:] = maps.argmax(-1)
    elif len(found) and maps.flags.c_contiguous:
        places.ravel()[found] = maps.reshape(wanted.size, -1).take(found, 0).argmax(-1)
    elif len(found):
        at = np.unravel_index(found, wanted.shape)
        places[at] = maps[at].argmax(-1)
    return places


def _in_stretches(stretches: Floats, most: Floats, wanted: Bools) -> Places:
    """The same of maps in stretches, and the largest of each."""
    places = np.zeros(wanted.shape, np.int32)
    images, channels = wanted.nonzero()
    if len(images):
        first = most[images, channels].argmax(-1)
        inside = stretches[images, channels, first].argmax(-1)
        places[images, channels] = first * stretches.shape[-1] + inside
    return places
