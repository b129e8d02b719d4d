"""What encoding a picture costs is measured as it is stated."""

from __future__ import annotations

import numpy as np
import pytest

from zfwidgets.reports.pictures import Encoder, decoded, levels_off


@pytest.mark.parametrize("shape", [(1, 1, 3), (7, 5, 3), (300, 200, 3)])
def test_levels_off_are_the_mean_difference(shape: tuple[int, ...]) -> None:
    random = np.random.default_rng(shape[0])
    one, other = random.integers(0, 256, (2, *shape), np.uint8)
    expected = float(np.abs(one.astype(np.int16) - other.astype(np.int16)).mean())
    assert levels_off(one, other) == levels_off(other, one) == expected
    black, white = np.zeros(shape, np.uint8), np.full(shape, 255, np.uint8)
    assert (levels_off(black, white), levels_off(one, one)) == (255, 0)


def test_an_encoder_states_what_its_own_pictures_lost() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (40, 50, 3), np.uint8)
    found = Encoder(75).encode(pixels)
    expected = np.abs(pixels.astype(float) - decoded(found.picture)).mean()
    assert found.lost == expected > 0
    assert Encoder(None).encode(pixels).lost is None
