"""What a diagnosis finds in one layer; NumPy only."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ...records import Floats, Ints
from .measures import BANDS, dominance

DOMINATES = 2.0
"""A filter dominates from this multiple of its layer's median RMS on."""
ALIKE = 0.95
"""Filters are near-duplicates from this cosine on."""


@dataclass(frozen=True)
class ConvolutionDiagnosis:
    """What one convolution's filters show; all arrays have one value a filter.

    Attributes
    ----------
    name
        Name of the layer.
    shape
        (in, rows, columns) of a filter.
    stride
        (rows, columns).
    rms
        float32: see `measures.rms`.
    nearest, likeness
        int64 and float32: each filter's most similar other one, and their cosine; see
        `measures.nearest`.
    spectrum
        (filters, 3) float32: shares of energy at low, mid and high frequencies; see
        `measures.spectrum`.
    beyond
        float32: share of energy that the stride can't carry; see `measures.beyond`.
    aliasing, consistency
        float32: see `responses`. None without a stride, or before images have been looked at.
    """

    name: str
    shape: tuple[int, int, int]
    stride: tuple[int, int]
    rms: Floats = field(repr=False)
    nearest: Ints = field(repr=False)
    likeness: Floats = field(repr=False)
    spectrum: Floats = field(repr=False)
    beyond: Floats = field(repr=False)
    aliasing: Floats | None = field(default=None, repr=False)
    consistency: Floats | None = field(default=None, repr=False)

    def __len__(self) -> int:
        return len(self.rms)

    @property
    def strided(self) -> bool:
        """Whether it leaves out places."""
        return max(self.stride) > 1

    @property
    def dominance(self) -> Floats:
        """Each filter's RMS over the layer's median, (filters,) float32."""
        return dominance(self.rms)

    @property
    def dominating(self) -> Ints:
        """Numbers of the filters that dominate, the strongest first."""
        over = np.flatnonzero(self.dominance > DOMINATES)
        return over[np.argsort(-self.rms[over], kind="stable")]

    @property
    def duplicates(self) -> tuple[tuple[int, int, float], ...]:
        """(filter, other, cosine) of near-duplicates, the most alike first.

        A filter and its most similar other one; a pair that is so both ways is named once.
        """
        pairs: dict[tuple[int, int], float] = {}
        for number in np.flatnonzero(self.likeness >= ALIKE):
            other = int(self.nearest[number])
            pairs[min(int(number), other), max(int(number), other)] = float(self.likeness[number])
        return tuple((a, b, c) for (a, b), c in sorted(pairs.items(), key=lambda item: -item[1]))

    @property
    def repeated(self) -> int:
        """How many filters have a near-duplicate."""
        return int((self.likeness >= ALIKE).sum())

    def coverage(self) -> dict[str, float]:
        """Mean share of energy by band, over the filters that aren't zero; each counts alike."""
        return dict(zip(BANDS, map(mean_of_known, self.spectrum.T), strict=True))


@dataclass(frozen=True)
class RectifierDiagnosis:
    """How often the channels behind a rectifier are active.

    Attributes
    ----------
    name
        Name of the layer.
    active
        (channels,) float32 in 0..1: share of images in which the channel is above zero somewhere.
    """

    name: str
    active: Floats = field(repr=False)

    def __len__(self) -> int:
        return len(self.active)

    @property
    def dead(self) -> Ints:
        """Numbers of the channels that aren't above zero anywhere in any image."""
        return np.flatnonzero(self.active == 0)


def mean_of_known(values: Floats | None) -> float:
    """Mean of what is known."""
    known = np.empty(0) if values is None else values[np.isfinite(values)]
    return float(known.mean()) if known.size else float("nan")


def largest_known(values: Floats) -> float:
    """Largest of what is known."""
    known = values[np.isfinite(values)]
    return float(known.max()) if known.size else float("nan")
