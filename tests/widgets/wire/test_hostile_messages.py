"""What a page may change is what its users change there; and what is sent is JSON."""

from __future__ import annotations

import copy
import importlib
import json
import math
import pkgutil

import anywidget
import ipywidgets
import numpy as np
import pytest

import zfwidgets as zf
import zfwidgets.lessons
import zfwidgets.widgets
from tests.waiting import SECONDS
from zfwidgets.errors import InputError
from zfwidgets.experiments.correspondence.marking import Marking
from zfwidgets.experiments.quiz.board import QuizBoard
from zfwidgets.experiments.sanity.widget_pictures import StepPictures
from zfwidgets.experiments.shared.boxes import ResultBox
from zfwidgets.experiments.shared.charts import BarChart, LineChart, PointChart
from zfwidgets.experiments.shared.picture_wall import PictureWall
from zfwidgets.lessons import FieldWidth, StrongestPhoto
from zfwidgets.widgets.bundle import Code
from zfwidgets.widgets.routing import Guarded
from zfwidgets.widgets.wire import validation
from zfwidgets.widgets.wire.encode import finite, json_text, sendable

PATCHES = {"patches", "values", "scale", "whole", "pixels"}
MAP = {"stride", "overlay", "colours", "opacity", "auto"}
USERS = {
    "Selection": {"unit", "photo", "occluder", "target", "rule"},
    "PictureWall": {"chosen"},
    **{f"{kind}Chart": {"chosen"} for kind in ("", "Line", "Bar", "Point")},
    "Marking": {"chosen", "part", "boxes"},
    "QuizBoard": {"at", "given"},
    "Question": {"given", "checks"},
    "Board": {"resets", "projector"},
    "LayerPicker": {"sort"},
    "PatchGrid": PATCHES | {"pinned"},
    "OcclusionMap": MAP,
    "Explorer": PATCHES | MAP | {"sort", "photo_follows", "pinned"},
    "Compare": {"same_channel"},
    "Side": PATCHES | MAP | {"sort"},
}
"""What users change in the page, by widget; in all others nothing that Python hears of."""


def all_classes():
    for package in (zfwidgets.widgets, zfwidgets.lessons):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            importlib.import_module(module.name)

    def below(kind):
        for one in kind.__subclasses__():
            yield one
            yield from below(one)

    found = {one for one in below(ipywidgets.Widget) if one.__module__.startswith("zfwidgets.")}
    return sorted(found, key=lambda one: one.__name__)


@pytest.mark.parametrize("kind", all_classes(), ids=lambda kind: kind.__name__)
def test_every_widget_says_what_its_page_may_set(kind):
    assert issubclass(kind, Guarded)
    if kind is Guarded:
        return
    assert kind.__mro__.index(Guarded) < kind.__mro__.index(ipywidgets.DOMWidget)
    assert kind.page_may_set == USERS.get(kind.__name__, set())
    assert kind.page_may_set <= kind.class_traits(sync=True).keys()


class Box(ResultBox):
    def _describe(self):
        return "a box"


def photos(n=2):
    return [np.zeros((6, 8, 3), np.uint8)] * n


chosen: list[float] = []

MAKE = {
    "Explorer": lambda engine: zf.Explorer(engine, layer="conv2", stride=8, patch=8),
    "LayerPicker": lambda engine: zf.LayerPicker(engine),
    "PatchGrid": lambda engine: zf.PatchGrid(engine),
    "OcclusionMap": lambda engine: zf.OcclusionMap(engine),
    "Selection": lambda engine: zf.Selection(engine),
    "Compare": lambda engine: zf.Compare(engine, engine),
    "PictureWall": lambda engine: PictureWall("f", "pictures"),
    "LineChart": lambda engine: LineChart("step", "error", chosen.append),
    "BarChart": lambda engine: BarChart("error", chosen.append),
    "PointChart": lambda engine: PointChart("step", "error", chosen.append),
    "Marking": lambda engine: Marking("f", photos(), ["a", "b"], ["ear", "eye"]),
    "QuizBoard": lambda engine: QuizBoard("f", "patches", False),
    "StepPictures": lambda engine: StepPictures("f"),
    "ResultBox": lambda engine: Box(None, [ipywidgets.HTML("a")]),
    "Side": lambda engine: settled(zf.Compare(engine, engine)).left,
    "Question": lambda engine: settled(zf.Question(engine, FieldWidth("conv2"))),
    "Worksheet": lambda engine: sheet(engine),
    "Board": lambda engine: sheet(engine).children[0],
    "Code": lambda engine: Code(),
    "Head": lambda engine: Box(None, [ipywidgets.HTML("a")])._head,
}
"""Widgets of every kind that has state of its own."""


def settled(widget):
    assert widget.settle(SECONDS)
    return widget


def sheet(engine):
    questions = (FieldWidth("conv2"), StrongestPhoto("conv2", photos=3))
    return settled(zf.Worksheet(zf.Explorer(engine), questions))


HOSTILE = (
    "<script>alert(1)</script>", "", None, -5, 1 << 40, 1.5, True, [], ["x", 3], {}, {"stride": 1},
    {"ear": {"9": [0, 0, 1, 1]}}, "IPY_MODEL_none", "anywidget:none", [[1]], ("conv2", 10**6),
)  # fmt: skip


def test_every_kind_of_widget_is_tried():
    """Boxes of results are alike, and so is what merely adds Python to another."""
    tried = {kind for name in MAKE for kind in all_classes() if kind.__name__ == name}
    for kind in all_classes():
        own = {name for name, one in vars(kind).items() if getattr(one, "metadata", {}).get("sync")}
        assert not own or kind in tried or any(issubclass(one, kind) for one in tried), kind


@pytest.mark.parametrize("name", MAKE)
def test_hostile_changes_leave_the_kernel_as_it_was(name, engine, front_end):
    widget = MAKE[name](engine)
    state = copy.deepcopy(widget.get_state())
    mine = type(widget).page_may_set
    assert {"layout"} < state.keys() - mine
    for trait in state.keys() - mine:
        for value in HOSTILE:
            before = len(front_end.updates(widget))
            front_end.change(widget, **{trait: value})
            assert widget.get_state() == state, (trait, value)
            truth = [sent[trait] for sent in front_end.updates(widget)[before:] if trait in sent]
            assert truth, (trait, value)  # else the page shows what doesn't hold
            assert truth[-1] == state[trait]
    for value in HOSTILE:
        front_end.change(widget, **{"no such trait": value, "__class__": value, "comm": value})
        assert widget.get_state() == state
    if hasattr(widget, "close"):
        widget.close()


@pytest.mark.parametrize("name", ["LayerPicker", "PatchGrid", "OcclusionMap", "Explorer"])
def test_options_that_are_not_possible_are_told_the_truth(name, engine, front_end):
    widget = MAKE[name](engine)
    for option in type(widget).page_may_set:
        for value in ("<script>alert(1)</script>", "", -5, 1 << 40, [], {"stride": 1}):
            before, told = widget.get_state(option), len(front_end.updates(widget))
            front_end.change(widget, **{option: value})
            assert widget.get_state(option) == before, (option, value)
            truth = [sent[option] for sent in front_end.updates(widget)[told:] if option in sent]
            assert truth, (option, value)
            assert truth[-1] == before[option]
    widget.close()


def test_what_the_page_may_set_is_checked(engine, front_end):
    marking = MAKE["Marking"](engine)
    marking.boxes = {"ear": {"0": [1, 1, 2, 2]}}
    state = copy.deepcopy(marking.get_state())
    for change in (
        {"part": "nose"},
        {"part": 3},
        {"boxes": {"ear": {"7": [0, 0, 1, 1]}}},
        {"boxes": 3},
        {"chosen": -9},
        {"chosen": "x", "part": "eye"},
        {"part": "eye", "boxes": {"nose": {}}},
    ):
        before = len(front_end.updates(marking))
        front_end.change(marking, **change)
        assert marking.get_state() == state, change
        told = {}
        for sent in front_end.updates(marking)[before:]:
            told.update(sent)
        assert {name: told[name] for name in change} == {name: state[name] for name in change}
    front_end.change(marking, part="eye", size=500, boxes={"eye": {"1": [0, 0, 2, 2]}})
    assert marking.part == "eye"
    assert marking.boxes == {"eye": {"1": [0, 0, 2, 2]}}
    assert marking.size == state["size"]


def test_a_choice_that_comes_with_something_else_is_still_taken(engine, front_end):
    selection = zf.Selection(engine)
    front_end.change(selection, photo=3, schema=9, layout="x", _esm="alert(1)")
    assert selection.photo == 3
    assert selection.schema == 1
    assert "alert" not in str(selection.get_state())


# ---------------------------------------------------------------------- JSON


NUMBERS = (math.nan, math.inf, -math.inf, 1e308, 1e-320, -0.0, np.float32("inf"), np.float64("nan"),
           np.float32(1e38), np.int64(7), np.bool_(True))  # fmt: skip


def strict(text):
    def refuse(constant):
        raise AssertionError(constant)

    return json.loads(text, parse_constant=refuse)


@pytest.mark.parametrize("number", NUMBERS, ids=repr)
def test_json_has_no_number_that_is_none(number):
    data = {"value": number, "list": [1, number, {"deep": [number]}], "pair": (number, "x")}
    wanted = float(number) if math.isfinite(number) else None
    for found in (strict(json_text(data)), sendable(data), strict(json.dumps(sendable(data)))):
        assert found["value"] == wanted
        assert found["list"] == [1, wanted, {"deep": [wanted]}]
        assert found["pair"] == [wanted, "x"]


def test_finite_changes_nothing_else():
    data = {"a": [1, 2.5, "x", None, True, {"b": ()}], "c": "nan"}
    assert finite(data) == {"a": [1, 2.5, "x", None, True, {"b": []}], "c": "nan"}


def test_fills_are_numbers_that_pixels_can_be(engine):
    for baseline in (0, -3.5, 1e38, 1e-45, 3.4e38):
        assert validation.baseline_value(engine, baseline) == baseline
    for baseline in (1e39, -1e39, math.inf, -math.inf, math.nan, 10**400, 1e308):
        with pytest.raises(InputError, match="float32"):
            validation.baseline_value(engine, baseline)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("value", [math.inf, math.nan, 1e38, 1e-45])
def test_no_message_has_nan_or_infinity(engine, front_end, monkeypatch, value):
    """An engine whose activations, projections and scores are such numbers."""
    import dataclasses

    def top(layer, channel, k=9, *, so_far=False, real=engine.top):
        found = real(layer, channel, k)
        odd = tuple(dataclasses.replace(a, value=value) for a in found)
        return dataclasses.replace(found, activations=odd)

    def project_all(activations, rule="deconvnet"):
        pixels = np.full((24, 32, 3), value, np.float32)
        return tuple(zf.records.Projection(a, rule, pixels) for a in activations)

    monkeypatch.setattr(engine, "top", top)
    monkeypatch.setattr(engine, "project_all", project_all)
    explorer = zf.Explorer(engine, layer="conv2", stride=8, patch=8)
    explorer.settle(SECONDS)
    for kind, fields in (
        ("top", {"layer": "conv2", "channel": 1, "k": 9}),
        ("projections", {"layer": "conv2", "channel": 1, "k": 9, "rule": "deconvnet"}),
        ("cover", {"layer": "conv2", "channel": 1, "k": 9, "baseline": 3.4e38}),
    ):
        front_end.answer(explorer, front_end.get(explorer, kind, **fields))
    for _, _, data, _ in list(front_end.messages):
        json.dumps(data, allow_nan=False, default=str)


def test_widgets_are_anywidgets_or_boxes():
    for kind in all_classes():
        assert kind is Guarded or issubclass(kind, (anywidget.AnyWidget, ipywidgets.Box))
