"""Class scores of an image, maybe with something over it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .arrays import Floats, table
from .layers import Box

if TYPE_CHECKING:
    import pandas


@dataclass(frozen=True)
class Occluder:
    """A rectangle that covers a part of the network's input.

    ``fill`` is "grey" (the paper's: mid-grey of the picture), "mean" (the normalisation's mean
    colour), or a number in the network's input units.
    """

    box: Box
    fill: str | float = "grey"


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
        """Softmax of the logits, (classes,) float32, sums to 1."""
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
    """Softmax over the last axis, computed in float64, as float32."""
    shifted = np.exp(logits.astype(np.float64) - logits.max(axis=-1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=-1, keepdims=True), dtype=np.float32)
