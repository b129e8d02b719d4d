"""The static picture's patches and projections, from answers, against the engine's records."""

from __future__ import annotations

import numpy as np
import pytest

import zfwidgets as zf
from tests.browser import as_shown
from tests.waiting import SECONDS
from zfwidgets.drawing.page import MARGIN, Page
from zfwidgets.records import Box, brightness, brightness_scale, coloured, display_scale
from zfwidgets.widgets.static_picture import patch_picture
from zfwidgets.widgets.wire.source import Source

LAYER, CHANNEL = "relu2", 2
EXTENT = (24, 32)


def finish(steps):
    """What a generator returns."""

    def whole():
        returned.append((yield from steps))

    returned: list = []
    list(whole())
    return returned[0]


@pytest.fixture
def answers(indexed):
    source = Source(indexed)
    fields = {"layer": LAYER, "channel": CHANNEL, "k": 9}
    return (
        finish(source.answer("top", fields)),
        finish(source.answer("projections", {**fields, "rule": "deconvnet"})),
    )


def shown(kind, options, answers):
    return [np.asarray(p) for p in patch_picture.pictures(kind, options, *answers, EXTENT)]


def views(indexed, answers, whole):
    """What is shown of each photo: the square, or the field moved into the photo."""
    boxes = [a.box.inside(*EXTENT) for a in indexed.top(LAYER, CHANNEL, 9)]
    return boxes if whole else [Box(**p["view"]) for p in answers[1][0]["projections"]]


@pytest.mark.parametrize("whole", [False, True])
def test_patches_are_the_photos_pixels(indexed, answers, whole):
    top = indexed.top(LAYER, CHANNEL, 9)
    pictures = shown("patches", {"whole": whole}, answers)
    assert len(pictures) == len(top) == 9
    for a, box, picture in zip(top, views(indexed, answers, whole), pictures, strict=True):
        photo = indexed.photo(a.image)
        np.testing.assert_array_equal(picture, photo[box.top : box.bottom, box.left : box.right])


@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize("scale", ["own", "one"])
@pytest.mark.parametrize("values", ["brightness", "colour", "positive", "magnitude"])
def test_projections_are_the_records_on_the_chosen_scale(indexed, answers, values, scale, whole):
    projections = indexed.project_all(indexed.top(LAYER, CHANNEL, 9))
    common = display_scale(projections)
    fulls = [max(common, display_scale([p])) for p in projections]
    options = {"values": values, "scale": scale, "whole": whole}
    pictures = shown("projections", options, answers)
    boxes = views(indexed, answers, whole)
    for i, (p, picture) in enumerate(zip(projections, pictures, strict=True)):
        pixels = p.pixels[boxes[i].top : boxes[i].bottom, boxes[i].left : boxes[i].right]
        own = scale == "own"
        if values == "brightness":
            signed = np.repeat(brightness(pixels, fulls[i])[..., None], 3, -1)
            end = brightness_scale([p] if own else projections, [fulls[i]] if own else fulls)
        else:
            signed = pixels
            end = display_scale([p] if own else projections)
        share = np.clip(signed / end, -1, 1)
        expected = {
            "brightness": 128 + 127 * share,
            "colour": 128 + 127 * share,
            "positive": 255 * np.maximum(share, 0),
            "magnitude": coloured(np.abs(share).max(-1), "magma", 0, 1),
        }[values]
        # The answer's picture has 127 levels each way up to `full`.
        level = 0.5 * fulls[i] / end + 0.5
        most = {"positive": 2.01, "magnitude": 8}.get(values, 1) * level + 0.51
        assert np.abs(picture - expected.astype(float)).max() <= most
        assert len(np.unique(picture)) > 5


def test_by_default_each_is_on_its_own_scale_in_colour_where_that_is_most_of_the_signal(indexed):
    """As brightness in the others; whatever is chosen is shown."""
    met = set()
    for channel in range(indexed.layer("relu1").channels):
        fields = {"layer": "relu1", "channel": channel, "k": 9}
        source = Source(indexed)
        asked = (
            finish(source.answer("top", fields)),
            finish(source.answer("projections", {**fields, "rule": "deconvnet"})),
        )
        found = indexed.project_all(indexed.top("relu1", channel, 9))
        expected = "colour" if as_shown.colour_share(found) >= 0.5 else "brightness"
        met.add(expected)
        pictures = shown("projections", {}, asked)
        chosen = shown("projections", {"values": expected, "scale": "own"}, asked)
        other = shown("projections", {"values": "brightness"}, asked)
        for picture, same, grey in zip(pictures, chosen, other, strict=True):
            np.testing.assert_array_equal(picture, same)
            assert (grey == grey[..., :1]).all()
            # Each comes up to the ends of its scale, or close.
            assert np.abs(picture.astype(int) - 128).max() > 110
        words = " ".join(patch_picture.legend("projections", {}, asked[1]))
        assert ("colours lighter or darker" in words) == (expected == "colour")
    assert met == {"brightness", "colour"}


def test_patches_are_revealed_where_the_projections_are_strong(indexed, answers):
    projections = indexed.project_all(indexed.top(LAYER, CHANNEL, 9))
    patches = shown("patches", {"whole": True}, answers)
    for p, patch, picture in zip(
        projections, patches, shown("revealed", {"whole": True}, answers), strict=True
    ):
        strength = np.abs(p.activation.box.inside(*EXTENT).cut(p.pixels)).max(-1)
        for _ in range(2):
            for axis in (0, 1):
                around = np.pad(strength, 1)
                strength = sum(np.roll(around, by, axis) for by in (-1, 0, 1))[1:-1, 1:-1] / 3
        seen = np.minimum(1, 1.6 * strength / strength.max())
        hidden, clear = seen < 0.02, seen > 0.999
        assert clear.any()
        np.testing.assert_array_equal(picture[clear], patch[clear])
        expected = patch * seen[..., None] + 255 * (1 - seen[..., None])
        assert np.abs(picture - expected).max() < 12
        assert (picture[hidden] > 240).all()


def test_what_is_not_known_has_no_picture(answers):
    top, projections = answers
    assert patch_picture.pictures("patches", {}, None, projections, EXTENT) == []
    waiting = patch_picture.pictures("projections", {}, top, None, EXTENT)
    assert waiting == [None] * 9
    patches = patch_picture.pictures("patches", {}, top, None, EXTENT)
    assert {one.size for one in patches} == {tuple(top[0]["patch"][::-1])}  # the whole field


LAYOUTS = {
    "both": ["the part of the photo that counts for the channel", "what in it drives the channel"],
    "patches": ["the part of the photo that counts for the channel"],
    "projections": ["what in it drives the channel ("],
    "revealed": ["the photo, visible where it drives the channel"],
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_page_follows_the_options(indexed, answers, monkeypatch, layout):
    drawn, said = [], []
    monkeypatch.setattr(
        Page, "picture", lambda self, x, y, picture, *size, **how: drawn.append(picture)
    )
    monkeypatch.setattr(Page, "text", lambda self, x, y, text, *more: said.append(text))
    grid = zf.PatchGrid(indexed, layer=LAYER, channel=CHANNEL, patches=layout)
    grid.snapshot(SECONDS)
    kinds = ["patches", "projections"] if layout == "both" else [layout]
    expected = [p for kind in kinds for p in shown(kind, grid.view_options, answers)]
    assert len(drawn) == len(expected)
    for picture, same in zip(drawn, expected, strict=True):
        np.testing.assert_array_equal(np.asarray(picture), same)
    for words in LAYOUTS[layout]:
        assert any(text.startswith(words) for text in said)
    assert any("each on its own scale" in text for text in said) == ("projections" in kinds)
    drawn.clear()
    said.clear()
    grid.scale, grid.values, grid.whole = "one", "colour", True
    grid.snapshot(SECONDS)
    expected = [p for kind in kinds for p in shown(kind, grid.view_options, answers)]
    for picture, same in zip(drawn, expected, strict=True):
        np.testing.assert_array_equal(np.asarray(picture), same)
    scale = f"all on one scale: ±{answers[1][0]['scale']:.4g}"
    assert any(text.startswith(scale) for text in said) == ("projections" in kinds)
    assert ("all of the photo that the channel can see there" in said) == ("patches" in kinds)


def test_the_page_shows_what_is_pinned_too(indexed, monkeypatch):
    drawn, said = [], []
    monkeypatch.setattr(
        Page, "picture", lambda self, x, y, picture, *size, **how: drawn.append(picture)
    )
    monkeypatch.setattr(Page, "text", lambda self, x, y, text, *more: said.append(text))
    grid = zf.PatchGrid(indexed, layer=LAYER, channel=CHANNEL, pinned=(LAYER, CHANNEL, "guided"))
    grid.snapshot(SECONDS)
    source, expected = Source(indexed), []
    for rule in ("deconvnet", "guided"):
        fields = {"layer": LAYER, "channel": CHANNEL, "k": 9}
        top = finish(source.answer("top", fields))
        projections = finish(source.answer("projections", {**fields, "rule": rule}))
        for kind in ("patches", "projections"):
            expected += shown(kind, grid.view_options, (top, projections))
    assert len(drawn) == len(expected) > 18
    for picture, same in zip(drawn, expected, strict=True):
        np.testing.assert_array_equal(np.asarray(picture), same)
    assert f"Pinned: {LAYER}, channel {CHANNEL}" in said
    grid.pinned = (LAYER, CHANNEL)  # the same again has no second place
    drawn.clear()
    grid.snapshot(SECONDS)
    assert len(drawn) == len(expected) // 2


def test_pictures_are_smooth_and_squares_are_a_choice(indexed):
    def neighbours_alike(image):
        """Share of neighbours along a row of the first patch that have the same colour."""
        left = slice(MARGIN + 20, MARGIN + 160)
        row = np.asarray(image)[-200, left].astype(int)
        return float((np.abs(np.diff(row, axis=0)).sum(-1) == 0).mean())

    grid = zf.PatchGrid(indexed, layer=LAYER, channel=CHANNEL, patches="patches", whole=True)
    smooth = neighbours_alike(grid.snapshot(SECONDS))
    grid.pixels = True
    assert neighbours_alike(grid.snapshot(SECONDS)) > 0.7 > smooth
