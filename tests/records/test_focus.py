"""The square on which patches and projections are shown, against a search; brightness likewise."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from zfwidgets.records import (
    SHARE,
    Activation,
    Box,
    Projection,
    ReceptiveField,
    Unit,
    brightness,
    brightness_scale,
    display_scale,
    focus_box,
    focus_side,
)

IMAGE = (20, 31)
FIELDS = {
    "odd": ReceptiveField((9, 5), (2, 3), (-3, -1), IMAGE),
    "even": ReceptiveField((6, 12), (3, 2), (-2, -5), IMAGE),
    "one odd side": ReceptiveField((7, 10), (4, 4), (-3, -4), IMAGE),
    "higher than the image": ReceptiveField((33, 8), (4, 3), (-14, -3), IMAGE, "upper bound"),
    "wider than the image": ReceptiveField((5, 40), (3, 4), (-2, -18), IMAGE),
    "larger than the image": ReceptiveField((45, 60), (5, 6), (-20, -28), IMAGE, "gated"),
}
UNITS = [(0, 0), (2, 3), (5, 7), (0, 6), (4, 0)]


def projection(field, place, image=0, channels=3, spread=2.5):
    """A signal around somewhere in the field, zero outside of it."""
    random = np.random.default_rng([image, *place, channels, *field.size])
    rows, columns = field.image
    box = field.box(*place)
    down, right = np.mgrid[:rows, :columns]
    middle = [
        random.uniform(max(start, 0), min(start + size, most) - 1)
        for start, size, most in ((box.top, box.height, rows), (box.left, box.width, columns))
    ]
    near = np.exp(-((down - middle[0]) ** 2 + (right - middle[1]) ** 2) / spread**2)
    pixels = near[..., None] * random.normal(size=(rows, columns, channels))
    inside = np.zeros((rows, columns, 1))
    kept = box.clip(rows, columns)
    inside[kept.top : kept.bottom, kept.left : kept.right] = 1
    activation = Activation(Unit("conv", 0, *place), image, f"photo {image}", 1.0, box)
    return Projection(activation, "deconvnet", (pixels * inside).astype(np.float32))


def square(field, place, side):
    """Rows and columns of a square of ``side`` pixels around a unit's middle, without arithmetic.

    It grows from nothing by one row and one column at a time, first at the top left where that
    is no further from the middle.
    """
    spans = []
    for at, size, stride, offset in zip(place, field.size, field.stride, field.offset, strict=True):
        seen = list(range(at * stride + offset, at * stride + offset + size))
        middle = (seen[0] + seen[-1]) / 2
        span = []
        for _ in range(min(side, size)):
            before = span[0] - 1 if span else int(np.floor(middle))
            after = span[-1] + 1 if span else before
            if not span:
                span = [before]
            elif middle - before <= after - middle:
                span = [before, *span]
            else:
                span = [*span, after]
        assert set(span) <= set(seen)
        spans.append(span)
    return spans


def energy_in(projections, field, side):
    held = 0.0
    for one in projections:
        unit = one.activation.unit
        rows, columns = square(field, (unit.row, unit.col), side)
        for row, column in itertools.product(rows, columns):
            if 0 <= row < IMAGE[0] and 0 <= column < IMAGE[1]:
                held += float(np.square(one.pixels[row, column].astype(np.float64)).sum())
    return held


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("field", FIELDS.values(), ids=FIELDS)
def test_the_square_is_the_smallest_that_holds_the_energy(field, channels):
    found = [projection(field, place, i, channels) for i, place in enumerate(UNITS)]
    whole = sum(float(np.square(one.pixels.astype(np.float64)).sum()) for one in found)
    most = max(min(size, image) for size, image in zip(field.size, IMAGE, strict=True))
    holding = (side for side in range(1, most) if energy_in(found, field, side) >= SHARE * whole)
    assert focus_side(found, field) == next(holding, most)


def test_the_square_is_as_small_as_the_signal():
    """In the middle a pixel is enough; each of odd and even fields has a nearest one."""
    for field in FIELDS.values():
        one = projection(field, (2, 3))
        down, right = field.centre(2, 3)
        for row, column, side in (
            (np.floor(down), np.floor(right), 1),
            (np.ceil(down) + 1, np.floor(right), 4 if down % 1 else 3),
        ):
            pixels = np.zeros_like(one.pixels)
            pixels[int(row), int(column)] = -2.0
            point = Projection(one.activation, "deconvnet", pixels)
            assert focus_side([point], field) == side


@pytest.mark.parametrize("field", FIELDS.values(), ids=FIELDS)
def test_each_view_is_in_the_image_and_together_they_hold_the_energy(field):
    found = [projection(field, place, i) for i, place in enumerate(UNITS)]
    side = focus_side(found, field)
    held = whole = 0.0
    for one in found:
        view = focus_box(one.activation.unit, field, side)
        assert view.clip(*IMAGE) == view
        assert (view.height, view.width) == tuple(
            min(side, size, image) for size, image in zip(field.size, IMAGE, strict=True)
        )
        assert max(view.height, view.width) == side
        within = one.activation.box.inside(*IMAGE)  # what patches and pictures are cut to
        assert within.top <= view.top < view.bottom <= within.bottom
        assert within.left <= view.left < view.right <= within.right
        energy = np.square(one.pixels.astype(np.float64))
        whole += energy.sum()
        held += energy[view.top : view.bottom, view.left : view.right].sum()
    assert held >= SHARE * whole


def test_a_view_is_the_square_where_the_image_leaves_it_room():
    for field in FIELDS.values():
        for place, side in itertools.product(UNITS, range(1, 14)):
            rows, columns = square(field, place, side)
            if 0 <= rows[0] <= rows[-1] < IMAGE[0] and 0 <= columns[0] <= columns[-1] < IMAGE[1]:
                box = focus_box(Unit("conv", 0, *place), field, side)
                assert box == Box(rows[0], columns[0], len(rows), len(columns))


def test_what_has_no_place_of_its_own_is_shown_whole():
    field = ReceptiveField((1, 1), (1, 1), (0, 0), IMAGE, "global")
    one = projection(ReceptiveField(IMAGE, (1, 1), (0, 0), IMAGE), (0, 0))
    assert focus_side([one], field) == 31
    assert focus_box(Unit("linear", 3, 0, 0), field, 31) == Box(0, 0, *IMAGE)
    assert field.centre(0, 0) == (9.5, 15)


@pytest.mark.parametrize("field", FIELDS.values(), ids=FIELDS)
def test_nothing_is_shown_on_the_whole_field(field):
    one = projection(field, (2, 3))
    nothing = Projection(one.activation, "deconvnet", np.zeros_like(one.pixels))
    most = max(min(size, image) for size, image in zip(field.size, IMAGE, strict=True))
    assert focus_side([nothing], field) == focus_side([], field) == most
    assert focus_side([nothing, one], field) == focus_side([one], field)


def test_what_lies_outside_of_the_field_counts_neither_for_the_square_nor_the_scale():
    """As with squeeze-excite gates, which see the whole image: it isn't shown."""
    field = FIELDS["odd"]
    one = projection(field, (2, 3))
    box = one.activation.box
    more = one.pixels + 5
    more[box.top : box.bottom, box.left : box.right] -= 5
    gated = Projection(one.activation, "deconvnet", more)
    assert focus_side([gated], field) == focus_side([one], field) < 9
    assert brightness_scale([gated], [1.0]) == pytest.approx(brightness_scale([one], [1.0]))


@pytest.mark.parametrize("place", UNITS)
def test_a_units_middle_is_that_of_its_field(place):
    for name in ("odd", "even", "one odd side"):
        field = FIELDS[name]
        box = field.box(*place)
        middle = np.mean([box.top, box.bottom - 1]), np.mean([box.left, box.right - 1])
        assert field.centre(*place) == middle


def test_a_box_moved_inside_keeps_its_size_and_what_it_held():
    rows, columns = 8, 11
    for top, left, height, width in itertools.product(
        range(-7, 12, 3), range(-9, 16, 4), (1, 3, 8, 10), (2, 11, 14)
    ):
        box = Box(top, left, height, width)
        moved = box.inside(rows, columns)
        assert (moved.height, moved.width) == (min(height, rows), min(width, columns))
        assert moved.clip(rows, columns) == moved
        held = box.clip(rows, columns)
        if held.height and held.width:
            assert moved.top <= held.top
            assert held.bottom <= moved.bottom
            assert moved.left <= held.left
            assert held.right <= moved.right
        if held == box:
            assert moved == box  # and not moved without need


@pytest.mark.parametrize("channels", [1, 3])
def test_brightness_is_what_a_loop_finds(channels):
    random = np.random.default_rng(channels)
    pixels = random.normal(0, 2, size=(5, 7, channels)).astype(np.float32)
    found = brightness(pixels, 1.5)
    assert found.shape == (5, 7)
    for row, column in itertools.product(range(5), range(7)):
        levels = [min(max(float(value), -1.5), 1.5) for value in pixels[row, column]]
        if channels == 1:
            expected = levels[0]
        else:
            expected = 0.299 * levels[0] + 0.587 * levels[1] + 0.114 * levels[2]
        assert found[row, column] == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("channels", [1, 3])
def test_the_scale_of_brightness_is_a_percentile_of_what_is_not_zero(channels):
    field = FIELDS["even"]
    found = [projection(field, place, i, channels) for i, place in enumerate(UNITS[:3])]
    fulls = [2 * display_scale([one]) / 3 for one in found]
    values = []
    for one, full in zip(found, fulls, strict=True):
        for pixel in one.crop().reshape(-1, channels).tolist():
            levels = [min(max(value, -full), full) for value in pixel]
            weights = (1.0,) if channels == 1 else (0.299, 0.587, 0.114)
            values.append(abs(sum(w * v for w, v in zip(weights, levels, strict=True))))
    values = sorted(value for value in values if value > 0)
    at = 0.995 * (len(values) - 1)
    low, high = values[int(at)], values[min(int(at) + 1, len(values) - 1)]
    assert brightness_scale(found, fulls) == pytest.approx(low + (high - low) * (at % 1), rel=1e-5)
    nothing = Projection(found[0].activation, "deconvnet", np.zeros_like(found[0].pixels))
    assert brightness_scale([nothing], [1.0]) == brightness_scale([], []) == 1.0
