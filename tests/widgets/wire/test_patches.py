"""Patches, projections and thumbnails as they are sent."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pytest

from tests.widgets.wire.asking import answer, pixels, run, shown_patch
from zfwidgets.records import (
    CLIPPED_AT,
    Box,
    brightness_scale,
    colour_share,
    display_scale,
    focus_box,
    focus_side,
    signed_to_uint8,
)
from zfwidgets.widgets.wire.encode import LOSSLESS_BELOW, encode_pictures, on_scale, thumbnail


@pytest.mark.parametrize(
    ("layer", "channel"), [("conv1", 2), ("conv1", 1), ("pool1", 0), ("relu2", 2), ("classes", 3)]
)
def test_top_patches_are_the_engines_pixel_by_pixel(source, layer, channel):
    top = source.engine.top(layer, channel, 9)
    data, buffers = answer(source, "top", layer=layer, channel=channel, k=9)
    assert data["images_seen"] == 14
    assert data["mime"] == "image/png"
    assert len(buffers) == len(data["activations"]) == len(top) > 0
    for a, sent, buffer in zip(top, data["activations"], buffers, strict=True):
        np.testing.assert_array_equal(pixels(buffer), shown_patch(source.engine, a))
        assert sent == {
            "image": a.image,
            "name": a.image_name,
            "row": a.unit.row,
            "col": a.unit.col,
            "value": a.value,
            "box": a.box.to_json(),
        }
    assert data["patch"] == list(shown_patch(source.engine, top[0]).shape[:2])


def test_patches_at_the_border_have_no_padding(source):
    """They show as many pixels as the others, all of the photo."""
    top = source.engine.top("relu2", 2, 9)
    at_border = [i for i, a in enumerate(top) if a.box.clip(24, 32) != a.box]
    assert len(at_border) > 4
    data, buffers = answer(source, "top", layer="relu2", channel=2, k=9)
    for i in at_border:
        patch, photo = pixels(buffers[i]), source.engine.photo(top[i].image)
        rows, columns = patch.shape[:2]
        assert [rows, columns] == data["patch"]
        windows = np.lib.stride_tricks.sliding_window_view(photo, (rows, columns), (0, 1))
        same = (windows == patch.transpose(2, 0, 1)).all((2, 3, 4))
        assert same.sum() == 1
        # It holds all of the field that is in the photo.
        (start,), field = np.argwhere(same), top[i].box.clip(24, 32)
        assert start[0] <= field.top < field.bottom <= start[0] + rows
        assert start[1] <= field.left < field.right <= start[1] + columns


@pytest.mark.parametrize("layer", ["conv1", "relu2"])
def test_projections_are_the_engines_on_one_scale(source, layer):
    top = source.engine.top(layer, 1, 9)
    projections = source.engine.project_all(top)
    scale = display_scale(projections)
    data, buffers = answer(source, "projections", layer=layer, channel=1, k=9, rule="deconvnet")
    assert data["scale"] == scale
    assert [p["image"] for p in data["projections"]] == [p.activation.image for p in projections]
    assert data["projections"][0]["pools"] == (1 if layer == "relu2" else 0)
    assert data["projections"][0]["operations"][0] == {
        "name": "conv2d",
        "status": "paper",
        "count": 2 if layer == "relu2" else 1,
        "note": "",
    }
    assert data["clipped_at"] == CLIPPED_AT
    assert data["colour_share"] == colour_share(projections)
    assert data["clearest"] == ("colour" if data["colour_share"] >= 0.5 else "brightness")
    for p, sent, buffer in zip(projections, data["projections"], buffers, strict=True):
        assert sent["scale"] == display_scale([p])
        assert sent["full"] == max(scale, sent["scale"])
        shown = p.activation.box.inside(24, 32).cut(p.pixels)
        np.testing.assert_array_equal(pixels(buffer), signed_to_uint8(shown, sent["full"]))
        assert sent["brightness"] == brightness_scale([p], [sent["full"]])
    fulls = [sent["full"] for sent in data["projections"]]
    assert data["brightness"] == brightness_scale(projections, fulls)
    larger = [p["full"] > scale for p in data["projections"]]
    assert any(larger) or layer == "conv1"


@pytest.mark.parametrize(("layer", "channel"), [("conv1", 1), ("pool1", 0), ("relu2", 2)])
def test_all_are_shown_on_one_square_that_holds_their_signal(source, layer, channel):
    top = source.engine.top(layer, channel, 9)
    projections = source.engine.project_all(top)
    field = source.engine.layer(layer).field_of(channel)
    data, _ = answer(source, "projections", layer=layer, channel=channel, k=9, rule="deconvnet")
    assert data["focus"] == focus_side(projections, field) <= max(field.size)
    held, whole = 0.0, 0.0
    for p, sent in zip(projections, data["projections"], strict=True):
        view = Box(**sent["view"])
        assert view == focus_box(p.activation.unit, field, data["focus"])
        assert view.clip(24, 32) == view
        assert max(view.height, view.width) == data["focus"]
        energy = np.square(p.pixels.astype(np.float64))
        whole += energy.sum()
        held += energy[view.top : view.bottom, view.left : view.right].sum()
    assert held >= 0.95 * whole


@pytest.mark.parametrize("strength", [1.0, 0.4])
def test_a_projections_picture_can_be_shown_on_either_scale(strength):
    """From 8 bits on the larger scale, the smaller one is right to a level."""
    values = np.random.default_rng(5).normal(0, 2, size=(9, 12, 3)).astype(np.float32)
    sent = signed_to_uint8(values, 4.0)
    shown = on_scale(sent, 4.0, 4.0 * strength).astype(int)
    exact = signed_to_uint8(values, 4.0 * strength).astype(int)
    assert np.abs(shown - exact).max() <= np.ceil(0.5 / strength)
    assert shown.min() < 20
    assert shown.max() > 236


def test_projections_stay_lossless_however_large():
    large = np.zeros((500, 400, 3), np.uint8)
    assert large.nbytes > LOSSLESS_BELOW
    mime, (sent,) = encode_pictures([large], lossless=True)
    assert mime == "image/png"
    np.testing.assert_array_equal(pixels(sent), large)


def test_the_scale_is_a_percentile_of_what_is_not_zero(source):
    one, *_ = source.engine.project_all(source.engine.top("relu2", 1, 9))
    crop = one.crop()
    assert (crop == 0).any()
    expected = np.percentile(np.abs(crop[crop != 0]), 99.5)
    assert display_scale([one]) == pytest.approx(expected)
    # More of nothing around it changes nothing.
    box = one.activation.box
    wide = dataclasses.replace(
        one,
        pixels=np.pad(one.pixels, ((40, 0), (0, 60), (0, 0))),
        activation=dataclasses.replace(
            one.activation, box=Box(box.top, box.left, box.height + 40, box.width + 60)
        ),
    )
    assert wide.crop().size > crop.size
    assert display_scale([wide]) == pytest.approx(
        np.percentile(np.abs(one.pixels[one.pixels != 0]), 99.5)
    )
    nothing = dataclasses.replace(one, pixels=np.zeros_like(one.pixels))
    assert display_scale([nothing]) == display_scale([]) == 1.0
    assert (signed_to_uint8(nothing.crop(), 1.0) == 128).all()


def test_a_projection_of_zeros_is_marked(source, monkeypatch):
    """Where it is shown: in the receptive field."""
    whole = source.engine.project_all(source.engine.top("relu2", 1, 9))
    hollow = []
    for p in whole[::2]:
        rest = p.pixels + 1
        box = p.activation.box.clip(*rest.shape[:2])
        rest[box.top : box.bottom, box.left : box.right] = 0
        hollow.append(dataclasses.replace(p, pixels=rest))
    empty = {p.activation.image: p for p in hollow}
    monkeypatch.setattr(
        type(source.engine),
        "project_all",
        lambda self, top, rule="deconvnet": tuple(
            empty.get(a.image) or next(p for p in whole if p.activation.image == a.image)
            for a in top
        ),
    )
    data, _ = answer(source, "projections", layer="relu2", channel=1, k=9, rule="deconvnet")
    found = [p["blank"] for p in data["projections"]]
    assert found == [p["image"] in empty for p in data["projections"]]
    assert {True, False} == set(found)


def test_each_rule_has_its_own_projections(source):
    fields = {"layer": "relu2", "channel": 1, "k": 9}
    top = source.engine.top("relu2", 1, 9)
    pictures = {}
    for rule in ("deconvnet", "guided", "gradient"):
        data, buffers = answer(source, "projections", rule=rule, **fields)
        pictures[rule] = [pixels(buffer) for buffer in buffers]
        expected = source.engine.project_all(top, rule)
        assert data["scale"] == display_scale(expected)
        for p, sent, picture in zip(expected, data["projections"], pictures[rule], strict=True):
            shown = p.activation.box.inside(24, 32).cut(p.pixels)
            np.testing.assert_array_equal(picture, signed_to_uint8(shown, sent["full"]))
    for a, b in itertools.combinations(pictures.values(), 2):
        assert any((x != y).any() for x, y in zip(a, b, strict=True))


def test_projections_of_small_fields_come_in_one_pass(source):
    fields = {"layer": "relu2", "channel": 1, "k": 9, "rule": "deconvnet"}
    yielded, (data, _) = run(source.answer("projections", fields))
    assert not any(callable(step) for step in yielded)
    assert all(data["projections"])


def test_projections_of_large_fields_come_by_and_by(source, monkeypatch):
    fields = {"layer": "relu2", "channel": 1, "k": 9, "rule": "deconvnet"}
    # Of 15 rows a field of 8 is more than half.
    shape = source.engine.info.input_shape
    info = dataclasses.replace(source.engine.info, input_shape=(shape[0], 15, 32))
    monkeypatch.setattr(source.engine, "info", info)
    yielded, (data, buffers) = run(source.answer("projections", fields))
    partial, some = next(step() for step in yielded if callable(step))
    assert 0 < len(some) < len(buffers) == 9
    assert [p is None for p in partial["projections"]] == [False] * len(some) + [True] * (
        9 - len(some)
    )
    assert None not in data["projections"]


def test_a_silent_channel_has_no_patches_and_a_blank_thumbnail(source):
    assert source.engine.channels("relu2").silent[7] == 1
    data, buffers = answer(source, "top", layer="relu2", channel=7, k=9)
    assert (data["activations"], buffers) == ([], [])
    fields = {"layer": "relu2", "channel": 7, "k": 9, "rule": "deconvnet"}
    assert answer(source, "projections", **fields)[0]["projections"] == []
    data, (sheet,) = answer(source, "sheet", layer="relu2", first=7, count=1, size=20)
    assert (pixels(sheet) == 255).all()


@pytest.mark.parametrize(("layer", "channels"), [("relu2", 8), ("pool1", 6)])
def test_a_sheet_holds_each_channels_strongest_patch(source, layer, channels):
    data, (sheet,) = answer(source, "sheet", layer=layer, first=1, count=256, size=20)
    assert (data["first"], data["count"], data["size"]) == (1, channels - 1, 20)
    picture, columns = pixels(sheet), data["columns"]
    for i in range(channels - 2):
        top, left = i // columns * 20, i % columns * 20
        patch = shown_patch(source.engine, source.engine.top(layer, 1 + i, 1)[0])
        expected = thumbnail(patch, 20)
        np.testing.assert_array_equal(picture[top : top + 20, left : left + 20], expected)


def test_a_thumbnail_keeps_the_proportions():
    wide = np.zeros((10, 40, 3), np.uint8)
    small = thumbnail(wide, 20)
    assert small.shape == (20, 20, 3)
    black = (small == 0).all(-1)
    assert (black.any(1).sum(), black.any(0).sum()) == (5, 20)
