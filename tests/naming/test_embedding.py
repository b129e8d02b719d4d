"""Names by an embedding whose answers are known: a patch's mean colour, a word's own colour."""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import zfwidgets as zf
from zfwidgets.errors import InputError, UnknownLayer, UnreadableImage

WORDS = {"red": (1, 0, 0), "green": (0, 1, 0), "blue": (0, 0, 1)}


@pytest.fixture
def engine():
    path = Path(__file__).parents[1] / "widgets" / "numpy_engine.py"
    spec = importlib.util.spec_from_file_location("numpy_engine", path)
    module = sys.modules.setdefault("numpy_engine", importlib.util.module_from_spec(spec))
    if not hasattr(module, "NumpyEngine"):
        spec.loader.exec_module(module)
    return module.NumpyEngine()


def embed(pictures):
    assert isinstance(pictures, list)
    assert all(p.dtype == np.uint8 and p.ndim == 3 and p.shape[2] == 3 for p in pictures)
    return np.array([p.mean((0, 1)) for p in pictures])


def embed_words(words):
    return np.array([WORDS[word] for word in words])


def named(engine, layer="relu1", channels=None, **more):
    calls = {"embed": embed, "embed_words": embed_words, "words": list(WORDS), **more}
    return zf.name(engine, layer=layer, channels=channels, **calls)


def test_a_channel_is_called_by_the_word_that_is_nearest_to_its_patches(engine):
    found = named(engine)
    assert [one.channel for one in found] == list(range(6))
    scores = []
    for one in found:
        cosines = []
        for a in engine.top("relu1", one.channel, 9):
            inside = a.box.inside(24, 32)
            patch = engine.pictures[a.image][inside.top : inside.bottom, inside.left : inside.right]
            colour = patch.reshape(-1, 3).mean(0)
            cosines.append(colour / np.sqrt((colour**2).sum()))
        scores.append(np.mean(cosines, 0))
        best = int(scores[-1].argmax())
        assert one.text == list(WORDS)[best]
        assert one.score == pytest.approx(scores[-1][best])
        assert [word for word, _ in one.words] == [list(WORDS)[i] for i in np.argsort(-scores[-1])]
        pairs = [a @ b for i, a in enumerate(cosines) for b in cosines[:i]]
        assert one.alike == pytest.approx(np.mean(pairs))
        assert one.patches == len(cosines)
    for one, score in zip(found, scores, strict=True):
        at = list(WORDS).index(one.text)
        assert one.above == pytest.approx(score[at] - np.mean([s[at] for s in scores]))


def test_pictures_that_are_red_are_called_red(engine):
    engine.pictures[..., 1:] //= 8
    assert {one.text for one in named(engine) if one.patches} == {"red"}


def test_only_the_channels_that_are_asked_for_are_embedded(engine):
    seen = []

    def counted(pictures):
        seen.extend(pictures)
        return embed(pictures)

    (one,) = named(engine, channels=[4], embed=counted)
    assert one.channel == 4
    assert np.isnan(one.above)
    assert len(seen) == one.patches == len(engine.top("relu1", 4, 9))


def test_the_last_layer_with_a_map_is_named_by_default(engine):
    found = named(engine, layer=None)
    assert {one.layer for one in found} == {"relu2"}
    assert (found[7].text, found[7].patches) == ("", 0)  # fires in no image


def test_photos_that_are_gone_are_left_out(engine):
    photo, gone = engine.photo, engine.top("relu1", 2, 9)[0].image

    def lost(image):
        if image == gone:
            raise UnreadableImage("gone", "gone")
        return photo(image)

    engine.photo = lost
    (one,) = named(engine, channels=[2])
    assert one.patches == len(engine.top("relu1", 2, 9)) - 1


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"words": []}, "words is empty"),
        ({"embed": lambda p: np.ones((len(p), 2))}, r"embed must give .* shape \(\d+, 3\)"),
        ({"embed": lambda p: np.ones(3)}, r"embed must give .*, not \(3,\)"),
        ({"embed": lambda p: [object()]}, "embed must give an array"),
        ({"embed": lambda p: np.full((len(p), 3), np.nan)}, "aren't finite"),
        ({"embed_words": lambda w: np.zeros((len(w), 3))}, "embed_words gives a vector of zeros"),
        ({"embed_words": lambda w: np.ones((2, 3))}, r"embed_words must give .* shape \(3, d\)"),
        ({"channels": [6]}, r"channels has 6, but layer 'relu1' has 0 \.\. 5"),
    ],
)
def test_what_does_not_fit_is_named(engine, change, says):
    with pytest.raises(InputError, match=says):
        named(engine, **change)


def test_an_unknown_layer_is_named_with_the_nearest(engine):
    with pytest.raises(UnknownLayer, match="relu1"):
        named(engine, layer="relu")


def test_a_name_reads_as_a_line(engine):
    one = replace(named(engine)[0], text="red", score=0.5)
    assert str(one) == "relu1 : 0: red (0.50)"
