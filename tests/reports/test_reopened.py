"""A report opens where it was saved, answers a live engine's calls, and can be saved again."""

from __future__ import annotations

import inspect
import re

import numpy as np
import pytest

import zfwidgets as zf
from tests.waiting import SECONDS
from zfwidgets.engine.local import LocalEngine
from zfwidgets.errors import InputError, NotStored
from zfwidgets.records import Box, Unit
from zfwidgets.widgets.wire.service import service_of

from .conftest import LOOK


@pytest.fixture
def chosen(engine):
    explorer = zf.Explorer(engine, layer="conv2", channel=3, **LOOK)
    box = {"top": 8, "left": 13, "height": 6, "width": 8, "baseline": "grey"}
    explorer.selection.choose(photo=5, occluder=box, target=2)
    return explorer


def test_it_opens_where_it_was_saved(chosen, save):
    stored = zf.load_report(save(widgets=chosen))
    again = zf.Explorer(stored)
    assert again.selection.unit == ("conv2", 3)
    for name in ("photo", "target", "rule"):
        assert getattr(again.selection, name) == getattr(chosen.selection, name)
    assert again.selection.occluder == stored.snapped(chosen.selection.occluder)
    assert again.view_options["stride"] == LOOK["stride"]
    assert again.settle(SECONDS)  # raises for what isn't stored: nothing says so in red
    for widget in (zf.PatchGrid(stored), zf.OcclusionMap(stored), zf.LayerPicker(stored)):
        assert widget.selection.unit == ("conv2", 3)
        assert widget.selection.photo == 5
        assert widget.settle(SECONDS)


def test_another_rule_opens_as_the_one_that_is_held_and_says_so(chosen, save):
    """On the page too, whose patches would else stand beside nothing."""
    chosen.selection.choose(rule="guided")
    stored = zf.load_report(save(widgets=chosen))
    assert [one["rule"] for one in stored._manifest["selections"]] == list(stored.rules)
    assert any("by 'guided', which was chosen" in note for note in stored.info.notes)
    assert zf.Explorer(stored).rule == "deconvnet"
    assert chosen.rule == "guided"


def test_what_is_asked_for_goes_first(chosen, save):
    stored = zf.load_report(save(widgets=chosen))
    assert zf.Explorer(stored, layer="conv1", channel=2).selection.unit == ("conv1", 2)
    strongest = stored.top("conv1", 2)[0].image
    assert zf.Explorer(stored, layer="conv1", channel=2).selection.photo == strongest
    assert zf.Explorer(stored, image=1).selection.photo == 1
    assert zf.Explorer(stored, image=1).selection.unit == ("conv2", 3)
    assert zf.Explorer(stored, stride=8).view_options["stride"] == 8


def test_it_opens_where_its_layer_was_left_out(chosen, save):
    stored = zf.load_report(save(widgets=chosen, layers=["conv1"], images=[2]))
    assert zf.Explorer(stored).selection.unit == ("conv1", 0)


def test_every_call_of_a_live_engine_is_there(save):
    stored = zf.load_report(save())
    live = {name for name, _ in inspect.getmembers(LocalEngine) if not name.startswith("_")}
    mine = {name for name in dir(type(stored)) if not name.startswith("_")}
    # Of the author's machine, of live images, and of the network itself, which a report's lacks.
    assert live - mine == {"folders", "generation", "portable_steps"}


def test_plain_calls_are_those_with_steps(save, engine):
    stored = zf.load_report(save(budget=None))
    top = engine.top("conv2", 3)
    (whole,) = stored.project_all([stored.top("conv2", 3)[2]])
    for unit in (top[2].unit, Unit("conv2", 3)):
        one = stored.project(unit, top[2].image)
        np.testing.assert_array_equal(one.pixels, whole.pixels)
        assert one.activation.unit == top[2].unit
    mine = stored.occlude(2, (6, 8), 4, progress=False)
    live = engine.occlude_steps(zf.records.OcclusionRequest(2, (6, 8), 4))
    try:
        while True:
            next(live)
    except StopIteration as end:
        np.testing.assert_allclose(mine.probability(), end.value.probability(), atol=2 / 65535)
    assert stored.quantiles("conv2", 3).parts
    assert stored.keep_switches([0], "conv2") is None
    assert stored.cache is None


def test_what_is_not_held_says_so(save):
    stored = zf.load_report(save())
    box = zf.records.Occluder(Box(0, 0, 6, 8))
    calls = [
        lambda: stored.project(Unit("conv2", 3, 0, 0), 0),
        lambda: stored.project(Unit("conv2", 3), np.zeros((4, 4, 3), np.uint8)),
        lambda: stored.project(stored.top("conv2", 3)[0].unit, 0, keep_switches=True),
        lambda: stored.occlude(3, (6, 8), 4),
        lambda: stored.occlude("cat.jpg"),
        lambda: stored.photo(np.zeros((4, 4, 3), np.uint8)),
        lambda: stored.predict("cat.jpg"),
        lambda: stored.quantiles("conv2", 1),
        lambda: stored.sample("conv2", 1),
        lambda: stored.estimate(0),
        lambda: stored.estimate_steps(0),
        lambda: stored.respond(0, box, "conv2"),
        lambda: stored.cover_patches("conv2", 3),
        lambda: next(stored.cover_steps("conv2", 3)),
        lambda: stored.explain("conv2", "guided"),
        lambda: stored.index(),
        lambda: stored.index_so_far(),
        lambda: stored.top("conv1", 0, 10),
    ]
    for call in calls:
        with pytest.raises(NotStored) as error:
            call()
        assert re.search(r"kernel|live engine", str(error.value)), error.value
    for wrong in (
        lambda: stored.photo(99),
        lambda: stored.predict(-1),
        lambda: stored.occlude(99, (6, 8), 4),
        lambda: stored.top("conv1", 0, 0),
        lambda: stored.occlude(2, (6, 8), 4, target="no such class"),
    ):
        with pytest.raises(InputError):
            wrong()


def held(stored):
    """All that a report answers, by what is asked: bits of pictures and numbers."""
    found = {}
    for kind, key, part, at in stored._answers():
        data, buffers = stored._unpacked(part)[at]
        found[kind, repr(sorted(key.items(), key=str))] = data, buffers
    for name, layer in stored._manifest["layers"].items():
        found["statistics", name] = stored._unpacked(layer["part"])
        for chunk in layer["projections"]:
            for at, channel in enumerate(chunk["channels"]):
                if stored._chunk(name, channel, chunk["rule"]) == chunk:  # the one that is shown
                    answer = stored._unpacked(chunk["part"])[at]
                    found["projections", name, channel] = chunk["k"], answer
    return found


@pytest.mark.parametrize("first", [None, "150 kB", "60 kB"])
@pytest.mark.parametrize("second", [None, "10 MB"])
def test_a_report_of_a_report_holds_the_same(chosen, save, tmp_path, first, second):
    """Whatever budget the first had: pictures that lost something lose no more."""
    more = {"channels": {"conv1": [0, 4]}}
    one = zf.load_report(save("one.html", widgets=chosen, budget=first, **more))
    zf.save_report(zf.Explorer(one), tmp_path / "two.html", budget=second, progress=False)
    two = zf.load_report(tmp_path / "two.html")
    two.verify()
    assert held(two) == held(one)
    assert two.layers == one.layers
    assert two.info == one.info or set(one.info.notes) <= set(two.info.notes)
    assert two.opens_at == one.opens_at
    zf.save_report(zf.Explorer(two), tmp_path / "three.html", budget=second, progress=False)
    assert held(zf.load_report(tmp_path / "three.html")) == held(one)


def test_a_small_budget_leaves_out_what_a_report_holds(chosen, save, tmp_path):
    one = zf.load_report(save("one.html", widgets=chosen, budget=None))
    size = (tmp_path / "one.html").stat().st_size
    two = zf.save_report(zf.Explorer(one), tmp_path / "two.html", budget=0.8 * size, progress=False)
    assert two.size <= 0.8 * size
    assert two.left_out
    again = zf.load_report(two.path)
    again.verify()
    mine, whole = held(again), held(one)
    assert mine.keys() < whole.keys()
    assert all(whole[name] == answer for name, answer in mine.items())
    assert zf.Explorer(again).selection.unit == ("conv2", 3)


def test_widgets_of_a_report_get_what_is_stored(chosen, save):
    stored = zf.load_report(save(widgets=chosen))
    again = zf.Explorer(stored)
    for kind, key in again._needs():
        assert service_of(stored).source.check(
            kind, {**key, "fingerprint": stored.info.fingerprint}
        )


def test_what_is_explained_is_what_its_projections_met(save):
    stored = zf.load_report(save())
    said = stored.explain("conv2")
    (projection,) = stored.project_all([stored.top("conv2", 3)[0]])
    assert said.operations == projection.operations != ()
    assert (said.layer, said.rule) == ("conv2", "deconvnet")
    assert said.answers == stored.rule("deconvnet").answers
    assert said.reach == stored.layer("conv2").receptive_field.reach


def test_the_calls_of_the_readme_are_answered_or_say_what_would(chosen, save, tmp_path):
    """With a report's engine in the place of a live one."""
    stored, another = zf.load_report(save(widgets=chosen)), zf.load_report(save("another.html"))
    top = stored.top("conv2", channel=3)
    image = top[0].image
    answered = [
        lambda: zf.Explorer(stored),
        lambda: zf.link(zf.LayerPicker(stored), zf.PatchGrid(stored), zf.OcclusionMap(stored)),
        lambda: zf.Compare(stored, another),
        lambda: zf.plots.class_bars(zf.LayerPicker(stored)),
        lambda: stored.project(top[0].unit, image).to_pil(),
        lambda: stored.occlude(5, patch=(6, 8), stride=4).probability(),
        lambda: stored.explain("conv2"),
        lambda: zf.lessons.seeing(zf.Explorer(stored)),
        lambda: zf.save_report(zf.Explorer(stored), tmp_path / "again.html", progress=False),
    ]
    for call in answered:
        call()
    refused = [
        lambda: zf.SanityCheck(stored, ("conv2", 3)),
        lambda: zf.StrongestMap(stored),
        lambda: zf.Invariance(stored),
        lambda: zf.Diagnosis(stored),
        lambda: zf.Correspondence(stored),
        lambda: zf.Transfer(stored),
        lambda: zf.Lesion(stored),
        lambda: stored.index(folder=tmp_path / "index"),
        lambda: stored.verify_steps(),
    ]
    for call in refused:
        with pytest.raises(NotStored, match=r"kernel|live engine"):
            call()
