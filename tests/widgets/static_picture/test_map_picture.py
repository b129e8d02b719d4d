"""The map of a static picture: that of the widget, in its colours, with words that fit them."""

from __future__ import annotations

import re

import numpy as np
import pytest
from PIL import Image

import zfwidgets as zf
from tests.waiting import SECONDS
from zfwidgets.drawing.page import Page
from zfwidgets.records import OcclusionRequest
from zfwidgets.widgets.static_picture import map_picture
from zfwidgets.widgets.wire.occlusion_cache import occlusion_answer
from zfwidgets.widgets.wire.schema import MAPS


@pytest.fixture
def passed(engine):
    """A pass, and its answer for a class and a channel."""
    *_, result = engine.occlude_steps(OcclusionRequest(3, 5, 4, layer="relu2"))
    return result, occlusion_answer(result, 1, 2, None)


def painted(engine, answer, options):
    """A cell's colour each, without the photo."""
    rows, columns = engine.info.input_shape[1:]
    under = Image.new("RGB", (columns, rows))
    full = np.asarray(map_picture.picture(answer, options, under)).astype(float)
    down, right = answer[0]["stride"]
    return full[::down, ::right] / map_picture.OPACITY


@pytest.mark.parametrize("name", [name for name in MAPS if name != "predicted"])
def test_changes_are_coloured_and_told_around_the_value_without_occluder(engine, passed, name):
    result, answer = passed
    clean = {
        **result.clean_scores(1),
        "total": result.features.clean_totals[2],
        "unit": result.features.clean_units[2],
        "hamming": 0.0,
        "cosine": 0.0,
    }[name]
    changes = result.maps(1, 2)[name] - clean
    options = {"overlay": name, "colours": "diverging"}
    cells = painted(engine, answer, options)
    clear = np.abs(changes) > 0.05 * np.abs(changes).max()
    assert clear.any()
    assert ((cells[..., 0] > cells[..., 2]) == (changes > 0))[clear].all()
    text = map_picture.caption(engine.info, answer, options)
    said = re.search(r": (\S+).* \.\. (\S+)", text)
    for word, end, side in zip(said.groups(), (changes.min(), changes.max()), (-1, 1), strict=True):
        if word == "no":
            assert side * end <= 1e-6
            continue
        read = float(word.rstrip("%"))
        exact = end * 100 if name in ("probability", "hamming") else end
        assert read == pytest.approx(exact, rel=1e-3, abs=0.51 if exact != end else 1e-6)
    assert ("points" in text) == (name == "probability")


@pytest.mark.parametrize("colours", ["diverging", "tint", "magma"])
@pytest.mark.parametrize("name", [name for name in MAPS if name != "predicted"])
def test_rounding_is_painted_and_told_as_no_change(engine, passed, name, colours):
    """As of a unit that the occluder can't reach, whose sums come out in another order."""
    result, (data, buffers) = passed
    clean = 0.0 if name in map_picture.DISTANCES else data["clean"][name]
    noise = 1e-7 * np.random.default_rng(2).uniform(-1, 1, result.grid)
    noise[0, :2] = 0, 1e-7
    values = np.abs(noise) if name in map_picture.DISTANCES else clean * (1 + noise)
    at = list(MAPS).index(name)
    buffers = [values.astype("<f4").tobytes() if i == at else b for i, b in enumerate(buffers)]
    options = {"overlay": name, "colours": colours}
    cells = painted(engine, (data, buffers), options)
    if not (colours == "magma" and name in map_picture.DISTANCES):  # values from zero, as they are
        assert np.abs(cells - cells[0, 0]).max() <= 6
    if colours != "magma":
        middle = {"diverging": (220, 220, 220), "tint": (0, 0, 0)}[colours]
        np.testing.assert_allclose(cells[0, 0], middle, atol=6)
        text = map_picture.caption(engine.info, (data, buffers), options)
        low, same, high = map_picture.WORDS[colours]
        assert same in text
        assert low not in text
        assert high not in text


@pytest.mark.parametrize("name", [name for name in MAPS if name != "predicted"])
def test_values_are_told_as_they_are(engine, passed, name):
    result, answer = passed
    values = result.maps(1, 2)[name]
    cells = painted(engine, answer, {"overlay": name, "colours": "magma"}).sum(-1)
    assert cells.reshape(-1)[values.argmax()] == cells.max()
    text = map_picture.caption(engine.info, answer, {"overlay": name, "colours": "magma"})
    high = re.search(r"\.\. (\S+) bright", text)[1]
    scale = 100 if high.endswith("%") else 1
    assert float(high.rstrip("%")) == pytest.approx(
        values.max() * scale, rel=1e-3, abs=0.51 if scale == 100 else 1e-6
    )


def test_labels_are_counted(engine, passed):
    result, answer = passed
    text = map_picture.caption(engine.info, answer, {"overlay": "predicted"})
    before = int(result.clean.argmax())
    kept = int((result.predicted() == before).sum())
    assert text == f"{kept} of {result.done.size} positions keep {engine.info.labels[before]}"
    cells = painted(engine, answer, {"overlay": "predicted"})
    for one in np.unique(result.predicted()):
        assert len(np.unique(cells[result.predicted() == one], axis=0)) == 1


def test_without_classes_it_is_a_feature_map(passed, engine):
    _, (data, buffers) = passed
    bare = (
        {**data, "target": None},
        [b"" if i in (0, 1, 3, 4) else b for i, b in enumerate(buffers)],
    )
    assert map_picture.caption(engine.info, bare, {}).startswith("relu2, channel 2: ")


def test_a_tint_leaves_the_photo_in_colour_where_nothing_changes(engine, passed):
    result, answer = passed
    rows, columns = engine.info.input_shape[1:]
    photo = Image.fromarray(engine.photo(3))
    options = {"overlay": "probability"}  # the tint is the default
    found = np.asarray(map_picture.picture(answer, options, photo)).astype(int)
    changes = result.maps(1, 2)["probability"] - result.clean_scores(1)["probability"]
    share = np.abs(changes) / np.abs(changes).max()
    down, right = answer[0]["stride"]
    alpha = np.repeat(np.repeat(share, down, 0), right, 1)[:rows, :columns, None]
    colours = np.where(changes > 0, 1, 0)
    colours = np.array([[208, 16, 126], [46, 139, 18]])[
        np.repeat(np.repeat(colours, down, 0), right, 1)[:rows, :columns]
    ]
    # Around no change the tint's colour passes through grey, where it is hardly seen.
    expected = np.asarray(photo) * (1 - alpha) + colours * alpha
    clear = (alpha > 0.5)[..., 0] | (alpha < 0.02)[..., 0]
    assert (alpha < 0.02).any()
    assert np.abs(found - expected)[clear].max() <= 4
    text = map_picture.caption(engine.info, answer, options)
    assert "magenta" in text or "untinted" in text


@pytest.mark.parametrize(("overlay", "of_channel"), [("probability", False), ("total", True)])
def test_the_title_names_a_channel_only_where_its_map_is_shown(
    indexed, monkeypatch, overlay, of_channel
):
    said = []
    monkeypatch.setattr(Page, "text", lambda self, x, y, text, *more: said.append(text))
    widget = zf.OcclusionMap(indexed, photo=1, layer="relu2", channel=2, overlay=overlay)
    widget.snapshot(SECONDS)
    assert ("channel 2" in said[0]) == of_channel
    assert said[0].startswith(indexed.info.model)
