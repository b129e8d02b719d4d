"""What goes into a report: planned, estimated, and kept within the budget."""

from __future__ import annotations

import html
import json

import numpy as np
import pytest

import zfwidgets as zf
from zfwidgets.errors import InputError
from zfwidgets.records import Occluder, occluder_box
from zfwidgets.reports.writing.planning import LADDER, make_plan, to_bytes
from zfwidgets.reports.writing.saving import plan_report
from zfwidgets.stepwise import finish
from zfwidgets.widgets.wire.encode import decode_picture
from zfwidgets.widgets.wire.service import service_of

from .conftest import LAYERS, LOOK, numpy_engine


@pytest.fixture
def whole(save, known=[]):  # noqa: B006 -- kept from test to test: their engines are equal
    """Bytes of a report that has room for everything."""
    if not known:
        known.append(save(channels="all", images="all", budget=None).stat().st_size)
    return known[0]


@pytest.mark.parametrize(
    ("text", "size"),
    [("25 MB", 25_000_000), ("1.5mb", 1_500_000), ("800 kB", 800_000), ("2 MiB", 2 << 20),
     (12345, 12345), (1e6, 1_000_000), ("2 GB", 2_000_000_000), (None, None)],
)  # fmt: skip
def test_budgets(text, size):
    assert to_bytes(text) == size


@pytest.mark.parametrize("text", ["", "MB", "-3 MB", "3 parsec", "1.2.3 MB", 0, float("nan")])
def test_impossible_budgets_are_named(text):
    with pytest.raises(InputError, match="budget must be like"):
        to_bytes(text)


def test_nothing_is_computed_for_a_plan(explorer, engine, monkeypatch):
    for name in ("project_all", "predict", "occlude_steps", "channels", "quantile_steps"):
        monkeypatch.setattr(engine, name, lambda *a, **k: pytest.fail("computed"))
    plan = plan_report(explorer, layers=LAYERS, channels={"conv1": [0, 1]}, images=[1, "picture 4"])
    assert plan.layers == LAYERS
    assert plan.first == (("conv2", 3),)
    assert plan.chosen == (("conv1", 0), ("conv1", 1))
    assert plan.images == (1, 4)
    assert plan.quality == LADDER[0]
    assert plan.size < 25_000_000
    assert "photos" in str(plan)
    assert "budget 25.0 MB" in str(plan)


def test_the_estimate_is_about_right(explorer, save):
    for choices in ({}, {"channels": "all"}, {"layers": ["conv2"]}):
        choices = {"layers": LAYERS, "images": [2, 5], **choices}
        expected = plan_report(explorer, **choices).size
        size = save(**choices).stat().st_size
        assert 0.5 < size / expected < 1.3


@pytest.mark.parametrize("share", [0.25, 0.4, 0.6, 0.9])
def test_no_file_is_larger_than_its_budget(save, whole, share):
    path = save(channels="all", images="all", budget=whole * share)
    assert path.stat().st_size <= whole * share
    stored = zf.load_report(path)
    stored.verify()
    left_out = stored._manifest["left_out"]
    assert set(left_out) <= set(stored.info.notes)
    assert left_out or share > 0.5
    for sentence in left_out:
        assert html.escape(sentence) in path.read_text("utf-8")


def test_what_matters_most_comes_first(save, whole):
    """Chosen projections before maps, maps before all strongest, these before further ones."""
    held = []
    for share in range(16, 40, 3):
        budget = whole * share / 100
        manifest = zf.load_report(save(channels="all", images="all", budget=budget))._manifest
        kinds = [name.split("/")[0] for name in manifest["parts"]]
        held.append([kinds.count(kind) for kind in ("photo", "first", "map", "strongest", "nine")])
    for photos, first, maps, strongest, nine in held:
        assert photos
        assert first or not maps
        assert maps == photos or not strongest
        assert strongest == 3 or not nine
    for kind in range(5):
        counts = [one[kind] for one in held]
        assert counts == sorted(counts)  # more room, no less of anything
    assert held[0] != held[-1]


def test_what_a_budget_leaves_holds_all_projections_of_further_channels(save, engine):
    """Those of small fields first, whole channels only; without a budget what was asked alone."""

    def held(**choices):
        stored = zf.load_report(save(layers=LAYERS, images=[1], **choices))
        found = {}
        for name in LAYERS:
            for chunk in stored._manifest["layers"][name]["projections"]:
                if chunk["k"] > 1:
                    found.setdefault(name, []).extend(chunk["channels"])
        return stored, found

    asked = held(budget=None)[1]
    assert asked == {"conv2": [3]}
    stored, every = held(budget="25 MB")
    for name in LAYERS:
        assert sorted(every[name]) == list(range(engine.layer(name).channels))
    for channel in range(engine.layer("conv1").channels):
        top = engine.top("conv1", channel)
        assert len(stored.project_all(stored.top("conv1", channel))) == len(top)
    sizes = {name: engine.layer(name).receptive_field.size for name in LAYERS}
    least = save(layers=LAYERS, images=[1], budget=None).stat().st_size
    counts = set()
    for share in (0.5, 0.6, 0.7, 0.8, 0.9):
        some = held(budget=share * least)[1]
        counts.add(sum(len(set(channels) - {3}) for channels in some.values()))
        for name in LAYERS:
            others = [one for one in LAYERS if sizes[one] < sizes[name]]
            if set(some.get(name, ())) - {3}:  # more than what was chosen
                assert all(len(some.get(one, ())) == len(every[one]) for one in others)
    assert len(counts) > 1


def test_too_small_a_budget_is_named_and_leaves_no_file(save, tmp_path):
    with pytest.raises(InputError, match="statistics and photos alone"):
        save(budget=1000)
    assert list(tmp_path.iterdir()) == []


def test_quality_follows_the_budget(explorer):
    whole = plan_report(explorer, budget=None, layers=LAYERS, channels="all").size
    sizes = [
        plan_report(explorer, budget=whole * share, layers=LAYERS, channels="all")
        for share in (1.1, 0.9, 0.6, 0.4, 0.2)
    ]
    places = [LADDER.index(plan.quality) for plan in sizes]
    assert places == sorted(places)
    assert places[0] == 0
    assert places[-1] == len(LADDER) - 1


def test_lossy_pictures_say_how_far_off_they_are(save, engine):
    path = save(budget=60_000, images=[], channels="all")
    stored = zf.load_report(path)
    notes = " ".join(stored.info.notes)
    assert "Photos, and patches cut from them, are stored as WebP of quality" in notes
    off = abs(stored.photo(3).astype(int) - engine.photo(3)).mean()
    stated = float(notes.split("on average ")[1].split(" of 255")[0])
    assert stated == pytest.approx(off, rel=0.5)
    assert "on average" in path.read_text("utf-8")


def test_photos_leave_room_for_what_was_chosen():
    engine = numpy_engine.NumpyEngine(images=60).built()
    chosen = {"layers": ["conv2"], "images": [50], "shell": 400_000, "positions": 100}
    counts = []
    for budget in range(450_000, 600_000, 10_000):
        plan = make_plan(engine, [("conv2", 3)], [], budget=budget, **chosen)
        later = plan.expected["strongest projections"] + plan.expected["chosen projections"]
        assert plan.size - later <= budget
        counts.append(plan.photos)
    assert 1 <= counts[0] < counts[-1]
    assert counts == sorted(counts)


def test_photos_that_do_not_fit_are_left_out_and_said(tmp_path):
    engine = numpy_engine.NumpyEngine(images=60)
    explorer = zf.Explorer(engine, layer="conv2", channel=3, **LOOK)
    path = tmp_path / "report.html"
    zf.save_report(explorer, path, layers=["conv2"], images=[50], budget=40_000, progress=False)
    stored = zf.load_report(path)
    held = [i for i in range(60) if ("photo/%d" % i) in stored._manifest["parts"]]  # noqa: UP031
    assert 50 in held
    assert 0 < len(held) < 60
    assert any("photos, as they may take 60% of the budget" in note for note in stored.info.notes)
    with pytest.raises(zf.errors.NotStored, match="photo isn't in the report"):
        stored.photo(next(i for i in range(60) if i not in held))
    # Their patches are listed, and shown for what they are: not there.
    layer, channel, rank = next(
        ("conv2", channel, rank)
        for channel in range(8)
        for rank, activation in enumerate(stored.top("conv2", channel))
        if activation.image not in held
    )
    need = ("top", {"layer": layer, "channel": channel, "k": 9})
    data, pictures = finish(service_of(stored).source.answer(*need))
    assert len(data["activations"]) == len(engine.top(layer, channel))
    assert set(np.unique(decode_picture(pictures[rank]))) == {150, 190}


@pytest.mark.parametrize(
    ("choices", "words"),
    [
        ({"layers": ["conv9"]}, "no layer 'conv9'"),
        ({"layers": []}, "layers is empty"),
        ({"channels": {"pool1": [0]}}, "layers leaves out"),
        ({"channels": {"conv1": [6]}}, "must be in 0 .. 5"),
        ({"channels": "some"}, '"all", a list or a dict'),
        ({"images": ["picture 99"]}, "no image 'picture 99'"),
        ({"images": [14]}, "must be in 0 .. 13"),
        ({"images": [True]}, "whole number"),
    ],
)
def test_what_cannot_be_chosen_is_named(save, tmp_path, choices, words):
    with pytest.raises(InputError, match=words):
        save(**choices)
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_shown_is_named(engine, explorer, save):
    for widgets, words in (
        ([], "needs a widget"),
        (["only text"], "needs a widget"),
        ([explorer, 3], "not int"),
        ([explorer, zf.Explorer(numpy_engine.NumpyEngine(seed=1))], "of one engine"),
    ):
        with pytest.raises(InputError, match=words):
            save(widgets=widgets)


def test_several_widgets_share_what_they_share(engine, save):
    picker, grid = zf.LayerPicker(engine, layer="conv1"), zf.PatchGrid(engine, layer="conv2")
    other = zf.OcclusionMap(engine, image=4, **LOOK)
    zf.link(picker, grid)
    path = save(widgets=[picker, "between", grid, "# after", other, engine])
    manifest = zf.load_report(path)._manifest
    assert [view["view"] for view in manifest["views"]] == [
        "picker", "grid", "occlusion", "explorer",
    ]  # fmt: skip
    assert [view["selection"] for view in manifest["views"]] == [0, 0, 1, 2]
    page = path.read_text("utf-8")
    places = [page.index(words) for words in (
        'data-zf-view="0"', "<p>between</p>", 'data-zf-view="1"', "<h1>after</h1>",
        'data-zf-view="2"', 'data-zf-view="3"')]  # fmt: skip
    assert places == sorted(places)
    assert json.dumps(manifest["selections"][1]["photo"]) == "4"


def test_classes_that_come_up_under_the_occluder_are_stored(save, engine):
    stored = zf.load_report(save(images=[5]))
    for row in range(6):
        for col in range(8):
            box = occluder_box(row, col, (6, 8), (4, 4))
            live = engine.predict(5, Occluder(box))
            assert stored.predict(5, Occluder(box)).top(1)[0][0] == live.top(1)[0][0]
