"""Answers about many photos at once: their pictures, classes, and which there are."""

from __future__ import annotations

import numpy as np
import pytest

from tests.widgets import numpy_engine
from tests.widgets.wire.asking import answer, pixels, run
from zfwidgets.errors import InputError, UnreadableImage
from zfwidgets.records import PhotoResponses
from zfwidgets.widgets.wire.encode import GREY, thumbnail
from zfwidgets.widgets.wire.photos import responses_answer
from zfwidgets.widgets.wire.schema import LONGEST_SIDE
from zfwidgets.widgets.wire.source import Source


def tiles(data, buffers):
    """The thumbnails of a sheet."""
    sheet, size = pixels(buffers[0]), data["size"]
    return [
        sheet[top : top + size, left : left + size]
        for i in range(len(data["images"]))
        for top, left in [(i // data["columns"] * size, i % data["columns"] * size)]
    ]


def test_thumbnails_are_the_photos_in_the_order_asked(engine):
    source = Source(engine)
    data, buffers = answer(source, "thumbnails", images=[5, 0, 13], size=20)
    assert data["images"] == [5, 0, 13]
    assert data["lost"] == []
    for image, tile in zip([5, 0, 13], tiles(data, buffers), strict=True):
        np.testing.assert_array_equal(tile, thumbnail(engine.photo(image), 20))


def test_a_thumbnail_that_is_known_reads_no_photo_again(engine, monkeypatch):
    source = Source(engine)
    answer(source, "thumbnails", images=[1, 2], size=20)
    read = []
    photo = engine.photo
    monkeypatch.setattr(engine, "photo", lambda image: read.append(image) or photo(image))
    answer(source, "thumbnails", images=[2, 3, 1], size=20)
    assert read == [3]


def test_looking_through_all_photos_lets_go_of_none_that_is_in_use(engine):
    source = Source(engine, photos=2 * engine.pictures[0].nbytes)
    for image in (3, 4):
        answer(source, "photo", image=image)
    answer(source, "thumbnails", images=[*range(14)], size=20)
    kept = [image in source.pictures.photos for image in range(14)]
    assert [image for image, is_kept in enumerate(kept) if is_kept] == [3, 4]


def test_a_photo_that_cannot_be_read_is_grey_and_said(engine, monkeypatch):
    photo = engine.photo

    def read(image):
        if image == 2:
            raise UnreadableImage("picture 2: the file is gone", "the file is gone")
        return photo(image)

    monkeypatch.setattr(engine, "photo", read)
    source = Source(engine)
    data, buffers = answer(source, "thumbnails", images=[1, 2], size=20)
    assert data["lost"] == [[2, "the file is gone"]]
    there, grey = tiles(data, buffers)
    assert (grey == GREY).all()
    np.testing.assert_array_equal(there, thumbnail(photo(1), 20))
    monkeypatch.undo()
    data, _ = answer(source, "thumbnails", images=[1, 2], size=20)
    assert data["lost"] == [], "it may come back"


def test_each_photo_is_a_step_so_that_what_is_urgent_goes_between(engine):
    steps = Source(engine).answer("thumbnails", {"images": [0, 1, 2], "size": 20})
    told, _ = run(steps)
    assert [(step.done, step.total) for step in told] == [(1, 3), (2, 3)]


@pytest.mark.parametrize("images", [[], [*range(65)], [14], [-1], [True], [1.5], "0", None])
def test_what_cannot_be_asked_for_is_named(engine, images):
    key = {"fingerprint": engine.info.fingerprint, "images": images, "size": 20}
    with pytest.raises(InputError, match=r"images|photo"):
        Source(engine).check("thumbnails", key)


def test_predicted_classes_are_those_of_each_photo_and_come_as_they_are_found():
    engine = numpy_engine.NumpyEngine(images=70, seed=4)
    source = Source(engine)
    told, (data, buffers) = run(source.answer("predicted", {}))
    logits = [engine.forward(engine.input(i))["classes"].ravel() for i in range(70)]
    found = np.frombuffer(buffers[0], "<i4")
    np.testing.assert_array_equal(found, [scores.argmax() for scores in logits])
    assert len(set(found.tolist())) > 1
    assert data == {"done": 70, "total": 70}
    (first, parts), *_ = [step() for step in told if callable(step)]
    assert first == {"done": 64, "total": 70}
    so_far = np.frombuffer(parts[0], "<i4")
    np.testing.assert_array_equal(so_far[:64], found[:64])
    assert (so_far[64:] == -1).all()


def test_predicted_goes_on_where_it_was_left(engine, monkeypatch):
    source = Source(engine)
    steps = source.answer("predicted", {})
    for _ in range(5):
        next(steps)
    steps.close()
    asked = []
    predict = engine.predict
    monkeypatch.setattr(engine, "predict", lambda image: asked.append(image) or predict(image))
    run(source.answer("predicted", {}))
    assert asked == [*range(5, 14)]


def test_without_classes_there_is_nothing_to_predict():
    source = Source(numpy_engine.NumpyEngine(classes=0))
    with pytest.raises(InputError, match="has no classes"):
        run(source.answer("predicted", {}))


def test_an_engine_that_takes_no_photos_says_so(engine):
    data, buffers = answer(Source(engine), "photos")
    assert buffers == []
    assert data["own"] == []
    assert data["held"] is None
    assert "takes no photos" in data["no_own"]


@pytest.mark.parametrize("layer", ["conv1", "pool1", "relu2", "classes"])
def test_responses_are_the_layers_maps_strongest_channel_first(engine, layer):
    maps = engine.forward(engine.input(5))[layer].astype(np.float32)
    data, buffers = answer(Source(engine), "responses", image=5, layer=layer)
    channels, rows, columns = maps.shape
    assert data == {
        "image": 5,
        "layer": layer,
        "channels": channels,
        "rows": rows,
        "columns": columns,
        "step": 1,
    }
    order, strongest, totals, row, col, levels = (
        np.frombuffer(buffer, kind)
        for buffer, kind in zip(buffers, ["<i4", "<f4", "<f4", "<i4", "<i4", "u1"], strict=True)
    )
    assert sorted(order) == [*range(channels)]
    assert (np.diff(strongest) <= 0).all()
    np.testing.assert_array_equal(strongest, maps.max((1, 2))[order])
    np.testing.assert_allclose(totals, maps.sum((1, 2))[order], rtol=1e-5, atol=1e-3)
    np.testing.assert_array_equal(maps[order, row, col], strongest)
    levels = levels.reshape(maps.shape)
    for place, channel in enumerate(order):
        plane, peak = maps[channel], strongest[place]
        wanted = np.clip(plane / peak, 0, 1) * 255 if peak > 0 else np.zeros_like(plane)
        assert np.abs(levels[place] - wanted).max() <= 0.5001
    silent = strongest <= 0
    assert (levels[silent] == 0).all()
    assert (levels[~silent].reshape((~silent).sum(), -1).max(1) == 255).all()


def test_large_maps_are_sent_smaller_by_their_largest_units():
    maps = np.random.default_rng(1).normal(size=(3, 2 * LONGEST_SIDE + 9, 150)).astype(np.float32)
    data, buffers = responses_answer(PhotoResponses("a", 0, "b", maps))
    assert (data["step"], data["rows"], data["columns"]) == (3, 89, 50)
    levels = np.frombuffer(buffers[-1], "u1").reshape(3, 89, 50)
    order = np.frombuffer(buffers[0], "<i4")
    for place, channel in enumerate(order):
        for row, col in ((0, 0), (88, 49), (40, 7)):
            part = maps[channel, 3 * row : 3 * row + 3, 3 * col : 3 * col + 3]
            wanted = max(0, part.max() / maps[channel].max()) * 255
            assert abs(int(levels[place, row, col]) - wanted) <= 0.5001


def test_numbers_that_are_none_make_no_levels():
    maps = np.zeros((3, 4, 5), np.float32)
    maps[0, 1, 2], maps[1, 0, 0], maps[2, 3, 3] = np.nan, np.inf, 2
    _, buffers = responses_answer(PhotoResponses("a", 0, "b", maps))
    order = np.frombuffer(buffers[0], "<i4").tolist()
    assert order == [1, 2, 0]
    levels = np.frombuffer(buffers[-1], "u1").reshape(3, 4, 5)
    assert levels[1, 3, 3] == 255
    assert levels[0].max() == levels[2].max() == 0


@pytest.mark.parametrize("rule", ["deconvnet", "guided"])
def test_a_look_has_what_top_and_projections_have_of_the_same_unit(indexed, rule):
    source = Source(indexed)
    unit = {"layer": "relu2", "channel": 3}
    top, patches = answer(source, "top", **unit, k=1)
    projections, projected = answer(source, "projections", **unit, k=1, rule=rule)
    image = top["activations"][0]["image"]
    data, buffers = answer(source, "look", image=image, **unit, rule=rule)
    ours, theirs = data["activations"][0], top["activations"][0]
    assert {**ours, "value": 0} == {**theirs, "value": 0}
    assert ours["value"] == pytest.approx(theirs["value"])
    assert data["patch"] == top["patch"]
    assert data["why"] == ""
    for name in ("projections", "scale", "clipped_at", "patch"):
        assert data[name] == projections[name], name
    assert [pixels(buffer).tolist() for buffer in buffers] == [
        pixels(patches[0]).tolist(),
        pixels(projected[0]).tolist(),
    ]
    assert data["mime"] == projections["mime"] == "image/png"


def test_a_look_at_a_silent_channel_says_why_there_is_no_projection(engine):
    data, buffers = answer(
        Source(engine), "look", image=2, layer="relu2", channel=7, rule="deconvnet"
    )
    assert data["activations"][0]["value"] <= 0
    assert data["projections"] == [None]
    assert data["why"]
    assert len(buffers) == 1


def test_maps_of_many_channels_are_as_many_bytes_as_go_through_at_once():
    maps = np.ones((700, 56, 40), np.float32)
    data, buffers = responses_answer(PhotoResponses("a", 0, "b", maps))
    assert (data["step"], data["rows"], data["columns"]) == (2, 28, 20)
    assert len(buffers[-1]) == 700 * 28 * 20
