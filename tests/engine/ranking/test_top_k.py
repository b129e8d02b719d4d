"""Ranks are what sorting every activation gives, whichever way they were merged."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from zfwidgets.engine.ranking.top_k import BLOCK, Ranks
from zfwidgets.index.partial import Top

KEEP = 5


def sorted_by_hand(values: np.ndarray, places: np.ndarray) -> Top:
    """The ranks of (images, rows) activations, row by row in plain Python."""
    top = Top.empty(values.shape[1], KEEP)
    for row in range(values.shape[1]):
        above = [image for image in range(len(values)) if values[image, row] > 0]
        best = sorted(above, key=lambda image: (-values[image, row], image))[:KEEP]
        for place, image in enumerate(best):
            top.values[row, place] = values[image, row]
            top.images[row, place] = image
            top.places[row, place] = places[image, row]
    return top


@pytest.mark.parametrize("later", [True, False], ids=["in_order", "in_any_order"])
@pytest.mark.parametrize("levels", [3, 10_000], ids=["many_equal", "few_equal"])
@pytest.mark.parametrize("batch", [1, 16, 300])
def test_ranks_are_those_of_sorting_everything(batch: int, levels: int, later: bool) -> None:
    random = np.random.default_rng(batch)
    rows, images = BLOCK + 7, 620
    values = (random.integers(-levels, levels, (images, rows)) / 7).astype(np.float32)
    values[:, :40] = -1.0  # never above zero
    places = random.integers(0, 1000, values.shape).astype(np.int32)
    starts = list(range(0, images, batch))
    if not later:
        random.shuffle(starts)
    ranks = Ranks.of(Top.empty(rows, KEEP), torch.device("cpu"))
    for start in starts:
        some = slice(start, min(start + batch, images))
        numbers = np.arange(some.start, some.stop, dtype=np.int32)[:, None]
        value, image = (part.numpy() for part in ranks.least)
        entering = (values[some] > value) | (values[some] == value) & (numbers < image)
        parts = map(torch.from_numpy, (entering, values[some], numbers[:, 0], places[some]))
        ranks.enter(*parts, later=later)
    expected = sorted_by_hand(values, places)
    found = ranks.to_top(np.arange(rows))
    for name, array in vars(expected).items():
        np.testing.assert_array_equal(getattr(found, name), array, name)
