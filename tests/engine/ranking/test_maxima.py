"""Maxima, places and zeros are what NumPy finds in whole maps, by any path."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from zfwidgets.engine.ranking.index_pass import count_zeros
from zfwidgets.engine.ranking.maxima import STRETCH, maxima, stretches_of

SIZES = (1, 2, 49, STRETCH + 1, 2 * STRETCH, 3 * STRETCH + 3)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("last", [False, True], ids=["channels_first", "channels_last"])
def test_the_first_of_equal_maxima_is_found(size: int, last: bool) -> None:
    generator = torch.Generator().manual_seed(size)
    maps = torch.randint(-3, 4, (4, 24, size), generator=generator).float()
    maps[0, 0], maps[1, 1] = -2.0, 0.0  # nothing is above zero
    maps[2, 2, size // 2], maps[3, 3, size // 3] = torch.inf, torch.nan
    if last:
        maps = maps.transpose(1, 2).contiguous().transpose(1, 2)
    expected, at = maps.numpy().max(-1), maps.numpy().argmax(-1)
    for floor in (1.0, 3.0, 3.5, 9e9):  # nearly all are wanted, then few
        largest, places = maxima(maps, torch.full((1, 24), floor))
        np.testing.assert_array_equal(largest.numpy(), expected)
        wanted = expected >= floor
        np.testing.assert_array_equal(places.numpy()[wanted], at[wanted])


def test_large_maps_are_cut_into_stretches_of_one_length() -> None:
    assert [stretches_of(size) for size in SIZES] == [1, 1, 1, 1, 2, 3]
    assert [stretches_of(side**2) for side in (111, 112)] == [3, 4]


@pytest.mark.parametrize("places", [1, 49, 70_000])
def test_zeros_are_counted(places: int) -> None:
    maps = torch.randint(-1, 2, (3, 5, places), generator=torch.Generator().manual_seed(0)).float()
    maps[0, 0, 0], maps[:, 1] = -0.0, -1.0
    expected = (maps.numpy() <= 0).sum((0, 2))
    for laid_out in (maps, maps.transpose(1, 2).contiguous().transpose(1, 2)):
        np.testing.assert_array_equal(count_zeros(laid_out).numpy(), expected)
