"""What a report gives back is what the live engine gave."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pytest

import zfwidgets as zf
from tests.waiting import SECONDS
from zfwidgets.engine.protocol import EngineProtocol
from zfwidgets.errors import InputError, NotStored, UnknownLayer
from zfwidgets.records import Box, Occluder, occluder_box
from zfwidgets.stepwise import finish
from zfwidgets.widgets.wire.encode import decode_picture
from zfwidgets.widgets.wire.service import service_of
from zfwidgets.widgets.wire.source import Source, identity

from .conftest import LAYERS


@pytest.fixture(params=["report.html", "folder"])
def stored(save, request):
    return zf.load_report(save(request.param, budget=None))


def same(one, other):
    """Records whose arrays are equal."""
    for field in dataclasses.fields(one):
        mine, theirs = getattr(one, field.name), getattr(other, field.name)
        if isinstance(mine, np.ndarray):
            np.testing.assert_array_equal(mine, theirs)
            assert mine.dtype == theirs.dtype
        else:
            assert mine == theirs, field.name


def test_a_report_is_an_engine(stored, engine):
    assert isinstance(stored, EngineProtocol)
    assert stored.layers == tuple(engine.layer(name) for name in LAYERS)
    for field in dataclasses.fields(engine.info):
        if field.name != "notes":
            assert getattr(stored.info, field.name) == getattr(engine.info, field.name)
    assert set(engine.info.notes) < set(stored.info.notes)
    assert stored.indexed
    assert stored.rules == ("deconvnet",)
    assert stored.rule("deconvnet") == engine.rule("deconvnet")
    stored.verify()


@pytest.mark.parametrize("layer", LAYERS)
def test_statistics_and_strongest_places_are_the_same(stored, engine, layer):
    same(stored.channels(layer), engine.channels(layer))
    for channel in range(engine.layer(layer).channels):
        for k in (1, 4, 9):
            mine, live = stored.top(layer, channel, k), engine.top(layer, channel, k)
            assert len(mine) == len(live)
            for one, other in zip(mine, live, strict=True):
                assert one.value == np.float32(other.value)
                assert dataclasses.replace(one, value=other.value) == other


def test_photos_and_patches_without_a_budget_lose_nothing(stored, engine):
    for image in range(len(engine.info.images)):
        np.testing.assert_array_equal(stored.photo(image), engine.photo(image))
    for activation in engine.top("conv2", 3):
        np.testing.assert_array_equal(stored.patch(activation), engine.patch(activation))


def test_projections_are_the_same_to_their_levels(stored, engine):
    for layer, channel in itertools.product(LAYERS, range(6)):
        top = engine.top(layer, channel)
        k = 9 if (layer, channel) == ("conv2", 3) else 1
        projections = engine.project_all(top[:k])
        largest = max((np.abs(live.pixels).max() for live in projections), default=0)
        for mine, live in zip(
            stored.project_all(stored.top(layer, channel, k)), projections, strict=True
        ):
            assert mine.operations == live.operations
            assert mine.pixels.shape == live.pixels.shape
            clipped = np.clip(live.pixels, mine.pixels.min(), mine.pixels.max())
            assert np.abs(mine.pixels - clipped).max() <= largest / 127 / 2 + 1e-6
        if len(top) > k:
            with pytest.raises(NotStored, match="projections"):
                stored.project_all(stored.top(layer, channel))


def test_patches_and_projections_are_shown_the_same(stored, engine):
    """On the same part of the photo, on the same scales."""
    fields = {"layer": "conv2", "channel": 3, "k": 9}
    sources = service_of(stored).source, Source(engine)
    (told, mine), (data, live) = (finish(s.answer("top", fields)) for s in sources)
    assert told["patch"] == data["patch"]
    for one, other in zip(mine, live, strict=True):
        np.testing.assert_array_equal(decode_picture(one), decode_picture(other))
    asked = {**fields, "rule": "deconvnet"}
    (told, mine), (data, live) = (finish(s.answer("projections", asked)) for s in sources)
    names = ("scale", "brightness", "focus", "colour_share", "clearest", "clipped_at", "patch")
    assert {*names} <= told.keys()
    for name in names:
        assert told[name] == data[name], name
    assert told["projections"] == data["projections"]
    views = {tuple(p["view"].values()) for p in told["projections"]}
    assert len(views) > 1
    for one, other in zip(mine, live, strict=True):
        np.testing.assert_array_equal(decode_picture(one), decode_picture(other))


def test_classes_are_the_same(stored, engine):
    for image in range(len(engine.info.images)):
        mine, live = stored.predict(image), engine.predict(image)
        np.testing.assert_allclose(mine.probabilities, live.probabilities, rtol=1e-6)
        assert [row[:2] for row in mine.top()] == [row[:2] for row in live.top()]


def test_under_an_occluder_classes_are_the_same_where_they_are_stored(stored, engine):
    for row, col in ((0, 0), (2, 5), (5, 7)):
        box = occluder_box(row, col, (6, 8), (4, 4))
        mine = stored.predict(5, Occluder(box)).probabilities
        live = engine.predict(5, Occluder(box)).probabilities
        held = np.isfinite(mine)
        assert held[live.argmax()]
        np.testing.assert_allclose(mine[held], live[held], atol=1 / 65535)
    for occluder in (Occluder(Box(1, 1, 6, 8)), Occluder(box, "mean"), Occluder(Box(0, 0, 5, 8))):
        with pytest.raises(NotStored, match="one every 4 px, for a square of 6 × 8 px"):
            stored.predict(5, occluder)
    with pytest.raises(NotStored):
        stored.predict(0, Occluder(box))


def test_maps_are_the_same(stored, engine):
    mine = finish(stored.occlude_steps(zf.records.OcclusionRequest(2, (6, 8), 4)))
    live = finish(engine.occlude_steps(zf.records.OcclusionRequest(2, (6, 8), 4)))
    np.testing.assert_allclose(mine.probability(), live.probability(), atol=2 / 65535)
    np.testing.assert_array_equal(mine.predicted(), live.predicted())
    assert (mine.target, mine.box(1, 2)) == (live.target, live.box(1, 2))
    with pytest.raises(NotStored):
        finish(stored.occlude_steps(zf.records.OcclusionRequest(2, (6, 8), 8)))
    with pytest.raises(NotStored):
        finish(stored.occlude_steps(zf.records.OcclusionRequest(3, (6, 8), 4)))


def answers(source, needs):
    return {identity(*need): finish(source.answer(*need)) for need in needs}


def test_widgets_get_the_answers_that_live_ones_get(stored, engine, explorer):
    again = zf.Explorer(stored, layer="conv2", channel=3, image=2, stride=4, patch=(6, 8))
    again.selection.occluder = {**again.selection.occluder, "top": 8, "left": 13}
    explorer.state = again.state
    needs = explorer._needs()
    assert {identity(*need) for need in needs} == {identity(*need) for need in again._needs()}
    live = answers(Source(engine), needs)
    mine = answers(service_of(stored).source, needs)
    for kind, fields in needs:
        (data, buffers), (theirs, others) = (
            mine[identity(kind, fields)],
            live[identity(kind, fields)],
        )
        if kind == "top":  # float32 values
            for one, other in zip(data["activations"], theirs["activations"], strict=True):
                assert one.pop("value") == np.float32(other.pop("value"))
        if kind in ("occlusion", "predict"):
            data = {**data, "seconds_left": None}
            theirs = {**theirs, "seconds_left": None}
        if kind == "predict" and fields["occluder"] is not None:
            held = np.frombuffer(buffers[0], "<f4")
            np.testing.assert_allclose(
                held[np.isfinite(held)],
                np.frombuffer(others[0], "<f4")[np.isfinite(held)],
                atol=1 / 65535,
            )
        elif "mime" in data:
            data, theirs = {**data, "mime": ""}, {**theirs, "mime": ""}
            for one, other in zip(buffers, others, strict=True):
                assert decode_picture(one).tobytes() == decode_picture(other).tobytes()
        else:
            assert buffers == others
        assert data == theirs, kind
    assert again.settle(SECONDS)
    assert again.snapshot(SECONDS).width == explorer.snapshot(SECONDS).width


def test_the_chosen_channels_range_is_the_same(stored, engine):
    mine = finish(stored.quantile_steps("conv2", 3))
    assert mine == finish(engine.quantile_steps("conv2", 3))
    assert any(row.activations for row in mine)
    fields = {"layer": "conv2", "channel": 3}
    data, _ = finish(service_of(stored).source.answer("quantiles", fields))
    assert data == finish(Source(engine).answer("quantiles", fields))[0]
    for other in (("conv2", 2, 3, 10), ("conv2", 3, 2, 10), ("conv2", 3, 3, 4)):
        with pytest.raises(NotStored, match="range of those channels alone"):
            finish(stored.quantile_steps(*other))


def test_what_is_not_stored_says_what_is(stored):
    with pytest.raises(UnknownLayer, match="conv2"):
        stored.layer("conv3")
    with pytest.raises(NotStored, match="kernel"):
        stored.sample("conv1", 0)
    with pytest.raises(InputError, match="channels"):
        stored.top("conv1", 99)


def test_what_is_pinned_is_held_with_all_its_projections(save, engine):
    pinned = zf.Explorer(engine, layer="conv2", channel=3, pinned=("relu1", 4), stride=4)
    stored = zf.load_report(save(widgets=pinned, budget=None))  # no more than what is asked
    for layer, channel in (("conv2", 3), ("relu1", 4)):
        top = stored.top(layer, channel)
        assert len(stored.project_all(top)) == len(engine.top(layer, channel)) > 1
    with pytest.raises(NotStored):
        stored.project_all(stored.top("relu1", 5))


def test_a_report_of_a_report_is_the_same(save, stored, tmp_path):
    again = zf.Explorer(stored, layer="conv2", channel=3, stride=4, patch=(6, 8))
    choices = {"images": [2, 5], "budget": None, "progress": False}
    second = zf.load_report(zf.save_report(again, tmp_path / "again.html", **choices).path)
    same(second.channels("conv2"), stored.channels("conv2"))
    np.testing.assert_array_equal(second.photo(4), stored.photo(4))
    box = occluder_box(2, 5, (6, 8), (4, 4))
    np.testing.assert_array_equal(
        second.predict(5, Occluder(box)).probabilities,
        stored.predict(5, Occluder(box)).probabilities,
    )
