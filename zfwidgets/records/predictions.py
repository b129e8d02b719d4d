"""Class scores of an image, maybe with something over it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .arrays import Floats, table
from .occluders import Occluder

if TYPE_CHECKING:
    import pandas


@dataclass(frozen=True)
class Prediction:
    """Class scores of one image, maybe with an occluder over it.

    ``probabilities`` (classes,) float32 is the softmax of ``logits`` (classes,) float32, as
    the network gave them.
    """

    image: int | None
    image_name: str
    logits: Floats
    labels: tuple[str, ...]
    occluder: Occluder | None = None

    @property
    def probabilities(self) -> Floats:
        """Softmax of the logits, (classes,) float32, sums to 1; NaN where they aren't numbers."""
        return softmax(self.logits)

    def top(self, k: int = 5) -> list[tuple[int, str, float]]:
        """The k most probable classes as (index, label, probability)."""
        probabilities = self.probabilities
        order = np.argsort(-probabilities, kind="stable")[:k]
        return [(int(i), self.labels[i], float(probabilities[i])) for i in order]

    def to_frame(self) -> pandas.DataFrame:
        """A pandas table of all classes, most probable first."""
        rows = self.top(len(self.logits))
        return table({"class": i, "label": name, "probability": p} for i, name, p in rows)


def softmax(logits: Floats) -> Floats:
    """Softmax over the last axis, computed in float64, as float32.

    All NaN where a score is NaN, or the largest is infinite.
    """
    with np.errstate(invalid="ignore"):
        shifted = np.exp(logits.astype(np.float64) - logits.max(axis=-1, keepdims=True))
        return np.asarray(shifted / shifted.sum(axis=-1, keepdims=True), dtype=np.float32)


def no_numbers(logits: Floats) -> NDArray[np.bool_]:
    """Where class scores, (..., classes), have no probabilities: NaN, or an infinite largest."""
    return np.asarray(~np.isfinite(logits.max(axis=-1)))


def log_odds(logits: Floats, target: int) -> NDArray[np.float64]:
    """Log-odds of a class, ``log(p / (1 - p))``, (n,) float64 of ``logits`` (n, classes).

    They are made from the logits, not from p, so that they stay exact where p rounds to 1. Infinite
    where there is one class, NaN where `no_numbers` are.
    """
    others = logits.astype(np.float64)
    own = others[:, target].copy()
    others[:, target] = -np.inf
    most = others.max(axis=-1)
    none = no_numbers(logits)
    most[~np.isfinite(most)] = 0.0
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        others -= most[:, None]
        rest = np.log(np.exp(others, out=others).sum(axis=-1))
        return np.asarray(np.where(none, np.nan, own - most - rest))


def from_log_odds(odds: NDArray[np.float64]) -> NDArray[np.float64]:
    """The probability of log-odds, with full precision at both ends."""
    small = np.exp(-np.abs(odds))
    return np.asarray(np.where(odds < 0, small, 1.0) / (1.0 + small))
