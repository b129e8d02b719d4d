"""The value that is shown as black or white is NumPy's percentile, to the last bit."""

from __future__ import annotations

import numpy as np
import pytest

from zfwidgets.records.projections import CLIPPED_AT, brightness, brightness_scales, display_scales


def by_numpy(*signed: np.ndarray) -> float:
    found = np.concatenate([np.abs(one).ravel() for one in signed])
    return float(np.percentile(found[found > 0], CLIPPED_AT)) if found.any() else 1.0


def crops(kind: str, side: int) -> list[np.ndarray]:
    random = np.random.default_rng(side)
    found = []
    for number in range(3):
        one = random.standard_normal((side, side, 3)).astype(np.float32) ** 3
        if kind == "many_equal":
            one = np.rint(one)
        elif kind == "in_a_corner":  # where a sample of every so many sees little
            one[side // 9 :] = 0
        elif kind == "few":
            one[random.random(one.shape) < 0.9] = 0
        elif kind == "one_value":
            one = np.full_like(one, 2.5)
        elif kind == "rows":  # all large values in a sampled place, or in none
            one = np.abs(one) + 1
            one.ravel()[number::64] *= 1000
        elif kind == "nothing" and number < 2:
            one[:] = 0
        found.append(one)
    return found


@pytest.mark.parametrize("side", [1, 30, 60, 150])
@pytest.mark.parametrize(
    "kind", ["plain", "many_equal", "in_a_corner", "few", "one_value", "rows", "nothing"]
)
def test_scales_are_numpys_percentiles(kind: str, side: int) -> None:
    some = crops(kind, side)
    before = [one.copy() for one in some]
    together, each = display_scales(some)
    assert each == [by_numpy(one) for one in some]
    assert together == by_numpy(*some)
    grey = [brightness(one, full) for one, full in zip(some, each, strict=True)]
    assert brightness_scales(some, each) == (by_numpy(*grey), [by_numpy(one) for one in grey])
    assert display_scales(some[:1]) == (each[0], each[:1])
    for one, same in zip(some, before, strict=True):
        np.testing.assert_array_equal(one, same)
    assert display_scales([]) == (1.0, [])
