"""Two engines side by side: what both have follows, and what they don't is said."""

from __future__ import annotations

import json

import numpy as np
import pytest
import traitlets

import zfwidgets as zf
from tests.waiting import SECONDS
from tests.widgets import numpy_engine
from zfwidgets.errors import InputError
from zfwidgets.widgets.comparing.matching import Matching

OCCLUDER = {"top": 3, "left": 14, "height": 6, "width": 8, "baseline": "blur"}


@pytest.fixture
def other():
    """Of other weights, on fewer photos, in another order, and of another class."""
    engine = numpy_engine.NumpyEngine(images=9, seed=3)
    info = engine.info
    names = (*info.images[::-1][:-1], "elsewhere")
    numpy_engine.rename(engine, images=names, labels=(*info.labels[1:], "a new one"))
    return engine


@pytest.fixture
def compare(engine, other):
    return zf.Compare(engine, other, names=("old", "new"), photo=4, channel=(2, 3))


def test_photos_and_classes_follow_by_name_and_occluders_by_place(compare, engine, other):
    assert engine.info.images[4] == other.info.images[compare.right.photo] == "picture 4"
    compare.right.photo = 0
    assert other.info.images[0] == engine.info.images[compare.left.photo] == "picture 8"
    compare.left.target = 3
    assert compare.right.target == 2
    assert other.info.labels[2] == engine.info.labels[3]
    compare.right.target = None
    assert compare.left.target is None
    compare.left.occluder = OCCLUDER
    assert compare.right.occluder == compare.left.occluder
    compare.right.overlay, compare.right.values = "total", "colour"
    assert (compare.left.overlay, compare.left.values) == ("total", "colour")


def test_channels_layers_and_rules_are_each_sides_own(compare):
    assert (compare.left.channel, compare.right.channel) == (2, 3)
    compare.left.layer, compare.left.rule = "conv1", "guided"
    assert compare.right.layer != "conv1"
    assert compare.right.rule == "deconvnet"


def test_what_the_other_side_lacks_is_said_until_it_has_it(compare, engine):
    assert compare.notes == [
        "old has 14 photos, new has 9 photos: only the 8 with the same name are compared.",
        "Their classes differ: those of the same name follow each other.",
    ]
    before = compare.right.photo
    compare.left.photo = 12
    assert compare.right.photo == before
    assert compare.notes[2:] == ["new has no photo 'picture 12': it keeps the one that it shows."]
    compare.left.target = 0
    assert compare.notes[3:] == ["new has no class 'class 0': it keeps the one that it had."]
    assert compare.right.target is None
    compare.left.photo, compare.left.target = 5, 1
    assert compare.notes[2:] == []


def test_it_begins_with_a_photo_that_both_have(engine, other):
    numpy_engine.rename(other, images=("x", "picture 9", *other.info.images[2:-1], "y"))
    lonely = zf.Compare(engine, other, layer="relu2")
    names = engine.info.images[lonely.left.photo], other.info.images[lonely.right.photo]
    assert names[0] == names[1]
    numpy_engine.rename(other, images=tuple("abcdefghi"))
    none = zf.Compare(engine, other)
    assert "none has the same name" in none.notes[0]


def test_equal_numbers_follow_only_where_layers_are_the_same(compare, engine):
    assert compare.numbering == "maybe"
    compare.same_channel = True
    assert compare.right.channel == 2
    compare.right.layer = "conv1"
    assert (compare.left.layer, compare.left.channel) == ("conv1", 2)
    compare.same_channel = False
    compare.right.channel = 5
    assert compare.left.channel == 2
    wider = zf.Compare(engine, numpy_engine.NumpyEngine(channels=7))
    assert wider.numbering == "no"
    with pytest.raises(InputError, match="same layers"):
        wider.same_channel = True
    assert wider.same_channel is False


def test_an_engine_beside_itself_shows_two_rules(indexed):
    compare = zf.Compare(indexed, indexed, layer="relu2", rule=("deconvnet", "guided"))
    assert compare.numbering == "same"
    assert compare.notes == []
    assert (compare.left.rule, compare.right.rule) == ("deconvnet", "guided")
    assert compare.left.selection is not compare.right.selection


def test_an_occluder_covers_the_same_part_of_a_larger_input(engine):
    large = numpy_engine.NumpyEngine()
    numpy_engine.rename(large, input_shape=(3, 48, 96))
    there, back = Matching(engine, large, "large"), Matching(large, engine, "small")
    occluder = {
        **OCCLUDER,
        "mask": None,
        "extra_boxes": [{"top": 0, "left": 0, "height": 2, "width": 4}],
    }
    scaled = there.occluder(occluder)
    box = {"top": 6, "left": 42, "height": 12, "width": 24}
    assert {name: scaled[name] for name in box} == box
    assert scaled["extra_boxes"] == [{"top": 0, "left": 0, "height": 4, "width": 12}]
    assert back.occluder(scaled) == occluder


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"chanel": 3}, "doesn't take 'chanel'.*channel"),
        ({"channel": (1, 2, 3)}, "one value for both sides, or two"),
        ({"names": ("same", "same")}, "two different texts"),
        ({"layer": ("conv1", "conv9")}, "conv9"),
    ],
)
def test_arguments_that_are_not_possible_are_named(engine, arguments, says):
    with pytest.raises(InputError, match=says):
        zf.Compare(engine, engine, **arguments)
    with pytest.raises(InputError, match="Expected an engine"):
        zf.Compare(engine, 3)


def test_its_state_brings_both_sides_back(compare):
    compare.left.occluder, compare.right.rule = OCCLUDER, "guided"
    state = json.loads(json.dumps(compare.state))
    compare.left.channel, compare.right.rule, compare.left.photo = 5, "gradient", 7
    compare.state = state
    assert json.loads(json.dumps(compare.state)) == state
    bad = {**state, "right": {**state["right"], "rule": "upwards"}}
    compare.left.channel = 1
    before = compare.state
    with pytest.raises(InputError, match="upwards"):
        compare.state = bad
    assert compare.state == before


def test_the_page_may_set_what_is_chosen_and_nothing_else(front_end, compare):
    front_end.change(compare, same_channel=True, notes=["all is well"], names=["x", "y"])
    assert compare.same_channel
    assert (compare.names, "all is well" in compare.notes) == (["old", "new"], False)
    front_end.change(compare.left.selection, photo=6)
    assert compare.right.engine.info.images[compare.right.photo] == "picture 6"
    state = compare.get_state()
    assert state.pop("_esm")
    assert state["left"] == f"anywidget:{compare.left.model_id}"
    assert len(json.dumps(state)) < 4096
    with pytest.raises(traitlets.TraitError):
        compare.left = compare.right


def test_each_side_answers_for_its_engine(front_end, indexed):
    other = numpy_engine.NumpyEngine(seed=3)
    compare = zf.Compare(indexed, other, layer="relu2", channel=2)
    for side in (compare.left, compare.right):
        content, buffers = front_end.ask(side, "predict", image=5, occluder=None)
        expected = side.engine.predict(5, None).probabilities
        np.testing.assert_array_equal(np.frombuffer(buffers[0], "<f4"), expected)
        assert content["op"] == "reply"
    message = {"zf": 1, "op": "add", "view": "v", "slot": "s", "name": "x", "part": 0, "parts": 1}
    front_end.send(compare.left, message)
    content, _ = front_end.custom(compare.left, "error")[-1]
    assert "compare.show(photo)" in content["data"]["message"]


def test_the_static_picture_shows_both(indexed):
    compare = zf.Compare(indexed, indexed, layer="relu2", channel=(2, 3))
    assert compare.settle(SECONDS)
    picture = np.asarray(compare.snapshot(SECONDS))
    for side, left in ((compare.left, 0), (compare.right, 1200)):
        alone = np.asarray(side.snapshot(SECONDS))
        np.testing.assert_array_equal(picture[: len(alone), left : left + 1200], alone)
    assert (picture[:, :1200] != picture[:, 1200:]).any()
    compare.close()
    assert compare.left.comm is compare.right.comm is compare.comm is None


def test_it_speaks_its_language_on_both_sides_in_notes_too(engine, other) -> None:
    compare = zf.Compare(engine, other, names=("alt", "neu"), language="de")
    assert {compare.language, compare.left.language, compare.right.language} == {"de"}
    assert compare.notes == [
        "alt hat 14 Fotos, neu hat 9 Fotos: verglichen werden nur die 8 mit gleichem Namen.",
        "Ihre Klassen sind verschieden: Die mit gleichem Namen folgen einander.",
    ]
    compare.language = "en"
    assert (compare.left.language, compare.right.language) == ("en", "en")
    assert compare.notes[0].startswith("alt has 14 photos, neu has 9 photos")
    with pytest.raises(InputError, match="language must be one of de, en, not 'fr'"):
        compare.language = "fr"
    with pytest.raises(InputError, match="language must be one of de, en, not 'fr'"):
        zf.Compare(engine, other, language="fr")
    assert compare.language == "en"
    compare.close()
