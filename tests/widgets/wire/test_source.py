"""Answers equal the engine's records, decoded from what crosses the wire."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from tests.widgets import numpy_engine
from tests.widgets.wire.asking import (
    SLIDE,
    answer,
    assert_kept_to_the_newest,
    finish,
    floats,
    pixels,
    run,
    shown_patch,
)
from zfwidgets.errors import InputError, UnknownLayer
from zfwidgets.records import Box, CoverRequest, Occluder
from zfwidgets.widgets.wire.cache import Cache
from zfwidgets.widgets.wire.encode import LOSSLESS_BELOW, decode_picture, encode_pictures, thumbnail
from zfwidgets.widgets.wire.quantile_tiles import read_quantiles
from zfwidgets.widgets.wire.service import Service
from zfwidgets.widgets.wire.source import Source
from zfwidgets.widgets.wire.validation import to_occluder


def test_catalogue(engine):
    source = Source(engine)
    data, buffers = answer(source, "catalogue")
    assert buffers == []
    assert data["indexed"] is False
    assert data["engine"]["input"] == [3, 24, 32]
    assert data["engine"]["skipped"] == [["broken.jpg", "truncated"]]
    assert [layer["name"] for layer in data["layers"]] == [layer.name for layer in engine.layers]
    assert data["layers"][3] == {
        "name": "conv2",
        "kind": "Conv2d",
        "role": "conv",
        "channels": 8,
        "rows": 12,
        "columns": 16,
        "rectified": False,
        "field": {"size": [8, 8], "stride": [2, 2], "offset": [-3, -3], "reach": "exact"},
    }
    narrow = {"size": [1, 3], "stride": [1, 1], "offset": [0, -1], "reach": "exact"}
    wide = {"size": [3, 3], "stride": [1, 1], "offset": [-1, -1], "reach": "exact"}
    assert data["layers"][0]["fields"] == [{**narrow, "first": [0]}, {**wide, "first": [2]}]
    assert data["layers"][0]["field"] == {**wide, "reach": "upper bound"}
    assert data["images"][1] == {"name": "picture 1", "label": "odd"}
    assert data["classes"] == list(engine.info.labels)
    assert data["baselines"] == ["grey", "mean", "blur", "noise", "border", "sand"]
    assert data["no_classes"] == ""
    assert data["rules"] == ["deconvnet", "guided", "gradient", "my own"]
    assert list(data["rule_info"]) == data["rules"]
    assert data["rule_info"]["my own"] == {
        "name": "my own",
        "title": "the rule my own",
        "answers": "What my own answers.",
        "reads_forward": True,
        "status_note": "",
    }
    for _ in engine.index_steps():
        pass
    assert answer(source, "catalogue")[0]["indexed"] is True


def test_channels_and_sample(source):
    summary = source.engine.channels("relu2")
    data, (mean, silent, strongest, image) = answer(source, "channels", layer="relu2")
    assert data == {"channels": 8}
    np.testing.assert_array_equal(floats(mean), summary.mean)
    np.testing.assert_array_equal(floats(silent), summary.silent)
    np.testing.assert_array_equal(floats(strongest), summary.strongest)
    np.testing.assert_array_equal(np.frombuffer(image, "<i4"), summary.image)
    sample = source.engine.sample("conv2", 3)
    data, (images, values) = answer(source, "sample", layer="conv2", channel=3)
    assert data == {"complete": True}
    np.testing.assert_array_equal(np.frombuffer(images, "<i4"), sample.images)
    np.testing.assert_array_equal(floats(values), sample.values)


def test_photo(source):
    data, (buffer,) = answer(source, "photo", image=3)
    np.testing.assert_array_equal(pixels(buffer), source.engine.photo(3))
    mime = "image/png"
    assert data == {
        "image": 3,
        "name": "picture 3",
        "label": "odd",
        "rows": 24,
        "columns": 32,
        "mime": mime,
    }


def test_large_pictures_are_jpeg_with_full_colour_resolution():
    rows, columns = 500, 400
    picture = np.zeros((rows, columns, 3), np.uint8)
    picture[:, ::2] = (255, 0, 0)
    assert picture.nbytes > LOSSLESS_BELOW
    mime, (buffer,) = encode_pictures([picture])
    assert mime == "image/jpeg"
    image = Image.open(io.BytesIO(buffer))
    assert [sampling[1:3] for sampling in image.layer] == [(1, 1)] * 3
    assert np.abs(pixels(buffer).astype(int) - picture).mean() < 6


def test_predictions_with_and_without_occluder(source):
    data, (clean,) = answer(source, "predict", image=5, occluder=None)
    assert data == {"classes": 5}
    np.testing.assert_array_equal(floats(clean), source.engine.predict(5).probabilities)
    box, more = Box(-2, 20, 9, 12), Box(3, 4, 5, 6)
    for mask, extra_boxes in (None, ()), ("3c" * 32, (more,)):
        shape = {"mask": mask, "extra_boxes": [one.to_json() for one in extra_boxes]}
        occluder = {**box.to_json(), "baseline": "sand", **shape}
        _, (under,) = answer(source, "predict", image=5, occluder=occluder)
        expected = source.engine.predict(5, Occluder(box, "sand", mask, extra_boxes))
        np.testing.assert_array_equal(floats(under), expected.probabilities)
        assert not np.array_equal(floats(under), floats(clean))


def test_responses_to_one_occluder(source):
    occluder = {**OCCLUDER, "top": 3, "left": -2}
    data, buffers = answer(source, "respond", image=4, occluder=occluder, layer="relu2")
    expected = source.engine.respond(4, to_occluder(occluder), "relu2")
    assert (data["layer"], data["channels"]) == ("relu2", len(expected.clean_totals))
    assert data["strongest"] == expected.clean_totals.argmax()
    assert data["hamming"] == pytest.approx(expected.hamming.item())
    assert data["cosine"] == pytest.approx(expected.cosine.item())
    now, units, clean, clean_units = (np.frombuffer(b, "<f4") for b in buffers)
    np.testing.assert_allclose(now, expected.totals[0, 0], rtol=1e-6)
    np.testing.assert_allclose(units, expected.units[0, 0], rtol=1e-6)
    np.testing.assert_allclose(clean, expected.clean_totals, rtol=1e-6)
    np.testing.assert_allclose(clean_units, expected.clean_units, rtol=1e-6)
    for wrong in ({"occluder": None}, {"layer": "relu9"}):
        fields = {"image": 4, "occluder": occluder, "layer": "relu2", **wrong}
        with pytest.raises(InputError):
            answer(source, "respond", **fields)


def test_estimates_are_the_engines_and_not_kept(source):
    fields = {**SLIDE, "layer": None}
    data, buffers = run(source.answer("estimate", fields))[1]
    assert (data, buffers) == ({"positions": 35, "seconds": 0.5, "basis": "probe"}, [])
    assert source.cached("estimate", fields) is None


def test_covered_patches(source):
    fields = {"layer": "relu2", "channel": 2, "k": 4, "baseline": "sand"}
    yielded, (data, buffers) = run(source.answer("cover", fields))
    _, expected = finish(source.engine.cover_steps(CoverRequest("relu2", 2, 4, "sand")))
    assert buffers == []
    assert (data["baseline"], data["k"], data["partial"]) == ("sand", 4, False)
    assert len(data["covers"]) == len(expected) == 4
    for sent, patch in zip(data["covers"], expected, strict=True):
        assert (sent["image"], sent["before"]) == (patch.activation.image, patch.before)
        assert sent["after"] == patch.after
        assert sent["box"] == patch.activation.box.clip(24, 32).to_json()
        assert sent["moved"]["value"] == patch.moved.value
        assert sent["moved"]["box"] == patch.moved.box.to_json()
        control = sent["control"]
        assert control["n"] == len(patch.controls) == 8
        assert control["low"] <= control["mean"] <= control["high"]
        assert control["mean"] == pytest.approx(patch.control_values.mean())
        assert 0 <= control["overlap"] <= 1
    partial, _ = next(step() for step in yielded if callable(step))
    assert partial["partial"]
    assert len(partial["covers"]) == 1


def test_quantile_rows(source):
    yielded, (data, (picture,)) = run(source.answer("quantiles", {"layer": "relu2", "channel": 2}))
    _, expected = finish(source.engine.quantile_steps("relu2", 2))
    assert read_quantiles("relu2", 2, data) == expected
    assert [row["images"] for row in data["rows"]] == [2, 2, 2, 2, 1, 1, 1, 1, 1, 1]
    size, sheet = data["size"], np.asarray(decode_picture(picture))
    shown = [a for row in expected for a in row.activations]
    assert len(shown) > 9
    for at, activation in enumerate(shown):
        row, col = divmod(at, data["columns"])
        tile = sheet[row * size : (row + 1) * size, col * size : (col + 1) * size]
        patch = thumbnail(shown_patch(source.engine, activation), size)
        np.testing.assert_allclose(tile.astype(int), patch.astype(int), atol=60)
        assert np.abs(tile.astype(int) - patch).mean() < 3
    partial, _ = next(step() for step in yielded if callable(step))
    assert partial["partial"]
    assert len(partial["rows"]) == 1


def test_the_index_is_built_in_steps_and_once(engine):
    source = Source(engine)
    first = source.answer("channels", {"layer": "conv1"})
    second = source.answer("top", {"layer": "conv2", "channel": 0, "k": 9})
    assert [next(first).done, next(second).done, next(first).done] == [1, 2, 3]
    second.close()  # its asker went away; the work isn't lost
    assert next(first).done == 4
    run(first)
    assert engine.indexed
    assert run(source.answer("top", {"layer": "conv2", "channel": 0, "k": 9}))[0] == []


def test_an_answer_that_another_job_found_meanwhile_is_taken(source):
    fields = {**SLIDE, "image": 1, "layer": None, "target": None, "channel": None}
    slow = source.answer("occlusion", fields)
    next(slow)
    _, found = run(source.answer("occlusion", fields))
    yielded, taken = run(slow)
    assert taken is found
    assert yielded == []


def test_known_answers_are_kept_up_to_a_number_of_bytes(indexed):
    source = Source(indexed, answers=10_000)
    fields = [{"layer": "conv2", "channel": c, "k": 9} for c in range(7)]
    assert_kept_to_the_newest(source, "top", fields)
    assert source._answers.bytes <= 10_000


def test_the_cache_forgets_what_was_used_longest_ago():
    cache = Cache(10)
    cache.put("a", 1, 4)
    cache.put("b", 2, 4)
    assert cache.get("a") == 1
    cache.put("c", 3, 4)
    assert (cache.get("a"), cache.get("b"), cache.get("c")) == (1, None, 3)
    cache.put("a", 4, 5)
    assert (cache.get("a"), cache.bytes) == (4, 9)
    cache.put("huge", 5, 11)
    assert (cache.get("huge"), cache.get("a")) == (None, 4)


GOOD = {
    "channels": {"layer": "conv1"},
    "sheet": {"layer": "conv1", "first": 0, "count": 6, "size": 48},
    "top": {"layer": "conv1", "channel": 0, "k": 9},
    "projections": {"layer": "conv1", "channel": 0, "k": 9, "rule": "deconvnet"},
    "photo": {"image": 0},
    "predict": {"image": 0, "occluder": None},
    "sample": {"layer": "conv1", "channel": 0},
    "occlusion": {**SLIDE, "target": None, "layer": None, "channel": None},
    "estimate": {**SLIDE, "layer": "conv1"},
    "quantiles": {"layer": "conv1", "channel": 0},
    "cover": {"layer": "conv1", "channel": 0, "k": 9, "baseline": "blur"},
    "about": {"layer": "conv1", "channel": 0},
    "orders": {"layer": "conv1"},
}


OCCLUDER = {
    "top": 0,
    "left": 0,
    "height": 8,
    "width": 8,
    "baseline": "grey",
    "mask": None,
    "extra_boxes": [],
}


@pytest.mark.parametrize(
    ("kind", "change", "says"),
    [
        ("top", {"layer": "conv9"}, "no layer 'conv9'.*conv1"),
        ("top", {"layer": None}, "no layer None"),
        ("top", {"channel": 6}, r"channel of layer 'conv1' must be in 0 \.\. 5, not 6"),
        ("top", {"channel": -1}, "not -1"),
        ("top", {"channel": 1.5}, "must be a whole number, not 1.5"),
        ("top", {"channel": True}, "must be a whole number, not True"),
        ("top", {"channel": "0"}, "must be a whole number"),
        ("top", {"k": 0}, r"k must be in 1 \.\. 100"),
        ("top", {"extra": 1}, "unknown: .*extra"),
        (
            "projections",
            {"rule": "magic"},
            "rule must be one of deconvnet, guided, gradient, my own, not 'magic'",
        ),
        ("sheet", {"count": 257}, r"count must be in 1 \.\. 256"),
        ("sheet", {"size": 10_000}, "size must be in"),
        ("photo", {"image": 14}, r"photo must be in 0 \.\. 13, not 14"),
        ("photo", {"image": [0]}, "must be a whole number"),
        ("predict", {"occluder": {}}, "occluder must be {top, left"),
        ("predict", {"occluder": {**OCCLUDER, "height": 25}}, r"height must be in 1 \.\. 24"),
        ("predict", {"occluder": {**OCCLUDER, "left": 32}}, r"left must be in -7 \.\. 31"),
        ("predict", {"occluder": {**OCCLUDER, "baseline": "red"}}, "baseline must be"),
        ("predict", {"occluder": {**OCCLUDER, "baseline": float("nan")}}, "that float32 holds"),
        ("predict", {"occluder": {**OCCLUDER, "mask": "f" * 63}}, "64 hex digits"),
        ("predict", {"occluder": {**OCCLUDER, "mask": 0}}, "64 hex digits"),
        ("predict", {"occluder": {**OCCLUDER, "extra_boxes": {}}}, "list of at most 8"),
        ("predict", {"occluder": {"top": 0}}, "must be {top, left, .*mask, extra_boxes}"),
        ("occlusion", {"stride": 0}, r"stride must be in 1 \.\. 24"),
        ("occlusion", {"stride": 25}, r"stride must be in 1 \.\. 24"),
        ("occlusion", {"height": 25}, r"occluder height must be in 1 \.\. 24"),
        ("occlusion", {"width": 33}, r"occluder width must be in 1 \.\. 32"),
        ("occlusion", {"mask": "0" * 64}, "covers nothing"),
        ("occlusion", {"extra_boxes": [{**SLIDE}]}, "rectangle 0 of extra_boxes must be {top"),
        ("occlusion", {"channel": 0}, "channel must be null where layer is"),
        ("occlusion", {"layer": "conv1", "channel": 6}, "channel of layer 'conv1'"),
        ("estimate", {"target": 0}, "unknown: .*target"),
        ("quantiles", {"channel": 6}, "channel of layer 'conv1'"),
        ("cover", {"baseline": "pink"}, "baseline must be .*sand, not 'pink'"),
        ("occlusion", {"target": 5}, r"target must be in 0 \.\. 4"),
        ("occlusion", {"layer": "nope"}, "no layer 'nope'"),
    ],
)
def test_bad_keys_are_named(engine, kind, change, says):
    source = Source(engine)
    key = {"fingerprint": engine.info.fingerprint, **GOOD[kind]}
    source.check(kind, key)
    with pytest.raises(InputError, match=says):
        source.check(kind, {**key, **change})


def test_bad_requests_are_named(engine):
    source = Source(engine)
    good = {"fingerprint": engine.info.fingerprint}
    with pytest.raises(InputError, match="no request 'tops'; did you mean 'top'"):
        source.check("tops", good)
    with pytest.raises(InputError, match="no request None"):
        source.check(None, good)
    with pytest.raises(InputError, match="must be an object"):
        source.check("top", "garbage")
    with pytest.raises(InputError, match=r"missing: .*'channel'"):
        source.check("top", {**good, "layer": "conv1", "k": 9})
    with pytest.raises(InputError, match=r"belongs to engine 'other'.*run the cell again"):
        source.check("catalogue", {"fingerprint": "other"})
    with pytest.raises(UnknownLayer):
        source.check("channels", {**good, "layer": "conv9"})


def test_what_is_known_by_now_is_said_before_the_one_who_waits_for_it_is_stopped(monkeypatch):
    """A page that asks again mustn't hear that its request was stopped."""
    engine, told = numpy_engine.NumpyEngine(), []
    service = Service(engine)
    ask = ("page", "view", "slot", ("predict", {"image": 2, "occluder": None}))
    with engine.lock:  # the worker can't go on
        service.ask(*ask, lambda op, _: told.append(("first", op)))
        monkeypatch.setattr(service.source, "cached", lambda *_: ({}, []))
        service.ask(*ask, lambda op, _: told.append(("again", op)))
        assert next(one for one in told if one[1] != "progress") == ("again", "reply")
