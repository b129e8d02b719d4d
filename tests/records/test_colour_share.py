"""How much of projections is colour, by hand-made ones and a loop."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from zfwidgets.records import (
    Activation,
    Box,
    Projection,
    Unit,
    clearest_values,
    colour_share,
)


def projection(pixels, box=None):
    """One of these pixels, of a unit whose field is the box."""
    pixels = np.asarray(pixels, np.float32)
    box = box or Box(0, 0, *pixels.shape[:2])
    return Projection(Activation(Unit("conv", 0, 0, 0), 0, "photo", 1.0, box), "deconvnet", pixels)


def filled(*colour, rows=2, columns=5):
    return projection(np.tile(np.float32(colour), (rows, columns, 1)))


@pytest.mark.parametrize(
    ("colour", "share"),
    [
        ((0.4, 0.4, 0.4), 0),
        ((-3, -3, -3), 0),
        ((1, -1, 0), 1),
        ((-2, 1, 1), 1),
        ((3, 0, 0), 2 / 3),
        ((0, 0, -7), 2 / 3),
        ((1, 1, 0), 1 / 3),
    ],
)
def test_grey_has_none_opposed_colours_nothing_else_and_one_alone_two_thirds(colour, share):
    assert colour_share([filled(*colour)]) == pytest.approx(share, abs=1e-6)


def test_energies_of_all_projections_add_up():
    grey, opposed = filled(2, 2, 2), filled(1, -1, 0)  # 12 and 2 a pixel
    assert colour_share([grey, opposed]) == pytest.approx(2 / 14)
    assert colour_share([opposed, opposed, grey]) == pytest.approx(4 / 16)


def test_it_is_what_a_loop_finds_inside_the_field():
    pixels = np.random.default_rng(2).normal(size=(6, 9, 3))
    box = Box(-1, 4, 4, 3)
    colour = everything = 0.0
    for row, column in itertools.product(range(3), range(4, 7)):
        one = pixels[row, column].tolist()
        middle = sum(one) / 3
        colour += sum((value - middle) ** 2 for value in one)
        everything += sum(value**2 for value in one)
    assert colour_share([projection(pixels, box)]) == pytest.approx(colour / everything, rel=1e-5)


def test_colours_that_have_nothing_to_do_with_each_other_have_two_thirds_and_stay_brightness():
    share = colour_share([projection(np.random.default_rng(0).normal(size=(70, 90, 3)))])
    assert share == pytest.approx(2 / 3, abs=0.02)
    assert clearest_values(share) == "brightness"
    assert clearest_values(colour_share([filled(0.1, 0.1, 0.2)])) == "brightness"
    assert clearest_values(colour_share([filled(2, -1, -0.5)])) == "colour"


@pytest.mark.parametrize("pixels", [np.zeros((3, 4, 3)), np.ones((3, 4, 1))])
def test_nothing_and_images_without_colours_have_none(pixels):
    assert colour_share([projection(pixels)]) == 0
    assert colour_share([]) == 0
