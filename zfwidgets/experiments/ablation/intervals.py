"""What a number of images can tell of an error: 95 % intervals of shares, without torch."""

from __future__ import annotations

import math

Z = 1.959963984540054
"""Standard deviations to both sides that hold 95 % of a normal distribution."""


def wilson(share: float, images: int) -> tuple[float, float]:
    """The score interval of a share (Wilson 1927): which errors would give it often enough.

    Parameters
    ----------
    share
        Share of the images, 0..1.
    images
        How many there are, drawn independently of what is measured.

    Returns
    -------
    low, high
        0..1; NaN without images or share.
    """
    if images < 1 or not math.isfinite(share):
        return math.nan, math.nan
    middle = (share + Z**2 / (2 * images)) / (1 + Z**2 / images)
    half = Z * math.sqrt(share * (1 - share) / images + Z**2 / (4 * images**2))
    half /= 1 + Z**2 / images
    return max(0.0, middle - half), min(1.0, middle + half)


def newcombe(one: float, images: int, other: float, others: int) -> tuple[float, float]:
    """The interval of ``one - other``, each a share of other images (Newcombe 1998, method 10).

    Where both are measured on the same images it is, as a rule, wider than need be: what is hard
    for one network is hard for another.

    Returns
    -------
    low, high
        -1..1; NaN without images or shares.
    """
    (low, high), (other_low, other_high) = wilson(one, images), wilson(other, others)
    difference = one - other
    return (
        difference - math.hypot(one - low, other_high - other),
        difference + math.hypot(high - one, other - other_low),
    )
