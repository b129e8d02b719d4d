"""Every word of every experiment in a language in which each text is marked.

What isn't marked nobody translated: of the letters that are left all must be data, as names of
layers, photos and classes, or what a recording says of itself.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator
from typing import Any

import ipywidgets
import numpy as np
import pytest

import zfwidgets as zf
from tests.experiments.small import Pictures, make_engine
from tests.marked import ENGLISH, MARKED, painted, spoken, unmarked
from tests.waiting import SECONDS
from zfwidgets.experiments.correspondence.marking import Marking
from zfwidgets.experiments.shared.charts import Chart
from zfwidgets.experiments.shared.head import Head
from zfwidgets.experiments.shared.picture_wall import PictureWall
from zfwidgets.language import words as language
from zfwidgets.widgets.static_picture.unattended import inside


@pytest.fixture(autouse=True)
def marked(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with spoken(monkeypatch):
        yield
    ipywidgets.Widget.close_all()


def shown(widget: ipywidgets.Widget) -> Iterator[str]:
    """All that a box says: in its parts, on its charts, under its pictures."""
    for part in inside(widget):
        yield str(getattr(part, "description", "") or "")
        yield str(getattr(part, "tooltip", "") or "")
        if isinstance(part, ipywidgets.HTML):
            yield html.unescape(re.sub(r"<[^>]*>", " ", part.value))
        if isinstance(part, ipywidgets.Dropdown | ipywidgets.SelectionSlider):
            yield from map(str, part._options_labels)
        if isinstance(part, Head):
            assert part.language == MARKED, "the page speaks it too"
            yield from (part.name, part.facts, *part.about)
        if isinstance(part, PictureWall):
            assert part.language == MARKED, "the page speaks it too"
            yield from (part.label, part.note)
            if part.wall:
                wall = part.shown
                yield from (*wall.captions, *wall.details, *wall.heads, *wall.sides)
        if isinstance(part, Chart):
            assert part.language == MARKED, "the page speaks it too"
            yield from (part.label, part.across["label"], part.up["label"])
            for one in part.series:
                yield from (one["name"], *one["names"])
            yield from (name for axis in (part.across, part.up) for _, name in axis["names"])


# What engines and records say of themselves, in words of the field that all languages have.
OWN = "deconvnet Sequential Conv ReLU px RMS ImageNet SqueezeNet AlexNet ZFNet Linux grey"
RECORDED = {
    "evolution": lambda r: [*r.layers, r.model, *(f.image_name for f in _strongest(r))],
    "invariance": lambda r: [*r.image_names, *r.class_names, *r.layers, *r.labels],
    "correspondence": lambda r: [*r.image_names, *r.layers, *r.part_names, r.within],
    "diagnosis": lambda r: [
        *(layer.name for one in r for layer in (*one.convolutions, *one.rectifiers)),
        *(one.model for one in r),
        # What can be called by name.
        "zf models renormalize_filters_ renormalize filters model radius",
    ],
    "ablation": lambda r: [row.name for row in r.rows],
    "transfer": lambda r: [*r.layers.classes, *r.layers.layers, "x", *_notes(r)],
}
SHOWN: dict[str, Callable[[Any], Any]] = {
    "evolution": zf.Evolution,
    "invariance": zf.Invariance,
    "correspondence": zf.Correspondence,
    "diagnosis": zf.Diagnosis,
    "ablation": zf.Ablation,
    "transfer": zf.Transfer,
}


def _strongest(record: Any) -> Iterator[Any]:
    return (found for moment in record.moments for found in moment.strongest)


def _notes(record: Any) -> list[str]:
    parts = (record.layers, record.curve, record.bias)
    return [note for part in parts if part is not None for note in part.notes]


@pytest.mark.parametrize("name", sorted(SHOWN))
def test_a_recorded_experiment_says_everything_in_its_language(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    recording = zf.experiments.recorded(name)
    widget = SHOWN[name](recording)
    assert widget.settle(SECONDS)
    known = " ".join([OWN, *map(str, RECORDED[name](recording.result))])
    said = list(shown(widget))
    assert sum("·" in text for text in said) > 8
    assert unmarked(said, known) == set()
    # How it was made: names of machines and networks.
    made = "Linux thread x SqueezeNet"
    assert unmarked([*painted(widget, monkeypatch), recording.words], f"{known} {made}") == set()


@pytest.mark.parametrize("name", ["sanity", "lesion", "strongest", "correspondence", "quiz"])
def test_a_live_experiment_says_everything_in_its_language(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = make_engine(labelled=True)
    known = [OWN, *engine.info.images, *Pictures.classes, *(one.name for one in engine.layers)]
    engine.index(progress=False)
    widget: Any = {
        "sanity": lambda: zf.SanityCheck(engine, ("1", 2)),
        "lesion": lambda: zf.Lesion(engine, off={"1": [0, 2]}),
        "strongest": lambda: zf.StrongestMap(engine, 0, patch=9, stride=6, others=2),
        "correspondence": lambda: zf.Correspondence(engine, [0, 1], ["ear"]),
        "quiz": lambda: zf.Quiz(engine, "1", questions=1),
    }[name]()
    assert widget.settle(SECONDS)
    said = list(shown(widget))
    assert unmarked(said, " ".join([*known, "ear"])) == set()
    if name != "quiz":  # of which the static picture stays English
        assert unmarked(painted(widget, monkeypatch), " ".join([*known, "ear"])) == set()


def test_a_marking_speaks_the_language_of_its_page() -> None:
    photos = [np.zeros((6, 5, 3), np.uint8)]
    assert Marking("f", photos, ["one"], ["ear"]).language == MARKED


@pytest.mark.parametrize("key", sorted(key for key in ENGLISH if key.startswith("progress.")))
def test_progress_is_told_in_the_language_of_the_widget(key: str) -> None:
    english = re.sub(r"\{\w+\}", "conv3", ENGLISH[key])
    german = language.Words("de").told(english)
    assert german != english
    assert german.count("conv3") == english.count("conv3")
    assert language.Words("de").told("something of a user's own") == "something of a user's own"
