"""Numbers that add up to the same bits in any order, and a histogram for any range.

Sums of floats depend on their order; here means are summed as integers, in two limbs: multiples of
2^-20, and of 2^-56 for the rest. With up to 2^27 images of means below 2^16 nothing overflows.
"""

from __future__ import annotations

import numpy as np

from ..records import Floats, Ints

COARSE, FINE = 20, 36
"""Bits after the point of the first limb, and further bits of the second."""
LARGEST = 2.0**40
"""What is larger is summed as this."""

BINS = 64
"""Bins of a histogram of maxima."""
FIRST_KEY = (127 - 15) << 1
"""Exponent and first bit of the mantissa of 2^-15, where the second bin starts."""
SHIFT = 22
"""How many bits of a float32 come after those."""


def carried(sums: Ints) -> Ints:
    """Sums in their one canonical form: the second limb in 0 .. 2^36 - 1."""
    over = sums[..., 1] >> FINE
    return np.stack([sums[..., 0] + over, sums[..., 1] - (over << FINE)], -1)


def mean_of(sums: Ints, count: int) -> Floats:
    """What sums over ``count`` addends come to on average, float32; NaN where there are none."""
    if not count:
        return np.full(len(sums), np.nan, np.float32)
    whole = sums[:, 0].astype(np.float64) + sums[:, 1].astype(np.float64) / 2.0**FINE
    return (whole / 2.0**COARSE / count).astype(np.float32)


def edges() -> Floats:
    """The lower edges of a histogram's bins, (BINS,) float32.

    The first bin holds what isn't above zero; the second reaches down to zero; then come half
    octaves (1, 1.5, 2, 3, 4, 6, ...), and the last is open.
    """
    keys = (np.arange(BINS - 1, dtype=np.int32) + FIRST_KEY) << SHIFT
    lower = keys.view(np.float32).copy()
    lower[0] = 0
    return np.concatenate([np.array([-np.inf], np.float32), lower])
