"""The exact probability that chance gives a group as many."""

from __future__ import annotations

from math import comb

LEVEL = 0.05
"""How probable a single wrong name in a whole layer may be, at most, if only chance named."""


def tail(drawn: int, found: int, there: int, total: int) -> float:
    """The chance that of ``drawn`` out of ``total`` at least ``found`` are of the ``there``.

    The upper tail of the hypergeometric distribution: drawn at random, nothing put back.

    Parameters
    ----------
    drawn
        How many are drawn.
    found
        How many of those are of the kind.
    there
        How many there are of the kind in all.
    total
        How many there are in all.
    """
    ways = sum(
        comb(there, hits) * comb(total - there, drawn - hits)
        for hits in range(found, min(drawn, there) + 1)
        if drawn - hits <= total - there
    )
    return ways / comb(total, drawn)


def corrected(p: float, tests: int) -> float:
    """The chance that any of so many tests comes out as well (Bonferroni: at most that)."""
    return min(1.0, p * max(tests, 1))
