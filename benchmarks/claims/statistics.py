"""Intervals, and yes, no or can't tell: what a rule makes of them. NumPy only."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

Interval = tuple[float, float]
Truth = bool | None
"""None: the interval holds both answers."""

_STUDENT = {
    1: 12.706,
    2: 4.303,
    3: 3.182,
    4: 2.776,
    5: 2.571,
    6: 2.447,
    7: 2.365,
    8: 2.306,
    9: 2.262,
}
"""By degrees of freedom, how many standard errors to both sides hold 95 %."""


def bootstrap(
    samples: Sequence[np.ndarray], statistic: Callable[..., np.ndarray], draws: int = 2000
) -> Interval:
    """95 % interval of a statistic of independent samples, each drawn again from itself.

    Parameters
    ----------
    samples
        Arrays whose first axis is what was sampled: photos, channels, filters.
    statistic
        From the samples, (draws, sampled, ...) each, to a number for each draw.
    """
    random = np.random.default_rng(0)
    drawn = (one[random.integers(len(one), size=(draws, len(one)))] for one in samples)
    low, high = np.quantile(statistic(*drawn), (0.025, 0.975))
    return float(low), float(high)


def median(values: np.ndarray) -> np.ndarray:
    """Of each draw."""
    return np.asarray(np.median(values, axis=1))


def over_seeds(values: Sequence[float], images: float = 0.0) -> Interval:
    """95 % interval of a mean over seeds (Student's), or of so many images if that is wider.

    Parameters
    ----------
    values
        One a seed, two or more.
    images
        Half of the interval that the number of images alone allows.
    """
    mean, half = float(np.mean(values)), math.inf
    if len(values) > 1:
        freedom = min(len(values) - 1, max(_STUDENT))
        half = _STUDENT[freedom] * float(np.std(values, ddof=1)) / math.sqrt(len(values))
    half = max(half, images)
    return mean - half, mean + half


def of_images(shares: Sequence[float], images: int) -> float:
    """Half of the 95 % interval of a sum or difference of shares of so many images each."""
    return 1.96 * math.sqrt(sum(share * (1 - share) for share in shares) / images)


def above(interval: Interval, limit: float) -> Truth:
    """Whether the whole interval lies above a limit; None if the limit lies inside."""
    low, high = interval
    return True if low > limit else False if high <= limit else None


def below(interval: Interval, limit: float) -> Truth:
    """Whether the whole interval lies below a limit; None if the limit lies inside."""
    low, high = interval
    return True if high < limit else False if low >= limit else None


def within(interval: Interval, limit: float) -> Truth:
    """Whether the whole interval lies less than a limit away from zero."""
    return every(above(interval, -limit), below(interval, limit))


def every(*truths: Truth) -> Truth:
    """No if one is no; else can't tell if one can't."""
    return False if False in truths else None if None in truths else True


def order(values: np.ndarray) -> tuple[float, float]:
    """Whether values fall from the first to the last column, alike in each row.

    Parameters
    ----------
    values
        (seeds, layers).

    Returns
    -------
    float
        Spearman's rank correlation of value and place, mean over the rows; -1: they always fall.
        Equal values are no order: a row of them has 0.
    float
        How often columns in random order, drawn anew for each row, have one as low (one-sided).
    """
    random = np.random.default_rng(0)
    ranks = _ranks(values)
    drawn = random.permuted(np.broadcast_to(ranks, (2000, *ranks.shape)), axis=2)
    found = float(_fall(ranks))
    return found, float((1 + (_fall(drawn) <= found + 1e-9).sum()) / (1 + len(drawn)))


def _ranks(values: np.ndarray) -> np.ndarray:
    """Ranks along each row less their mean, of length 1; equal values share theirs."""
    less = (values[:, None, :] < values[:, :, None]).sum(2)
    ranks = less + ((values[:, None, :] == values[:, :, None]).sum(2) - 1) / 2
    ranks = ranks - ranks.mean(1, keepdims=True)
    length = np.linalg.norm(ranks, axis=1, keepdims=True)
    return np.divide(ranks, length, out=np.zeros_like(ranks), where=length > 0)


def _fall(ranks: np.ndarray) -> np.ndarray:
    places = np.arange(ranks.shape[-1]) - (ranks.shape[-1] - 1) / 2
    return np.asarray((ranks @ (places / np.linalg.norm(places))).mean(-1))
