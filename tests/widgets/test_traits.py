"""Widgets set from Python: each trait shows, follows the selection, or says why it can't be."""

from __future__ import annotations

import inspect
import json
import re
from dataclasses import replace

import ipywidgets
import numpy as np
import pytest
import traitlets

import zfwidgets as zf
from tests.waiting import SECONDS
from tests.widgets import numpy_engine
from zfwidgets.errors import InputError
from zfwidgets.experiments.correspondence.marking import Marking
from zfwidgets.experiments.shared.boxes import ResultBox
from zfwidgets.experiments.shared.picture_wall import PictureWall
from zfwidgets.records import Box, Occluder
from zfwidgets.widgets.setting.traits import settable

KINDS = (zf.LayerPicker, zf.PatchGrid, zf.OcclusionMap, zf.Explorer)
LARGE, SMALL = "relu2", "conv1"  # 8 and 6 channels


def heard(widget, *names):
    """All changes of some traits, as they come."""
    found = []
    widget.observe(lambda change: found.append((change.name, change.old, change.new)), [*names])
    return found


def no_classes(engine):
    engine.info = replace(engine.info, no_classes="it ends in a map")
    return engine


@pytest.mark.parametrize(
    ("name", "value", "field", "chosen"),
    [
        ("layer", LARGE, "unit", (LARGE, 3)),
        ("channel", 5, "unit", (SMALL, 5)),
        ("photo", 7, "photo", 7),
        ("image", 7, "photo", 7),
        ("target", 2, "target", 2),
        ("rule", "guided", "rule", "guided"),
        ("baseline", "mean", "occluder", {"baseline": "mean", "height": 6, "width": 9}),
        ("patch", (4, 7), "occluder", {"top": 10, "left": 12, "height": 4, "width": 7}),
        ("patch", 10, "occluder", {"top": 7, "left": 10, "height": 10, "width": 10}),
        ("occluder", Occluder(Box(1, 2, 3, 5)), "occluder", {"top": 1, "left": 2, "height": 3}),
    ],
)
def test_what_is_chosen_is_a_trait_both_ways(engine, name, value, field, chosen):
    explorer = zf.Explorer(engine, layer=SMALL, channel=3, image=5, patch=(6, 9))
    other = zf.PatchGrid(engine, selection=explorer.selection)
    changes = heard(explorer, name)
    old = getattr(explorer, name)
    setattr(explorer, name, value)
    found = getattr(explorer.selection, field)
    if isinstance(chosen, dict):
        assert {part: found[part] for part in chosen} == chosen
    else:
        assert found == chosen
    new = getattr(explorer, name)
    assert changes == [(name, old, new)]
    setattr(explorer, name, new)  # what it says of itself can be set, and is no news
    assert len(changes) == 1
    assert getattr(other.selection, field) == found

    # and what is chosen elsewhere, as in the page, is heard as the widget's own
    back = zf.Explorer(engine, layer=SMALL, channel=3, image=5, patch=(6, 9)).state[field]
    explorer.selection.choose(**{field: back})
    assert (len(changes), getattr(explorer, name)) == (2, old)


def test_the_page_is_heard_too(front_end, engine):
    explorer = zf.Explorer(engine, layer=SMALL, channel=3)
    changes = heard(explorer, "layer", "channel")
    front_end.change(explorer.selection, unit=[LARGE, 7])
    assert sorted(changes) == [("channel", 3, 7), ("layer", SMALL, LARGE)]
    styles = heard(explorer, "colours")
    front_end.change(explorer, colours="magma")
    assert styles == [("colours", "tint", "magma")]
    explorer.colours = "diverging"
    assert front_end.updates(explorer)[-1] == {"colours": "diverging"}


def test_a_layer_keeps_the_channel_that_it_has(engine):
    explorer = zf.Explorer(engine, layer=LARGE, channel=4)
    explorer.layer = SMALL
    assert (explorer.layer, explorer.channel) == (SMALL, 4)
    explorer.selection.unit = (LARGE, 7)
    changes = heard(explorer, "layer", "channel")
    seen = []
    explorer.observe(lambda _: seen.append((explorer.layer, explorer.channel)), "layer")
    explorer.layer = SMALL
    assert seen == [(SMALL, 0)]  # observers never see the channel of one layer in another
    assert sorted(changes) == [("channel", 7, 0), ("layer", LARGE, SMALL)]
    explorer.layer = None
    assert explorer.selection.unit is explorer.channel is None
    explorer.channel = 2
    assert explorer.selection.unit == ("conv2", 2)  # where it would have opened


def test_an_occluder_keeps_its_centre_and_the_rest_of_itself(engine):
    explorer = zf.Explorer(engine, patch=(6, 8))
    extra_boxes = [{"top": 0, "left": 1, "height": 2, "width": 3}]
    explorer.occluder = {**explorer.occluder, "top": -4, "left": 28, "extra_boxes": extra_boxes}
    explorer.patch = (2, 3)
    rows, columns = 24, 32
    box = explorer.occluder
    assert 1 - 2 <= box["top"] < rows
    assert 1 - 3 <= box["left"] < columns
    assert (box["extra_boxes"], explorer.patch) == (extra_boxes, (2, 3))
    explorer.occluder = None
    assert explorer.patch is explorer.baseline is None
    explorer.baseline = 0.5
    assert (explorer.occluder["baseline"], explorer.occluder["top"] > 0) == (0.5, True)


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("layer", "rleu2", "no layer 'rleu2'. Nearest names: relu2"),
        ("layer", 3, "no layer 3"),
        ("channel", 6, r"channel of layer 'conv1' must be in 0 \.\. 5, not 6"),
        ("channel", -1, r"must be in 0 \.\. 5"),
        ("photo", 14, r"photo must be in 0 \.\. 13"),
        ("target", 3.5, "target must be a whole number"),
        ("rule", "magic", "rule must be one of"),
        ("occluder", {"top": 1}, "must be {top"),
        ("patch", 33, r"patch \(rows\) must be in 1 \.\. 24"),
        ("baseline", "blue", "baseline must be"),
        ("sort", "size", "sort must be one of"),
        ("patches", [], "patches must be one of"),
        ("stride", 0, r"stride must be in 1 \.\. 24"),
        ("overlay", "heat", "overlay must be one of"),
        ("colours", "jet", "colours must be one of tint, viridis"),
        ("opacity", float("nan"), r"opacity must be in 0 \.\. 1"),
        ("opacity", True, r"opacity must be in 0 \.\. 1"),
        ("auto", "off", "auto must be True or False"),
        ("state", {"schema": 1, "photo": 3, "unit": ["conv9", 0]}, "no layer"),
    ],
)
def test_what_cannot_be_changes_nothing(engine, name, value, says):
    explorer = zf.Explorer(engine, layer=SMALL, channel=3)
    before, changes = (explorer.state, explorer.view_options), heard(explorer, traitlets.All)
    with pytest.raises(InputError, match=says) as refusal:
        setattr(explorer, name, value)
    if name != "state":
        assert isinstance(refusal.value, traitlets.TraitError)
    assert (explorer.state, explorer.view_options) == before
    assert changes == []


def test_options_are_set_shown_and_synchronised(engine):
    explorer = zf.Explorer(engine)
    wanted = {
        "sort": "mean",
        "patches": "revealed",
        "values": "magnitude",
        "scale": "one",
        "whole": True,
        "pixels": True,
        "stride": 3,
        "overlay": "hamming",
        "colours": "magma",
        "opacity": np.float32(0.25),
        "auto": False,
        "photo_follows": False,
        "gallery": [[LARGE, 3, "stripes"]],
        "pinned": [LARGE, 2, "guided"],
        "language": "de",
    }
    changes = heard(explorer, *wanted)
    for name, value in wanted.items():
        setattr(explorer, name, value)
    assert explorer.view_options == wanted
    assert {name for name, *_ in changes} == set(wanted)
    state = json.loads(json.dumps({name: explorer.get_state()[name] for name in wanted}))
    assert state == wanted
    explorer.stride = None  # the default again
    assert explorer.stride == zf.Explorer(engine).stride


@pytest.mark.parametrize(
    ("pinned", "says"),
    [
        (("conv9", 0), "conv9"),
        ((LARGE, 10**6, "guided"), "channel"),
        ((LARGE, 0, "upwards"), "must be one of deconvnet"),
        ((LARGE,), "must be .layer, channel."),
        (7, "must be .layer, channel."),
    ],
)
def test_what_is_pinned_is_checked(engine, pinned, says):
    explorer = zf.Explorer(engine, pinned=(SMALL, 1))
    with pytest.raises(InputError, match=says):
        explorer.pinned = pinned
    assert explorer.pinned == [SMALL, 1, "deconvnet"]


@pytest.mark.parametrize(
    ("gallery", "says"),
    [
        ([("conv9", 0, "a")], "conv9"),
        ([(LARGE, 10**6, "a")], "channel"),
        ([(LARGE, 0, 5)], "must be a str, not 5"),
        ([(LARGE, 0)], "list of .layer, channel, text."),
        (7, "list of .layer, channel, text."),
    ],
)
def test_a_gallery_is_checked(engine, gallery, says):
    explorer = zf.Explorer(engine, gallery=[(SMALL, 1, "dots")])
    with pytest.raises(InputError, match=says):
        explorer.gallery = gallery
    assert explorer.gallery == [[SMALL, 1, "dots"]]


def test_photos_and_classes_are_called_by_name(engine):
    explorer = zf.Explorer(engine, photo=engine.info.images[4], target=engine.info.labels[2])
    assert (explorer.photo, explorer.target) == (4, 2)
    explorer.photo = engine.info.images[1]
    assert explorer.photo == 1
    near = engine.info.images[3][:-1]
    with pytest.raises(InputError, match=f"no photo {near!r}; did you mean"):
        explorer.photo = near
    with pytest.raises(InputError, match="no class 'zeppelin'"):
        explorer.target = "zeppelin"
    assert (explorer.photo, explorer.target) == (1, 2)


def test_a_state_brings_the_whole_view_back(engine):
    explorer = zf.Explorer(engine, layer=SMALL, channel=2)
    explorer.values, explorer.opacity = "colour", 0.25
    state = json.loads(json.dumps(explorer.state))
    other = zf.Explorer(engine)
    other.state = state
    assert other.state == explorer.state
    assert (other.channel, other.values, other.opacity) == (2, "colour", 0.25)
    before = other.state
    for wrong in ({"values": "sepia"}, {"colour": "red"}, 3):
        with pytest.raises(InputError):
            other.state = {**state, "photo": 1, "view": wrong}
        assert other.state == before


def test_settling_computes_what_is_set(front_end, indexed):
    occlusion = zf.OcclusionMap(indexed, stride=8, photo=2)
    occlusion.stride = 6
    assert occlusion.settle(SECONDS)
    (need,) = [fields for kind, fields in occlusion._needs() if kind == "occlusion"]
    assert need["stride"] == 6
    key = front_end.get(occlusion, "occlusion", **need)
    content, _ = front_end.custom(occlusion, "reply")[-1]  # no waiting: it is there already
    assert content["key"] == key


def test_a_network_without_classes_has_no_map_of_them(engine):
    explorer = zf.Explorer(no_classes(engine))
    assert explorer.overlay == "total"
    for overlay in ("probability", "predicted"):
        with pytest.raises(InputError, match="class scores: it ends in a map"):
            explorer.overlay = overlay
    explorer.overlay = "cosine"
    with pytest.raises(InputError, match="class scores"):
        zf.OcclusionMap(engine, overlay="logit")


def test_arguments_and_traits_are_the_same(engine):
    occluder = {"top": 3, "left": 4, "height": 5, "width": 6, "baseline": "blur"}
    explorer = zf.Explorer(engine, photo=3, target=1, occluder=occluder)
    assert (explorer.photo, explorer.image, explorer.target) == (3, 3, 1)
    assert (explorer.patch, explorer.baseline) == ((5, 6), "blur")
    with pytest.raises(InputError, match="the same"):
        zf.Explorer(engine, photo=3, image=3)
    with pytest.raises(InputError, match="or its patch and baseline"):
        zf.Explorer(engine, occluder=occluder, patch=4)
    for kind in KINDS:
        widget = kind(engine)
        arguments = [
            name
            for name, parameter in inspect.signature(kind.__init__).parameters.items()
            if parameter.kind is parameter.KEYWORD_ONLY
        ]
        assert arguments
        for name in arguments:
            setattr(widget, name, getattr(widget, name))


@pytest.mark.parametrize("start", [(LARGE, 7), (SMALL, 1), (LARGE, 2)])
@pytest.mark.parametrize("end", [(LARGE, 6), (SMALL, 5), (LARGE, 1), ("conv2", 7)])
def test_widgets_of_two_engines_are_linked_by_their_traits(engine, start, end):
    other = numpy_engine.NumpyEngine(images=5)
    here, there = (zf.Explorer(one, layer=start[0], channel=start[1]) for one in (engine, other))
    links = [traitlets.link((here, name), (there, name)) for name in ("layer", "channel", "rule")]
    here.selection.unit = end
    assert here.selection.unit == there.selection.unit == end
    there.selection.choose(unit=start, rule="guided")
    assert here.selection.unit == there.selection.unit == start
    assert here.rule == "guided"
    for one in links:
        one.unlink()


def test_other_widgets_are_linked_to_a_trait(engine):
    explorer = zf.Explorer(engine, layer=SMALL, channel=3)
    slider = ipywidgets.IntSlider(max=5)
    link = traitlets.link((explorer, "channel"), (slider, "value"))
    slider.value = 5
    assert explorer.selection.unit == (SMALL, 5)
    explorer.selection.unit = (SMALL, 2)
    assert slider.value == 2
    link.unlink()


def test_another_selection_is_news(engine):
    explorer = zf.Explorer(engine, layer=SMALL, channel=3)
    changes = heard(explorer, "layer", "channel", "photo")
    zf.link(zf.LayerPicker(engine, layer=LARGE, channel=3, image=9), explorer)
    assert ("layer", SMALL, LARGE) in changes
    assert explorer.photo == 9
    assert "channel" not in {name for name, *_ in changes}


# ---------------------------------------------------------------------- what isn't there


def all_widgets(engine):
    picture = np.zeros((6, 9, 3), np.uint8)
    made = [*(kind(engine) for kind in KINDS), zf.Selection(engine)]
    return [*made, PictureWall("f", "label"), Marking("f", [picture], ["one"], ["eye"])]


def test_what_is_not_there_cannot_be_set(engine):
    typos = {
        "LayerPicker": ("chanel", "channel"),
        "PatchGrid": ("ruel", "rule"),
        "OcclusionMap": ("overlap", "overlay"),
        "Explorer": ("colors", "colours"),
        "Selection": ("unt", "unit"),
        "PictureWall": ("choosen", "chosen"),
        "Marking": ("box", "boxes"),
    }
    for widget in all_widgets(engine):
        name, meant = typos.pop(type(widget).__name__)
        with pytest.raises(AttributeError, match=f"no '{name}' to set; did you mean '{meant}'"):
            setattr(widget, name, 1)
        assert not hasattr(widget, name)
        widget._mine = 1
        widget.layout.width = "50%"
        widget.tooltip = "ipywidgets' own"
        for name in settable(type(widget)):
            getattr(widget, name)
    assert not typos


def test_experiments_say_what_is_chosen_once():
    class Box(ResultBox):
        pass

    # as a class of the package, not of a user
    kind = type("Ours", (ResultBox,), {"__module__": "zfwidgets.ours"})
    ours = kind(None, [])
    with pytest.raises(AttributeError, match="takes 'parts' when it is made"):
        ours.parts = []
    with pytest.raises(AttributeError, match="no 'childern' to set"):
        ours.childern = []
    ours.children = ()
    users = Box(None, [])
    users.parts = 3
    assert users.parts == 3


def test_users_classes_have_attributes_of_their_own(engine):
    class Mine(zf.Explorer):
        theme = traitlets.Unicode("dark")

        def __init__(self, engine):
            self.history = []
            super().__init__(engine, layer=SMALL)
            self.colors = {"mine": 1}

        @traitlets.observe("layer", "theme")
        def _note(self, change):
            self.history.append((change.name, change.new))

    mine = Mine(engine)
    mine.layer = LARGE
    mine.theme = "light"
    assert mine.history == [("layer", LARGE), ("theme", "light")]
    assert mine.colors == {"mine": 1}
    with pytest.raises(InputError):
        mine.colours = "jet"

    plain = zf.Explorer(engine)
    plain.add_traits(more=traitlets.Int(3))
    plain.more = 4
    assert plain.more == 4


@pytest.mark.parametrize("kind", KINDS)
def test_help_lists_all_that_can_be_set(kind, engine):
    text = inspect.getdoc(kind)
    attributes = re.search(r"\nAttributes\n-+\n(.*?)\n\n\w+\n-+\n", text, re.DOTALL).group(1)
    listed = {
        name.strip()
        for line in attributes.splitlines()
        if not line.startswith(" ")
        for name in line.partition(" : ")[0].split(",")
    }
    assert listed == set(settable(kind)) - {"state", "layout"}


UNITS = {"patch": "pixels", "stride": "pixels", "occluder": "in pixels", "opacity": "0 .. 1"}
"""What of help's words says in which unit an attribute is, or between which ends."""


@pytest.mark.parametrize("name", UNITS)
def test_help_says_units(name, engine):
    for kind in KINDS:
        if name in settable(kind):
            text = inspect.getdoc(kind)
            said = re.search(rf"^{name} : .*\n((?:    .*\n)+)", text, re.MULTILINE)[1]
            assert UNITS[name] in " ".join(said.split()), (kind, said)
    assert name in settable(zf.Explorer)
