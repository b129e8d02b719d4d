"""Histograms are NumPy's, however many images are counted and in whatever parts."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from zfwidgets.engine.ranking.histograms import MOST_RECENT, Histograms
from zfwidgets.index.exact import BINS, edges


@pytest.mark.parametrize("batch", [7, 64, MOST_RECENT, 3 * MOST_RECENT])
def test_every_image_is_counted_once(batch: int) -> None:
    random = np.random.default_rng(batch)
    values = np.exp(random.normal(0, 9, (3 * MOST_RECENT, 6))).astype(np.float32)
    values[:, 1] *= -1
    values[:, 2] = 1.25  # more of one bin than a byte holds
    values[::3, 3], values[1::3, 3] = 0.0, -0.0
    before = random.integers(0, 1000, (6, BINS))
    histograms = Histograms(torch.from_numpy(before.copy()))
    for start in range(0, len(values), batch):
        histograms.add(torch.from_numpy(values[start : start + batch]))
        histograms.counts.zero_()  # a copy
    above = np.concatenate([edges()[1:], [np.float32(np.inf)]]).astype(np.float64)
    for channel, column in enumerate(values.T.astype(np.float64)):
        counted = np.histogram(column[column > 0], above)[0]
        expected = before[channel] + np.concatenate([[(column <= 0).sum()], counted])
        np.testing.assert_array_equal(histograms.counts[channel].numpy(), expected)
