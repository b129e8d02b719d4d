"""Sentences on an evolution are what its numbers say: order, soon or late, and what is silent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pytest

from zfwidgets.drawing.page import Page
from zfwidgets.experiments import EvolutionRecord
from zfwidgets.experiments.evolution import looking
from zfwidgets.experiments.evolution.moments import Moment, Strongest
from zfwidgets.experiments.evolution.widget_pictures import maps, paint
from zfwidgets.language.words import Words
from zfwidgets.records import Box, Unit

ENGLISH = Words("en")
EPOCHS = (0.0, 2.0, 5.0, 9.0, 12.0)


def settling_at(
    places: Mapping[str, int], epochs: Sequence[float | None] = EPOCHS, silent: int = -1
) -> EvolutionRecord:
    """Layers of one map each that are another draw before a moment, and the last one from then on.

    The first layer's map is active in no image at the moment ``silent``.
    """
    random = np.random.default_rng(0)
    end = {layer: random.normal(size=(3, 50)) for layer in places}
    moments = []
    for at, epoch in enumerate(epochs):
        features = {
            layer: looking.standardised(
                end[layer] if at >= place else random.normal(size=end[layer].shape)
            )
            for layer, place in places.items()
        }
        found = tuple(
            Strongest(
                Unit(layer, 7, 0, 0),
                -0.25 if at == silent and not number else 1.5,
                0,
                "a photo",
                Box(0, 0, 80, 70),
                None if at == silent and not number else np.full((80, 70, 3), 9, np.int8),
                2.0,
                np.zeros((80, 70, 3), np.uint8),
            )
            for number, layer in enumerate(places)
        )
        moments.append(Moment(10 * at, epoch, found, features))
    units = tuple((layer, 7) for layer in places)
    return EvolutionRecord("Net", units, "deconvnet", 3, "f", tuple(moments))


def test_layers_that_settle_one_after_the_other() -> None:
    when, order, soon = settling_at({"low": 1, "middle": 2, "high": 3}).findings
    assert when == (
        "Settled, of step 40, epoch 12: low at step 10, epoch 2; middle at step 20, epoch 5; "
        "high at step 30, epoch 9."
    )
    assert order == "The lower a layer, the sooner it settled."
    assert soon == "Within a few epochs (5) settled low, middle, as the paper's lower layers."


def test_what_two_moments_hide_isnt_called_an_order() -> None:
    _, order, soon = settling_at({"low": 3, "middle": 3, "high": 4}).findings
    assert "No layer settled before one below it" in order
    assert "was first can't be told" in order
    assert soon.startswith("Within a few epochs (5) settled no layer, unlike in the paper")
    (_, order, _) = settling_at({"low": 3, "middle": 3}).findings
    assert "was first can't be told" in order


def test_layers_that_settle_the_other_way_round() -> None:
    _, order, soon = settling_at({"low": 3, "high": 1}).findings
    assert soon.startswith("Within a few epochs (5) settled high, unlike in the paper")
    assert order == "Layers did not settle in order: a lower one settled after one above it."


def test_layers_that_never_settle_are_in_no_order() -> None:
    (when,) = settling_at({"low": 4, "high": 4}).findings
    assert when == "Settled, of step 40, epoch 12: low, high not before the end."


@pytest.mark.parametrize("epochs", [(None,) * 4, (0.0, 1.0, 2.0, 4.0)])
def test_nothing_is_said_of_few_epochs_where_there_were_no_more(epochs) -> None:
    assert not any("few epochs" in text for text in settling_at({"low": 1}, epochs).findings)


def test_an_empty_picture_is_explained_wherever_it_is_shown() -> None:
    record = settling_at({"low": 1, "high": 2}, silent=3)
    assert record.findings[-1] == (
        "Not active, above zero in none of the pictures, and so without a projection: "
        "low 7 at step 30, epoch 9."
    )
    assert "not active" in maps(record, 3, [0, 1], "projections", ENGLISH).details[0]
    assert "not active" not in maps(record, 3, [0, 1], "projections", ENGLISH).details[1]
    cell = np.asarray(record.to_pil("low", size=72))[19:91, 110 + 3 * 76 : 110 + 3 * 76 + 72]
    letters = (cell < 150).any(-1)
    assert letters.any()
    assert not letters[:20].any()
    assert not letters[-20:].any()
    every = settling_at({"low": 1, "high": 2})
    assert not any("Not active" in text for text in every.findings)


def test_the_static_picture_writes_into_the_empty_place_alone(monkeypatch) -> None:
    said: list[str] = []
    write = Page.text

    def text(page: Page, x: int, y: int, text: str, *rest: object) -> None:
        said.append(text)
        write(page, x, y, text, *rest)

    monkeypatch.setattr(Page, "text", text)
    paint(settling_at({"low": 1, "high": 2}, silent=3), None, "", 0.9, ENGLISH)
    assert said.count("not active") == 1
    said.clear()
    paint(settling_at({"low": 1, "high": 2}), None, "", 0.9, ENGLISH)
    assert "not active" not in said


def test_the_static_picture_says_how_many_maps_it_leaves_out(monkeypatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(
        "zfwidgets.experiments.evolution.widget_pictures.Page.line",
        lambda self, text, *_: said.append(text),
    )
    record = settling_at({"low": 1, "high": 2})
    paint(record, None, "", 0.9, ENGLISH)
    assert not any("Shown are" in text for text in said), "all are there"
    monkeypatch.setattr("zfwidgets.experiments.evolution.widget_pictures.HIGH", 300)
    many = EvolutionRecord(
        "Net",
        tuple((layer, channel) for layer in ("low", "high") for channel in range(4)),
        "deconvnet",
        3,
        "f",
        tuple(
            Moment(m.step, m.epoch, tuple(one for one in m.strongest for _ in range(4)), m.features)
            for m in record.moments
        ),
    )
    paint(many, None, "", 0.9, ENGLISH)
    (text,) = [text for text in said if "Shown are" in text]
    assert text.startswith("Shown are 2 of 8 maps, the first of each layer")
