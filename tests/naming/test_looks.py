"""What patches look like, on patches whose colour, direction and frequency are known."""

from __future__ import annotations

import colorsys

import numpy as np
import pytest

from zfwidgets.errors import UnreadableImage
from zfwidgets.naming.looks import (
    HUES,
    RANDOM_PATCHES,
    measure,
    random_look_steps,
    share_looks,
    traits,
)
from zfwidgets.stepwise import finish


def grating(angle: float, cycles: float, shape=(21, 27)) -> np.ndarray:
    """Stripes that rise to the right at an angle from the horizontal, in degrees."""
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    along = np.radians(angle)
    across = -np.sin(along) * columns - np.cos(along) * rows
    grey = 127 + 100 * np.sin(2 * np.pi * cycles * across)
    return np.repeat(grey[..., None], 3, 2).astype(np.uint8)


def colour(hue: float, saturation: float = 1, value: float = 0.8, shape=(5, 3)) -> np.ndarray:
    rgb = np.array(colorsys.hsv_to_rgb(hue / 360, saturation, value))
    return np.broadcast_to((rgb * 255).round(), (*shape, 3)).astype(np.uint8)


@pytest.mark.parametrize("hue", [0, 60, 120, 180, 240, 300])
def test_hue_is_that_of_the_colour_circle(hue):
    look = measure(colour(hue))
    assert (look.hue - hue + 180) % 360 - 180 == pytest.approx(0, abs=0.5)
    assert look.chroma == pytest.approx(0.8, abs=0.01)
    assert measure(colour(hue, saturation=0)).chroma == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize(
    ("rgb", "name"),
    [
        ((200, 30, 20), "red"),
        ((240, 140, 20), "orange"),
        ((230, 220, 40), "yellow"),
        ((40, 160, 50), "green"),
        ((30, 60, 200), "blue"),
        ((120, 40, 200), "purple"),
        ((250, 80, 170), "pink"),
        ((210, 20, 45), "red"),
    ],
)
def test_colours_have_the_names_that_people_give_them(rgb, name):
    patch = np.broadcast_to(np.array(rgb, np.uint8), (4, 6, 3))
    (words,) = traits([measure(patch)])
    assert words == {name}
    assert [end for end, _ in HUES] == sorted(end for end, _ in HUES)


@pytest.mark.parametrize("angle", [0, 20, 45, 80, 90, 120, 135, 165])
def test_direction_is_that_of_the_stripes(angle):
    look = measure(grating(angle, 0.08))
    assert (look.direction - angle + 90) % 180 - 90 == pytest.approx(0, abs=4)
    assert look.coherence > 0.8


def test_a_diagonal_edge_rises_to_the_right_where_it_does_on_screen():
    patch = np.zeros((15, 15, 3), np.uint8)
    for row in range(15):
        patch[row, 14 - row :] = 255  # from the bottom left to the top right
    assert "edges that rise to the right" in traits([measure(patch)])[0]
    assert "edges that fall to the right" in traits([measure(patch[:, ::-1])])[0]
    upright = np.zeros((15, 9, 3), np.uint8)
    upright[:, 4:] = 255
    assert "vertical edges" in traits([measure(upright)])[0]
    assert "horizontal edges" in traits([measure(upright.transpose(1, 0, 2))])[0]


def test_what_has_all_directions_has_none():
    noise = np.random.default_rng(0).integers(0, 256, (31, 31), dtype=np.uint8)
    look = measure(np.repeat(noise[..., None], 3, 2))
    assert look.coherence < 0.3
    flat = measure(np.full((9, 9, 3), 77, np.uint8))
    assert (flat.coherence, flat.contrast, flat.chroma) == pytest.approx((0, 0, 0), abs=1e-12)
    assert np.isnan(flat.frequency)


@pytest.mark.parametrize("cycles", [0.1, 0.2, 0.3])
def test_frequency_is_that_of_the_stripes(cycles):
    assert measure(grating(30, cycles, (41, 47))).frequency == pytest.approx(cycles, rel=0.06)


def test_small_patches_have_no_frequency_and_the_smallest_no_direction():
    assert np.isnan(measure(grating(30, 0.3, (5, 9))).frequency)
    assert measure(grating(30, 0.3, (1, 9))).coherence == 0


def test_contrast_is_the_standard_deviation_of_brightness():
    patch = np.zeros((4, 6, 3), np.uint8)
    patch[:2] = 255
    assert measure(patch).contrast == pytest.approx(0.5)


def test_what_nine_have_is_compared_with_random_patches():
    random = np.random.default_rng(1)
    others = [measure(colour(float(h), 0.05)) for h in random.uniform(0, 360, 184)]
    others += [measure(colour(0)) for _ in range(16)]
    nine = [measure(colour(3)) for _ in range(8)] + [measure(colour(120))]
    name = next(one for one in share_looks(nine, others, 64) if one.text == "red")
    assert (name.count, name.of, name.share, name.compared) == (8, 9, 0.08, 200)
    assert name.named
    weak = share_looks(nine[:3] + [measure(colour(200, 0.05))] * 6, others, 64)
    assert not any(one.named for one in weak if one.text == "red")


def photos(images: int):
    random = np.random.default_rng(2)
    return random.integers(0, 256, (images, 20, 26, 3), dtype=np.uint8)


def test_random_patches_are_seeded_and_leave_the_global_state_alone():
    pictures = photos(7)
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    first = finish(random_look_steps((7, 9), 7, lambda image: pictures[image]))
    assert np.array_equal(before, np.random.get_state()[1])  # noqa: NPY002
    assert first == finish(random_look_steps((7, 9), 7, lambda image: pictures[image]))
    assert first != finish(random_look_steps((7, 9), 7, lambda image: pictures[image], seed=1))
    assert len(first) == RANDOM_PATCHES


def test_photos_that_cannot_be_read_give_no_patches():
    pictures = photos(4)

    def photo(image):
        if image == 2:
            raise UnreadableImage("gone", "gone")
        return pictures[image]

    assert len(finish(random_look_steps((5, 9), 4, photo))) == 150


def test_a_field_that_is_larger_than_a_photo_is_all_of_it():
    pictures = photos(1)
    looks = finish(random_look_steps((50, 9), 1, lambda image: pictures[image]))
    assert len(looks) == RANDOM_PATCHES
