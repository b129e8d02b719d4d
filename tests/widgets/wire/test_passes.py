"""Passes of an occluder: their maps, and how they are kept, stopped and gone on with."""

from __future__ import annotations

import gc
import weakref

import numpy as np
import pytest

from tests.widgets import numpy_engine
from tests.widgets.wire.asking import SLIDE, answer, assert_kept_to_the_newest, finish, run
from zfwidgets.errors import InputError, UnsupportedModel
from zfwidgets.records import Box, OcclusionRequest
from zfwidgets.widgets.wire.schema import MAPS
from zfwidgets.widgets.wire.source import Source


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
