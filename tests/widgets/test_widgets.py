"""Widgets as a front end sees them: little state, answers to messages, errors that are answers."""

from __future__ import annotations

import io
import json

import ipywidgets
import numpy as np
import pytest
from PIL import Image

import zfwidgets as zf
from tests.waiting import SECONDS
from zfwidgets.errors import InputError, MissingDependency
from zfwidgets.widgets import bundle
from zfwidgets.widgets.setting.options import CHOICES
from zfwidgets.widgets.wire.schema import MAPS

KINDS = (zf.LayerPicker, zf.PatchGrid, zf.OcclusionMap, zf.Explorer)
SLIDE = {"height": 4, "width": 4, "stride": 8, "baseline": 0, "mask": None, "extra_boxes": []}


@pytest.mark.parametrize("kind", KINDS)
def test_synchronised_state_is_small_and_without_pixels(kind, indexed):
    widget = kind(indexed)
    assert widget.settle(SECONDS)
    for model in (widget, widget.selection):
        state = model.get_state()
        assert state.pop("_esm")
        assert len(json.dumps(state)) < 4096
        assert not any(isinstance(value, bytes | memoryview) for value in state.values())
    state = widget.get_state()
    assert state["selection"] == f"anywidget:{widget.selection.model_id}"
    assert state["fingerprint"] == indexed.info.fingerprint


@pytest.mark.parametrize("kind", KINDS)
def test_unknown_arguments_are_named_with_the_nearest(kind, engine):
    with pytest.raises(InputError, match=rf"{kind.__name__} doesn't take 'imagge'.*'image'"):
        kind(engine, imagge=3)


def test_layout_is_passed_on(engine):
    assert zf.PatchGrid(engine, layout=ipywidgets.Layout(width="50%")).layout.width == "50%"


@pytest.mark.parametrize(
    ("kind", "options", "says"),
    [
        (zf.LayerPicker, {"sort": "size"}, "sort must be one of index, mean"),
        (zf.LayerPicker, {"layer": "conv7"}, "no layer 'conv7'"),
        (zf.LayerPicker, {"channel": 99}, "not 99"),
        (zf.PatchGrid, {"patches": 9}, "patches must be one of both"),
        (zf.PatchGrid, {"image": 14}, r"photo must be in 0 \.\. 13"),
        (zf.OcclusionMap, {"stride": 0}, "stride must be in"),
        (zf.OcclusionMap, {"patch": 33}, r"patch \(rows\) must be in 1 \.\. 24"),
        (zf.OcclusionMap, {"patch": (8, 33)}, r"patch \(columns\) must be in 1 \.\. 32"),
        (zf.OcclusionMap, {"baseline": "blue"}, "baseline must be"),
        (zf.OcclusionMap, {"opacity": 1.5}, r"opacity must be in 0 \.\. 1"),
        (zf.Explorer, {"overlay": "heat"}, "overlay must be one of"),
        (zf.Explorer, {"colours": "jet"}, "colours must be one of"),
    ],
)
def test_arguments_that_are_not_possible_are_named(kind, options, says, engine):
    with pytest.raises(InputError, match=says):
        kind(engine, **options)


@pytest.mark.parametrize("thing", [None, "model", object()])
def test_what_is_not_an_engine_is_named(thing):
    with pytest.raises(InputError, match=r"Expected an engine, zf.Engine\(model, images\), not"):
        zf.Explorer(thing)


def test_arguments_start_the_selection(engine):
    explorer = zf.Explorer(engine, layer="relu1", channel=2, image=5, patch=(6, 9), baseline="mean")
    state = explorer.state
    assert (state["unit"], state["photo"]) == (["relu1", 2], 5)
    box = {"top": 9, "left": 11, "height": 6, "width": 9}
    assert state["occluder"] == {**box, "baseline": "mean", "mask": None, "extra_boxes": []}


def test_the_first_selection_is_a_convolution_and_its_strongest_photo(indexed):
    explorer = zf.Explorer(indexed)
    assert explorer.selection.unit == ("conv2", 0)
    assert explorer.selection.photo == indexed.top("conv2", 0, 1)[0].image
    rows, columns = 24, 32
    box = explorer.selection.occluder
    assert abs(2 * box["top"] + box["height"] - rows) <= 1
    assert abs(2 * box["left"] + box["width"] - columns) <= 1


def test_a_rule_can_be_chosen_first(engine):
    grid = zf.PatchGrid(engine, rule="guided")
    assert grid.selection.rule == "guided"
    assert zf.Explorer(engine, selection=grid.selection).selection.rule == "guided"
    with pytest.raises(InputError, match="rule must be one of deconvnet, guided"):
        zf.Explorer(engine, rule="magic")


def test_nothing_is_computed_before_it_is_asked_for(engine):
    zf.Explorer(engine)
    assert not engine.threads
    assert not engine.indexed


def test_missing_javascript_says_how_to_build_it(engine, monkeypatch, tmp_path):
    monkeypatch.setattr(bundle, "STATIC", tmp_path / "nowhere")
    with pytest.raises(MissingDependency, match=r"python js/hatch_build.py"):
        zf.Explorer(engine)


def test_options_are_those_that_the_views_know(root):
    sources = "".join(path.read_text() for path in (root / "js/src/views").rglob("*.ts"))
    for name, values in CHOICES.items():
        assert f'options.get("{name}")' in sources
        made = {"colours": values, "overlay": MAPS}.get(name, ())  # from the very same tables
        for value in set(values) - set(made):
            assert f'["{value}", ' in sources


# ---------------------------------------------------------------------- messages


def test_a_request_is_answered_on_the_worker(front_end, engine):
    grid = zf.PatchGrid(engine)
    key = front_end.get(grid, "top", layer="relu2", channel=1, k=9)
    content, buffers = front_end.answer(grid, key)
    assert {name: content[name] for name in ("zf", "op", "view", "slot", "kind")} == {
        "zf": 1,
        "op": "reply",
        "view": "view",
        "slot": "slot",
        "kind": "top",
    }
    expected = engine.top("relu2", 1)
    for a, buffer in zip(expected, buffers, strict=True):
        picture = np.asarray(Image.open(io.BytesIO(buffer)))
        box = a.box.inside(*engine.photo(a.image).shape[:2])
        np.testing.assert_array_equal(picture, box.cut(engine.photo(a.image)))
    assert {name for name in engine.threads if name != "MainThread"} == {"zfwidgets-worker"}


def test_what_is_known_is_answered_at_once_and_to_whoever_asks(front_end, indexed):
    grid = zf.PatchGrid(indexed)
    fields = {"layer": "relu2", "channel": 1, "k": 9}
    key = front_end.get(grid, "top", view="tab 1", **fields)
    first, buffers = front_end.answer(grid, key)
    front_end.get(grid, "top", view="tab 2", **fields)
    again, same = front_end.custom(grid, "reply")[-1]  # no waiting: it is there already
    assert again["view"] == "tab 2"
    assert again["data"] == first["data"]
    assert same == buffers
    other = zf.Explorer(indexed)
    front_end.get(other, "top", **fields)
    assert front_end.custom(other, "reply")[-1][1] == buffers


def test_a_lost_reply_is_mended_by_asking_again(front_end, indexed):
    grid = zf.PatchGrid(indexed)
    key = front_end.get(grid, "projections", layer="relu2", channel=1, k=9, rule="deconvnet")
    front_end.answer(grid, key)
    assert front_end.get(grid, "projections", layer="relu2", channel=1, k=9, rule="deconvnet")
    assert front_end.answer(grid, key)[0]["op"] == "reply"


def test_a_newer_request_supersedes_the_older_one_of_its_slot(front_end, engine):
    explorer = zf.Explorer(engine)
    with engine.lock:  # the worker can't go on
        old = front_end.get(explorer, "predict", slot="p", image=0, occluder=None)
        front_end.get(explorer, "photo", slot="q", image=1)
        new = front_end.get(explorer, "predict", slot="p", image=2, occluder=None)
        ((superseded, _),) = front_end.custom(explorer, "superseded")
        assert (superseded["slot"], superseded["key"]) == ("p", old)
    assert front_end.answer(explorer, new)[0]["op"] == "reply"
    assert explorer.settle(SECONDS)
    replies = [content["key"] for content, _ in front_end.custom(explorer, "reply")]
    assert old not in replies


def test_cancel_stops_a_slot(front_end, engine):
    explorer = zf.Explorer(engine)
    with engine.lock:
        key = front_end.get(explorer, "predict", slot="p", image=3, occluder=None)
        front_end.send(explorer, {"zf": 1, "op": "cancel", "view": "view", "slot": "p"})
        ((content, _),) = front_end.custom(explorer, "superseded")
        assert content["key"] == key
    assert explorer.settle(SECONDS)
    assert key not in [content["key"] for content, _ in front_end.custom(explorer, "reply")]


def test_a_stopped_request_is_told_from_a_newer_one_for_the_same(front_end, engine):
    explorer = zf.Explorer(engine)
    place = {"zf": 1, "view": "view", "slot": "p"}
    with engine.lock:
        key = front_end.get(explorer, "predict", slot="p", image=3, occluder=None)
        front_end.send(explorer, {**place, "op": "cancel"})
        again = {**place, "op": "get", "kind": "predict", "key": key, "priority": 0, "turn": 8}
        front_end.send(explorer, again)
        ((stopped, _),) = front_end.custom(explorer, "superseded")
        assert stopped["turn"] != 8
    assert front_end.answer(explorer, key)[0]["turn"] == 8


def test_partial_maps_arrive_before_the_whole(front_end, indexed):
    occlusion = zf.OcclusionMap(indexed)
    fields = {**SLIDE, "stride": 2, "target": None, "layer": None, "channel": None}
    key = front_end.get(occlusion, "occlusion", image=2, **fields)
    whole, _ = front_end.answer(occlusion, key)
    partial, buffers = front_end.custom(occlusion, "partial")[0]
    assert partial["key"] == key
    assert 0 < partial["data"]["done"] < whole["data"]["done"] == whole["data"]["total"]
    assert len(buffers[0]) == 4 * whole["data"]["total"]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"kind": "nonsense"}, "no request 'nonsense'"),
        ({"kind": ["top"]}, "no request"),
        ({"key": None}, "must be an object"),
        ({"key": {"layer": "conv9", "channel": 0, "k": 9}}, "no layer 'conv9'"),
        ({"key": {"layer": "conv1", "channel": 6, "k": 9}}, "not 6"),
        ({"key": {"layer": {}, "channel": [], "k": None}}, "no layer"),
        ({"key": {"layer": "conv1"}}, "missing"),
        ({"priority": "high"}, "priority must be a whole number"),
        ({"priority": -5}, "priority must be in"),
        ({"view": None}, "names its view and slot"),
        ({"op": "shout"}, "A message must be"),
        ({"zf": 2}, "A message must be"),
    ],
)
def test_bad_messages_are_answered_and_do_no_harm(front_end, indexed, caplog, change, says):
    grid = zf.PatchGrid(indexed)
    request = {"zf": 1, "op": "get", "view": "v", "slot": "s", "kind": "top", "priority": 1}
    request["key"] = {"layer": "conv1", "channel": 0, "k": 9}
    request |= change
    if isinstance(request["key"], dict):
        request["key"]["fingerprint"] = grid.fingerprint
    front_end.send(grid, request)
    ((error, _),) = front_end.custom(grid, "error")
    assert error["data"]["name"] in ("InputError", "UnknownLayer")
    assert says in error["data"]["message"]
    assert error["key"] == request["key"]
    assert not caplog.records
    assert front_end.ask(grid, "top", layer="conv1", channel=0, k=9)[0]["op"] == "reply"


def test_what_the_page_says_at_once_is_heard_one_by_one(front_end, indexed):
    grid = zf.PatchGrid(indexed)
    print_ = {"fingerprint": grid.fingerprint}
    top = {**print_, "layer": "conv1", "channel": 2, "k": 9}
    asked = {"zf": 1, "op": "get", "view": "v", "priority": 1, "turn": 3}
    several = [
        {**asked, "slot": "a", "kind": "top", "key": top},
        {**asked, "slot": "b", "kind": "nothing", "key": print_},
        {**asked, "slot": "c", "kind": "photo", "key": {**print_, "image": 4}},
    ]
    front_end.send(grid, {"zf": 1, "op": "all", "of": several})
    assert grid.settle(SECONDS)
    replies = {content["slot"]: content["key"] for content, _ in front_end.custom(grid, "reply")}
    assert replies == {"a": top, "c": several[2]["key"]}
    ((error, _),) = front_end.custom(grid, "error")
    assert (error["slot"], error["turn"]) == ("b", 3)


@pytest.mark.parametrize("of", [None, 7, [{"zf": 1, "op": "all", "of": []}]])
def test_several_messages_that_are_none_are_answered_and_do_no_harm(front_end, indexed, of):
    grid = zf.PatchGrid(indexed)
    front_end.send(grid, {"zf": 1, "op": "all", "of": of})
    ((error, _),) = front_end.custom(grid, "error")
    assert "A message must be" in error["data"]["message"]
    assert front_end.ask(grid, "photo", image=1)[0]["op"] == "reply"


@pytest.mark.parametrize("garbage", [None, [], "get", 7, {}])
def test_garbage_is_answered_and_does_no_harm(front_end, indexed, garbage):
    grid = zf.PatchGrid(indexed)
    front_end.send(grid, garbage)
    ((error, _),) = front_end.custom(grid, "error")
    assert "A message must be" in error["data"]["message"]
    assert front_end.ask(grid, "photo", image=1)[0]["op"] == "reply"


def test_an_engine_that_fails_is_an_answer_and_is_logged(front_end, indexed, monkeypatch, caplog):
    explorer = zf.Explorer(indexed)

    def broken(image, occluder=None):
        raise ZeroDivisionError("the model divides by zero")

    monkeypatch.setattr(indexed, "predict", broken)
    content, _ = front_end.ask(explorer, "predict", image=0, occluder=None)
    assert content["op"] == "error"
    assert content["data"] == {"name": "ZeroDivisionError", "message": "the model divides by zero"}
    assert "ZeroDivisionError" in caplog.text
    with pytest.raises(ZeroDivisionError):
        explorer.settle(SECONDS)
    monkeypatch.undo()
    assert front_end.ask(explorer, "predict", image=0, occluder=None)[0]["op"] == "reply"


def test_a_closed_widget_stops_what_it_asked_for(front_end, engine):
    explorer = zf.Explorer(engine)
    with engine.lock:
        front_end.get(explorer, "predict", image=3, occluder=None)
        explorer.close()
        assert explorer._service.jobs.wait({explorer._owner}, 0)
    explorer.selection.photo = 2  # nobody is there to follow
    explorer.close()


# ---------------------------------------------------------------------- settling


@pytest.mark.parametrize("kind", KINDS)
def test_settled_means_that_the_browser_gets_it_at_once(kind, front_end, engine):
    widget = kind(engine)
    assert widget.settle(SECONDS)
    for what, fields in widget._needs():
        front_end.get(widget, what, **fields)
        assert front_end.custom(widget)[-1][0]["op"] == "reply"


def test_settling_follows_the_selection(front_end, engine):
    grid = zf.PatchGrid(engine)
    assert grid.settle(SECONDS)
    grid.selection.unit = ("conv1", 3)
    assert grid.settle(SECONDS)
    front_end.get(grid, "top", layer="conv1", channel=3, k=9)
    assert front_end.custom(grid)[-1][0]["op"] == "reply"


def test_settling_waits_for_what_the_browser_asked(front_end, indexed):
    grid = zf.PatchGrid(indexed)
    fields = {**SLIDE, "stride": 2, "target": None, "layer": None, "channel": None}
    key = front_end.get(grid, "occlusion", image=9, priority=5, **fields)
    assert grid.settle(SECONDS)
    assert key in [content["key"] for content, _ in front_end.custom(grid, "reply")]


def test_settling_says_when_time_is_up(engine):
    explorer = zf.Explorer(engine)
    with engine.lock:
        assert not explorer.settle(timeout=0.01)
    assert explorer.settle(SECONDS)
