"""How alike photos are and where units lie, against loops and drawn places."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from zfwidgets.naming.orders import at_least, likeness, suspicion
from zfwidgets.records import Activation, Box, LayerInfo, ReceptiveField, Unit


def test_likeness_is_the_mean_cosine_of_all_pairs():
    vectors = np.random.default_rng(0).normal(size=(9, 17))
    pairs = [
        a @ b / np.linalg.norm(a) / np.linalg.norm(b) for a, b in itertools.combinations(vectors, 2)
    ]
    assert likeness(vectors) == pytest.approx(np.mean(pairs), abs=1e-12)
    assert likeness(np.ones((4, 5))) == pytest.approx(1)
    assert np.isnan(likeness(vectors[:2]))


def layer(rows, columns):
    field = ReceptiveField((7, 5), (2, 2), (-3, -2), (64, 96))
    return LayerInfo("conv", "Conv2d", "conv", (3, rows, columns), field)


def units(places):
    return [
        Activation(Unit("conv", 0, row, col), i, f"photo {i}", 9.0 - i, Box(0, 0, 7, 5))
        for i, (row, col) in enumerate(places)
    ]


def test_the_chance_of_as_many_hits_is_that_of_drawing_them():
    random = np.random.default_rng(1)
    hits = (random.random((100_000, 9)) < 0.3).sum(1)
    for found in range(8):
        assert at_least(found, 9, 0.3) == pytest.approx((hits >= found).mean(), abs=5e-3)


def test_units_that_all_sit_at_one_place_are_suspicious():
    found = suspicion(units([(11, 3)] * 9), layer(16, 24))
    assert found == pytest.approx(-np.log10(17 * (1 / 16) ** 9))


def test_units_that_all_sit_at_the_border_are_suspicious():
    ring = [(0, 2), (0, 20), (15, 5), (15, 17), (3, 0), (12, 0), (5, 23), (9, 23), (0, 11)]
    found = suspicion(units(ring), layer(16, 24))
    border = 1 - 14 * 22 / (16 * 24)
    assert found == pytest.approx(-np.log10(17 * border**9))


def test_units_anywhere_hardly_ever_are():
    random = np.random.default_rng(2)
    drawn = [
        suspicion(units(random.integers((13, 9), size=(9, 2)).tolist()), layer(13, 9))
        for _ in range(400)
    ]
    # A chance of 0.05 or less, corrected for all 17 places that are looked at.
    assert np.mean(np.array(drawn) >= -np.log10(0.05)) <= 0.08


def test_small_maps_and_few_units_tell_nothing():
    assert np.isnan(suspicion(units([(0, 0)] * 9), layer(1, 1)))
    assert np.isnan(suspicion(units([(0, 0)] * 9), layer(3, 24)))
    assert np.isnan(suspicion(units([(0, 0)] * 2), layer(16, 24)))
