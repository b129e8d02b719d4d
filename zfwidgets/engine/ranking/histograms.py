"""Histograms of each channel's maxima, as integers on the device."""

from __future__ import annotations

import torch
from torch import Tensor

from ...index.exact import BINS, FIRST_KEY, SHIFT

MOST_RECENT = 255
"""Images that bytes can count."""


class Histograms:
    """Counts of maxima, of each channel; see `zfwidgets.index.exact.edges`.

    On a CPU images are counted in bytes first, which take an eighth of the memory: more of them
    are in the processor's caches, where a forward pass leaves little.

    Parameters
    ----------
    counts
        (channels, BINS) int64 to begin with; added to.
    """

    def __init__(self, counts: Tensor) -> None:
        self._counts = counts
        self._recent: Tensor | None = None
        self._recent_images = 0
        if counts.device.type == "cpu":
            self._recent = torch.zeros_like(counts, dtype=torch.uint8)

    @property
    def counts(self) -> Tensor:
        """(channels, BINS) int64 so far, a copy."""
        return self._counts.clone() if self._recent is None else self._counts + self._recent

    def add(self, largest: Tensor) -> None:
        """Count maxima (images, channels)."""
        for some in largest.split(MOST_RECENT):
            self._add(some)

    def _add(self, largest: Tensor) -> None:
        counts = self._counts
        if self._recent is not None:
            self._recent_images += len(largest)
            if self._recent_images > MOST_RECENT:
                counts += self._recent
                self._recent.zero_()
                self._recent_images = len(largest)
            counts = self._recent
        bins = (largest.view(torch.int32) >> SHIFT).sub_(FIRST_KEY - 1).clamp_(1, BINS - 1)
        rows = torch.arange(0, counts.numel(), BINS, dtype=torch.int32, device=bins.device)
        bins = bins.mul_(largest > 0).add_(rows)
        ones = torch.ones(1, dtype=counts.dtype, device=bins.device).expand(bins.numel())
        counts.view(-1).index_add_(0, bins.flatten(), ones)
