"""Answers about many photos at once: their pictures, classes, and which there are."""

from __future__ import annotations

import numpy as np
import numpy_engine
import pytest

from tests.widgets.wire.test_source import answer, pixels, run
from zfwidgets.errors import InputError, UnreadableImage
from zfwidgets.widgets.wire.encode import GREY, thumbnail
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
    kept = [source._photos.get(image) is not None for image in range(14)]
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
