"""The shared selection: checked, whole, linked, and back from JSON."""

from __future__ import annotations

import json

import numpy as np
import pytest
import traitlets

import zfwidgets as zf
from tests.widgets import numpy_engine
from zfwidgets.errors import InputError
from zfwidgets.records import Box, Occluder, Unit
from zfwidgets.widgets.selection import SelectionError

OCCLUDER = {"top": 2, "left": 3, "height": 4, "width": 5, "baseline": "grey"}
WHOLE = {**OCCLUDER, "mask": None, "extra_boxes": []}
MASK = "0f" * 32


@pytest.fixture
def selection(engine):
    return zf.Selection(engine, unit=("conv2", 3), photo=1, occluder=OCCLUDER)


def test_values_may_be_records_and_numpy_numbers(selection):
    selection.unit = Unit("relu1", np.int64(4))
    assert selection.unit == ("relu1", 4)
    assert type(selection.unit[1]) is int
    selection.occluder = Occluder(Box(1, 2, 3, 4), "mean")
    box = {"top": 1, "left": 2, "height": 3, "width": 4}
    assert selection.occluder == {**box, "baseline": "mean", "mask": None, "extra_boxes": []}
    selection.occluder = Occluder(Box(1, 2, 3, 4), "sand", MASK, (Box(-1, 0, 5, 6),))
    extra_boxes = [{"top": -1, "left": 0, "height": 5, "width": 6}]
    assert selection.occluder == {
        **box,
        "baseline": "sand",
        "mask": MASK,
        "extra_boxes": extra_boxes,
    }
    selection.photo = np.int32(5)
    assert type(selection.photo) is int


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("unit", ("conv9", 0), "no layer 'conv9'"),
        ("unit", ("conv2", 8), r"must be in 0 \.\. 7, not 8"),
        ("unit", ("conv2", 0, 0), r"must be \(layer, channel\)"),
        ("unit", "conv2", r"must be \(layer, channel\)"),
        ("photo", 14, r"photo must be in 0 \.\. 13"),
        ("photo", None, "whole number"),
        ("occluder", {**OCCLUDER, "width": 0}, "width must be in"),
        ("occluder", [0, 0, 4, 4], "must be {top, left"),
        ("occluder", {**OCCLUDER, "baseline": "gray"}, "one of grey, mean, .*sand, not 'gray'"),
        ("occluder", {**OCCLUDER, "mask": "0" * 64}, "mask covers nothing"),
        ("occluder", {**OCCLUDER, "mask": "ff"}, "64 hex digits"),
        (
            "occluder",
            {**OCCLUDER, "extra_boxes": [OCCLUDER]},
            "rectangle 0 of extra_boxes must be {top",
        ),
        ("occluder", {**OCCLUDER, "extra_boxes": [{}] * 9}, "at most 8 rectangles"),
        ("target", 5, r"target must be in 0 \.\. 4"),
        ("rule", "gradients", "rule must be one of deconvnet, guided, gradient, my own, not 'gra"),
        ("rule", None, "rule must be one of"),
    ],
)
def test_what_cannot_be_selected_is_rejected_and_changes_nothing(selection, name, value, says):
    before = selection.state
    with pytest.raises(InputError, match=says):
        setattr(selection, name, value)
    assert selection.state == before
    with pytest.raises(traitlets.TraitError):
        setattr(selection, name, value)


def test_without_an_engine_the_form_is_checked():
    selection = zf.Selection(unit=("anything", 999))
    with pytest.raises(SelectionError, match="layer must be a name"):
        selection.unit = (3, 3)
    with pytest.raises(SelectionError, match="channel must be in"):
        selection.unit = ("anything", -1)
    selection.rule = "what an engine may know"
    with pytest.raises(InputError, match="rule must be one of"):
        selection.rule = 3
    with pytest.raises(InputError, match=r"doesn't take 'foto'; did you mean 'photo'"):
        zf.Selection(foto=1)


def test_observers_never_see_a_torn_unit(selection):
    seen = []
    selection.observe(lambda change: seen.append((change["old"], change["new"])), "unit")
    selection.unit = ("conv1", 5)
    selection.choose(unit=("relu2", 7), photo=4)
    assert seen == [(("conv2", 3), ("conv1", 5)), (("conv1", 5), ("relu2", 7))]


def test_several_values_change_together_or_not_at_all(selection):
    seen = []
    selection.observe(lambda change: seen.append((selection.unit, selection.photo)))
    selection.choose(unit=("relu1", 1), photo=7)
    assert set(seen) == {(("relu1", 1), 7)}
    before = selection.state
    with pytest.raises(InputError):
        selection.choose(photo=2, unit=("relu1", 99))
    assert selection.state == before


def test_state_survives_json(selection, engine):
    selection.choose(target=2, photo=5)
    state = json.loads(json.dumps(selection.state))
    assert state == {
        "schema": 1,
        "unit": ["conv2", 3],
        "photo": 5,
        "occluder": WHOLE,
        "target": 2,
        "rule": "deconvnet",
    }
    assert zf.Selection.from_state(state, engine).state == state
    explorer = zf.Explorer(engine)
    explorer.state = state
    assert explorer.state == {**state, "view": explorer.view_options}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"schema": 2}, "schema 2; this version of zfwidgets reads schema 1"),
        ({"pins": []}, "doesn't take 'pins'"),
        ({"unit": ["conv2", 99]}, "not 99"),
    ],
)
def test_states_that_cannot_be_restored_are_named(selection, engine, change, says):
    with pytest.raises(InputError, match=says):
        zf.Selection.from_state({**selection.state, **change}, engine)


def test_a_state_is_a_dict_with_its_version():
    for state in ({}, [], None):
        with pytest.raises(InputError, match="'schema'"):
            zf.Selection.from_state(state)


def test_linked_widgets_share_the_first_ones_selection(engine):
    picker, grid, occlusion = zf.LayerPicker(engine), zf.PatchGrid(engine), zf.OcclusionMap(engine)
    mine = picker.selection
    assert zf.link(picker, grid, occlusion) is mine
    assert grid.selection is occlusion.selection is mine
    grid.selection.unit = ("conv1", 4)
    assert picker.selection.unit == ("conv1", 4)
    assert picker.get_state("selection") == grid.get_state("selection")
    assert grid.get_state("selection")["selection"] == f"anywidget:{mine.model_id}"


def test_widgets_of_different_engines_are_not_linked(engine):
    other = numpy_engine.NumpyEngine(images=5)
    picker, grid = zf.LayerPicker(engine), zf.PatchGrid(other)
    before = grid.selection
    with pytest.raises(InputError, match=r"numpy-0-14-6 .*numpy-0-5-6"):
        zf.link(picker, grid)
    with pytest.raises(traitlets.TraitError, match="belongs to engine"):
        grid.selection = picker.selection
    assert grid.selection is before


def test_only_our_widgets_are_linked(engine):
    with pytest.raises(InputError, match="not Selection"):
        zf.link(zf.LayerPicker(engine), zf.Selection(engine))
    with pytest.raises(InputError, match="needs widgets"):
        zf.link()


def test_a_selection_without_engine_gets_the_widgets(engine):
    selection = zf.Selection(unit=("conv1", 1), photo=3)
    zf.PatchGrid(engine, selection=selection)
    with pytest.raises(InputError, match="no layer"):
        selection.unit = ("conv9", 0)
    impossible = zf.Selection(unit=("conv1", 99))
    with pytest.raises(InputError, match="not 99"):
        zf.PatchGrid(engine, selection=impossible)
    assert impossible.engine is None


def test_what_the_browser_chooses_is_taken_over(selection, front_end, engine):
    selection = zf.Selection(engine)
    front_end.change(selection, unit=["relu2", 6], photo=2)
    assert (selection.unit, selection.photo) == (("relu2", 6), 2)


@pytest.mark.parametrize(
    "bad",
    [
        {"unit": ["conv9", 0], "photo": 2},
        {"photo": 2, "unit": ["conv2", 99]},
        {"unit": "garbage"},
        {"occluder": {"top": None}},
        {"target": "cat"},
    ],
)
def test_what_the_browser_cannot_choose_is_refused_and_put_right(front_end, engine, bad):
    selection = zf.Selection(engine, unit=("conv1", 1), photo=1)
    before = selection.state
    front_end.change(selection, **bad)
    assert selection.state == before
    ((error, _),) = front_end.custom(selection, "error")
    assert error["data"]["name"] == "InputError"
    put_right = json.loads(json.dumps(front_end.updates(selection)[-1]))
    assert put_right == {name: before[name] for name in bad}  # and nothing else
    front_end.change(selection, photo=3)
    assert selection.photo == 3
