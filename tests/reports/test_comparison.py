"""A comparison in a report: one network twice, and words for what can't be in one."""

from __future__ import annotations

import numpy as np
import pytest

import zfwidgets as zf
from tests.widgets import numpy_engine
from zfwidgets.errors import InputError
from zfwidgets.records import display_scale
from zfwidgets.reports.checking import check_manifest
from zfwidgets.reports.writing.draft import Draft

LOOK = {"stride": 4, "patch": (6, 8)}


@pytest.fixture
def compare(engine):
    return zf.Compare(engine, engine, layer="conv2", channel=(3, 1), names=("a", "b"), **LOOK)


def test_both_channels_are_held_with_all_their_projections(compare, engine, save):
    stored = zf.load_report(save(widgets=[compare], channels=[]))
    for channel in (3, 1):
        live = engine.project_all(engine.top("conv2", channel))
        held = stored.project_all(stored.top("conv2", channel))
        assert len(held) == len(live) == 9
        for mine, theirs in zip(held, live, strict=True):
            assert mine.activation.image == theirs.activation.image
            # Stored in 127 levels each way, up to where scales end.
            most = max(display_scale(live), display_scale([theirs]))
            clipped = np.clip(theirs.crop(), -most, most)
            np.testing.assert_allclose(mine.crop(), clipped, atol=0.51 * most / 127)


def test_the_page_is_told_its_two_sides(compare, engine):
    beside = zf.Explorer(engine, layer="relu1", channel=2, **LOOK)
    compare.same_channel = True
    draft = Draft([beside, compare])
    _, view = draft.views
    assert view["view"] == "compare"
    left, right = (draft.selections[at] for at in (view["selection"], view["beside"]["right"]))
    assert (left["unit"], right["unit"]) == (["conv2", 3], ["conv2", 3])
    assert left["photo"] == right["photo"]
    assert (view["beside"]["names"], view["beside"]["same_channel"]) == (["a", "b"], True)
    assert draft.selections[draft.views[0]["selection"]]["unit"] == ["relu1", 2]


def test_one_of_two_networks_says_what_is_possible(engine, save):
    other = numpy_engine.NumpyEngine(channels=7)
    with pytest.raises(InputError, match="'old' and 'new' are two: write a report of each"):
        save(widgets=zf.Compare(engine, other, names=("old", "new")))


def test_one_of_two_rules_says_what_is_possible(engine, save):
    with pytest.raises(InputError, match="'deconvnet' alone, and 'A' and 'B' have"):
        save(widgets=zf.Compare(engine, engine, rule=("deconvnet", "guided")))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"beside": {"right": 9, "names": ["a", "b"], "same_channel": False}}, "no selection"),
        ({"beside": {"right": 0, "names": ["a"], "same_channel": False}}, "two sides"),
        ({"beside": None}, "two sides"),
    ],
)
def test_a_manifest_that_names_other_sides_is_refused(compare, changes, words):
    draft = Draft([compare])
    plan = draft.plan(layers=["conv2"], images=[2])
    manifest = draft.collect(plan, progress=False).manifest
    check_manifest(manifest)
    view = {**manifest["views"][0], **changes}
    view = {name: value for name, value in view.items() if value is not None}
    with pytest.raises(ValueError, match=words):
        check_manifest({**manifest, "views": [view]})
