"""Answers equal the engine's records, decoded from what crosses the wire."""

from __future__ import annotations

import dataclasses
import gc
import io
import itertools
import json
import weakref

import numpy as np
import pytest
from PIL import Image

from tests.widgets import numpy_engine
from zfwidgets.errors import InputError, UnknownLayer, UnsupportedModel
from zfwidgets.records import (
    CLIPPED_AT,
    Box,
    CoverRequest,
    Occluder,
    OcclusionRequest,
    brightness_scale,
    colour_share,
    display_scale,
    focus_box,
    focus_side,
    signed_to_uint8,
)
from zfwidgets.widgets.wire.cache import Cache
from zfwidgets.widgets.wire.encode import (
    LOSSLESS_BELOW,
    decode_picture,
    encode_pictures,
    on_scale,
    thumbnail,
)
from zfwidgets.widgets.wire.quantile_tiles import read_quantiles
from zfwidgets.widgets.wire.schema import MAPS
from zfwidgets.widgets.wire.service import Service
from zfwidgets.widgets.wire.source import Source
from zfwidgets.widgets.wire.validation import to_occluder

SLIDE = {
    "image": 4,
    "height": 6,
    "width": 9,
    "stride": 5,
    "baseline": "grey",
    "mask": None,
    "extra_boxes": [],
}


def run(steps):
    """All that a generator yields, and its answer."""
    yielded, answer = finish(steps)
    json.dumps(answer[0], allow_nan=False)  # browsers' JSON knows no NaN
    return yielded, answer


def finish(steps):
    """All that a generator yields, and what it returns."""
    returned = []

    def whole():
        returned.append((yield from steps))

    return list(whole()), returned[0]


def answer(source, kind, **fields):
    key = {"fingerprint": source.engine.info.fingerprint, **fields}
    return run(source.answer(kind, source.check(kind, key)))[1]


def pixels(buffer):
    return np.asarray(Image.open(io.BytesIO(buffer)).convert("RGB"))


def floats(buffer):
    return np.frombuffer(buffer, "<f4")


def shown_patch(engine, activation):
    """The photo's pixels of a receptive field, moved into the photo."""
    photo, box = engine.photo(activation.image), activation.box
    rows, columns = photo.shape[:2]
    top, left = (
        max(0, min(at, most - size))
        for at, size, most in ((box.top, box.height, rows), (box.left, box.width, columns))
    )
    return photo[top : top + box.height, left : left + box.width]


@pytest.fixture
def source(indexed):
    return Source(indexed)


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


def maps_of(answer):
    """An answer's maps by name; those that are empty left out."""
    data, buffers = answer
    found = {
        name: np.frombuffer(buffer, dtype).reshape(data["rows"], data["columns"])
        for (name, dtype), buffer in zip(MAPS.items(), buffers, strict=True)
        if buffer
    }
    return data, found


@pytest.mark.parametrize(("layer", "channel"), [(None, None), ("relu2", None), ("conv1", 2)])
def test_occlusion_maps(source, layer, channel):
    extra_boxes = {"top": 1, "left": 2, "height": 5, "width": 4}
    fields = SLIDE | {"mask": "0f" * 32, "extra_boxes": [extra_boxes], "baseline": "sand"}
    fields |= {"layer": layer, "channel": channel, "target": 2}
    yielded, found = run(source.answer("occlusion", fields))
    data, maps = maps_of(found)
    options = {"mask": "0f" * 32, "extra_boxes": (Box(**extra_boxes),)}
    steps = source.engine.occlude_steps(OcclusionRequest(4, (6, 9), 5, "sand", 2, layer, **options))
    _, expected = finish(steps)
    assert expected.grid == (data["rows"], data["columns"]) == (5, 7)
    assert (data["stride"], data["size"], data["target"]) == ([5, 5], [6, 9], 2)
    assert (data["done"], data["total"], data["seconds_left"]) == (35, 35, 0.0)
    assert (data["note"], data["no_classes"], data["layer"]) == ("", "", layer)
    clean = source.engine.predict(4)
    assert data["clean"]["probability"] == pytest.approx(clean.probabilities[2], rel=1e-6)
    assert data["clean"]["logit"] == clean.logits[2]
    assert data["clean"]["predicted"] == clean.logits.argmax()
    wanted = expected.maps(2, channel)
    assert set(maps) == set(wanted) == set(MAPS if layer else list(MAPS)[:2] + list(MAPS)[3:5])
    for name, values in maps.items():
        np.testing.assert_array_equal(values, wanted[name])
    if layer is None:
        assert data["channel"] is data["unit_place"] is data["clean"]["total"] is None
    else:
        features = expected.features
        number = features.strongest_channel if channel is None else channel
        assert data["channel"] == number
        assert data["unit_place"] == features.places[number].tolist()
        assert data["clean"]["total"] == features.clean_totals[number]
        assert data["clean"]["unit"] == features.clean_units[number]

    partial, so_far = maps_of(next(step() for step in yielded if callable(step)))
    assert partial["done"] == (~np.isnan(so_far["probability"])).sum() == 7
    for name, values in so_far.items():
        missing = values == -1 if name == "predicted" else np.isnan(values)
        assert missing.sum() == 28
    assert partial["seconds_left"] > 0


def test_another_map_of_a_pass_needs_no_new_compute(source):
    fields = {**SLIDE, "layer": "relu2"}
    run(source.answer("occlusion", {**fields, "target": 0, "channel": None}))
    computed = source.engine.rows_computed
    for target, channel in (3, 1), (None, 6):
        one = {**fields, "target": target, "channel": channel}
        data, maps = maps_of(source.cached("occlusion", one))
        _, expected = finish(
            source.engine.occlude_steps(OcclusionRequest(4, (6, 9), 5, "grey", target, "relu2"))
        )
        source.engine.rows_computed = computed
        for name, values in expected.maps(target, channel).items():
            np.testing.assert_array_equal(maps[name], values)
        assert (data["target"], data["channel"]) == (expected.target, channel)
    assert (
        source.cached("occlusion", {**fields, "baseline": "sand", "target": 0, "channel": 0})
        is None
    )


def test_a_stopped_pass_is_kept_and_goes_on(source):
    fields = {**SLIDE, "layer": "relu2", "target": 1, "channel": None}
    steps = source.answer("occlusion", fields)
    for _ in range(4):  # two rows, each told as progress and as a partial map
        next(steps)
    steps.close()
    assert source.engine.rows_computed == 2
    assert source.cached("occlusion", fields) is None
    for other in range(3):  # others push it out of those that stand ready, not out of what is kept
        run(source.answer("occlusion", {**fields, "image": other}))
    before = source.engine.rows_computed
    other = {**fields, "target": 4, "channel": 2}
    again = source.answer("occlusion", other)
    next(again)
    partial, so_far = maps_of(next(again)())
    assert partial["done"] == (~np.isnan(so_far["total"])).sum() == 14
    assert (partial["target"], partial["channel"]) == (4, 2)
    _, whole = run(again)
    assert source.engine.rows_computed - before == 3
    _, expected = finish(
        source.engine.occlude_steps(OcclusionRequest(4, (6, 9), 5, "grey", 4, "relu2"))
    )
    for name, values in maps_of(whole)[1].items():
        np.testing.assert_array_equal(values, expected.maps(4, 2)[name])


def test_a_pass_that_fails_keeps_what_there_is(source, monkeypatch):
    fields = {**SLIDE, "layer": None, "target": None, "channel": None}
    steps = source.answer("occlusion", fields)
    for _ in range(4):
        next(steps)
    forward = source.engine.forward

    def broken(x):
        raise UnsupportedModel("The device's memory ran out.")

    with monkeypatch.context() as patch:
        patch.setattr(source.engine, "forward", broken)
        with pytest.raises(UnsupportedModel, match="memory ran out"):
            list(steps)
    assert source.engine.forward == forward
    again = source.answer("occlusion", fields)
    next(again)
    assert next(again)()[0]["done"] == 14
    assert run(again)[1][0]["done"] == 35


def assert_kept_to_the_newest(source, kind, fields):
    for one in fields:
        run(source.answer(kind, one))
    kept = [source.cached(kind, one) is not None for one in fields]
    assert kept[-1]
    assert not kept[0]


def test_passes_are_kept_up_to_a_number_of_bytes(indexed):
    source = Source(indexed, passes=4_000, answers=0)
    fields = [{**SLIDE, "image": i, "layer": None, "target": 0, "channel": None} for i in range(9)]
    assert_kept_to_the_newest(source, "occlusion", fields)
    assert source._passes.bytes <= 4_000


class Held:
    """Bytes of class scores that are alive in the maps which an engine has given."""

    def __init__(self, engine, monkeypatch):
        self._given = []
        steps = engine.occlude_steps

        def noted(*args, **options):
            for result in steps(*args, **options):
                self._given.append(weakref.ref(result.logits))
                yield result
            self._given.append(weakref.ref(result.logits))
            return result

        monkeypatch.setattr(engine, "occlude_steps", noted)

    @property
    def bytes(self):
        gc.collect()
        return sum(logits.nbytes for given in self._given if (logits := given()) is not None)


def test_passes_under_way_and_stopped_ones_are_kept_up_to_a_number_of_bytes(indexed, monkeypatch):
    one = 7 * 5 * 5 * 4  # positions and classes, float32
    held = Held(indexed, monkeypatch)
    source = Source(indexed, passes=4 * one, answers=0)
    fields = [{**SLIDE, "image": i, "layer": None, "target": 0, "channel": None} for i in range(9)]
    for field in fields:  # stopped half way
        steps = source.answer("occlusion", field)
        for _ in range(4):
            next(steps)
        steps.close()
        del steps
        assert held.bytes <= 4 * one
    running = [source.answer("occlusion", field) for field in fields[:3]]
    for _ in range(4):
        for steps in running:
            next(steps)
            assert held.bytes <= 4 * one + one
    for steps, field in zip(running, fields, strict=False):
        _, maps = maps_of(run(steps)[1])
        _, expected = finish(
            indexed.occlude_steps(OcclusionRequest(field["image"], (6, 9), 5, "grey", 0))
        )
        np.testing.assert_array_equal(maps["logit"], expected.maps(0)["logit"])
    del steps, running, expected, _
    assert held.bytes <= 4 * one


def test_a_pass_that_is_too_large_is_answered_and_not_kept(indexed, monkeypatch):
    held = Held(indexed, monkeypatch)
    source = Source(indexed, passes=500, answers=0)
    fields = {**SLIDE, "layer": None, "target": 0, "channel": None}
    steps = source.answer("occlusion", fields)
    for _ in range(4):
        next(steps)
    assert held.bytes > 500
    steps.close()
    del steps
    assert held.bytes == 0
    assert run(source.answer("occlusion", fields))[1][0]["done"] == 35
    assert source.cached("occlusion", fields) is None
    assert held.bytes == 0


def test_a_model_without_classes_has_maps_of_its_layers():
    source = Source(numpy_engine.NumpyEngine(classes=0))
    reason = "NumpyNet has no classes."
    assert answer(source, "catalogue")[0]["no_classes"] == reason
    fields = {**SLIDE, "layer": "relu2", "target": None, "channel": 3}
    data, maps = maps_of(answer(source, "occlusion", **fields))
    assert (data["target"], data["no_classes"]) == (None, reason)
    assert {data["clean"][name] for name in ("probability", "logit", "predicted")} == {None}
    assert set(maps) == {"total", "unit", "hamming", "cosine"}
    _, whole = finish(source.engine.occlude_steps(OcclusionRequest(4, (6, 9), 5, layer="relu2")))
    np.testing.assert_array_equal(maps["unit"], whole.unit(3))
    with pytest.raises(InputError, match="target must be null: NumpyNet has"):
        answer(source, "occlusion", **{**fields, "target": 0})
    with pytest.raises(UnsupportedModel, match="Choose a layer"):
        answer(source, "occlusion", **{**fields, "layer": None, "channel": None})
    with pytest.raises(UnsupportedModel, match="NumpyNet has no classes"):
        answer(source, "predict", image=0, occluder=None)


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
