"""How much of projections is colour, by hand-made ones and a loop."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tests.browser import as_shown
from zfwidgets.records import (
    Activation,
    Box,
    Projection,
    Unit,
    clearest_values,
    colour_share,
    signed_picture,
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


def test_a_colour_and_its_opposite_are_one_line_and_another_colour_is_not():
    orange, blue, green = (2, -0.5, -1.5), (-2, 0.5, 1.5), (-0.5, 1.75, -1.25)
    assert colour_share([filled(*orange), filled(*blue)]) == pytest.approx(1)
    assert colour_share([filled(*orange), filled(*green)]) < 0.8


def test_energies_of_all_projections_add_up():
    grey, opposed = filled(2, 2, 2), filled(1, -1, 0)  # 12 and 2 a pixel
    assert colour_share([grey, opposed]) == pytest.approx(2 / 14)
    assert colour_share([opposed, opposed, grey]) == pytest.approx(4 / 16)


def test_it_is_the_most_that_any_line_through_grey_holds_inside_the_field():
    pixels = np.random.default_rng(2).normal(size=(6, 9, 3)) * (2, 1, 0.5)
    box = Box(-1, 4, 4, 3)
    inside = [pixels[row, column].tolist() for row in range(3) for column in range(4, 7)]
    most = 0.0
    for degrees in range(1800):
        angle = math.radians(degrees / 10)
        # Two directions at right angles to (1, 1, 1).
        along = [
            math.cos(angle) * one / math.sqrt(2) + math.sin(angle) * other / math.sqrt(6)
            for one, other in zip((1, -1, 0), (1, 1, -2), strict=True)
        ]
        held = sum(sum(a * v for a, v in zip(along, one, strict=True)) ** 2 for one in inside)
        most = max(most, held)
    everything = sum(value**2 for one in inside for value in one)
    assert colour_share([projection(pixels, box)]) == pytest.approx(most / everything, rel=1e-4)


def test_colours_that_have_nothing_to_do_with_each_other_have_a_third_and_stay_brightness():
    share = colour_share([projection(np.random.default_rng(0).normal(size=(70, 90, 3)))])
    assert share == pytest.approx(1 / 3, abs=0.02)
    assert clearest_values(share) == "brightness"
    assert clearest_values(colour_share([filled(0.1, 0.1, 0.2)])) == "brightness"
    assert clearest_values(colour_share([filled(2, 0, -0.5)])) == "colour"


@pytest.mark.parametrize("pixels", [np.zeros((3, 4, 3)), np.ones((3, 4, 1))])
def test_nothing_and_images_without_colours_have_none(pixels):
    assert colour_share([projection(pixels)]) == 0
    assert colour_share([]) == 0


def test_pixels_alone_have_the_same_share_and_picture():
    pixels = np.random.default_rng(4).normal(size=(5, 8, 3)).astype(np.float32)
    pixels[1:3] = 0
    alone = projection(pixels)
    assert colour_share([pixels]) == colour_share([alone])
    for values in ("brightness", "colour"):
        expected = as_shown.picture(alone, [alone], values)
        np.testing.assert_array_equal(signed_picture(pixels, values), expected)
        np.testing.assert_array_equal(np.asarray(alone.to_pil(values=values)), expected)
