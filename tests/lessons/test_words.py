"""The words of each language: the same keys, the same places, and all that the code asks for."""

from __future__ import annotations

import re
import string
from pathlib import Path

import pytest

import zfwidgets as zf
from zfwidgets.errors import InputError
from zfwidgets.language.words import Words, texts
from zfwidgets.lessons import LANGUAGES, glossary


def places(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_every_text_and_its_places(language: str) -> None:
    english, other = texts("en"), texts(language)
    assert list(other) == list(english), "in the same order, so that they are easily compared"
    for key, text in english.items():
        assert places(other[key]) == places(text), key
        assert other[key].strip() == other[key] != "", key
    assert len(Words(language).glossary) == sum(key.startswith("glossary.") for key in english)


def test_what_the_code_asks_for_is_there(root: Path) -> None:
    folder = root / "zfwidgets" / "lessons"
    code = "\n".join(path.read_text("utf-8") for path in folder.rglob("*.py"))
    asked = set(re.findall(r'words\(\s*"([a-z_.]+)"', code))
    asked |= set(re.findall(r'"((?:covered|still_named|verdict|field|percent)\.[a-z]+)"', code))
    assert len(asked) > 40
    assert asked <= set(texts("en"))
    view = root / "js" / "src" / "views" / "lessons"
    page = "\n".join(path.read_text("utf-8") for path in view.glob("*.ts"))
    said = set(re.findall(r"words\.([a-z]+)", page))
    assert said == set(Words().page) - {"worksheet"}


def test_what_experiments_ask_for_is_there(root: Path) -> None:
    code = "\n".join(
        path.read_text("utf-8") for path in (root / "zfwidgets" / "experiments").rglob("*.py")
    )
    asked = set(re.findall(r'[wW]ords\(\)?\s*\(?\s*"([a-z_.0-9 ]+)"', code))
    named = set(re.findall(r'    named = "([a-z]+)"', code))
    asked |= {f"{name}.{what}" for name in named for what in ("name", "about")}
    assert len(asked) > 100
    assert asked - {"en"} <= set(texts("en"))  # the language of records


@pytest.mark.parametrize("language", LANGUAGES)
def test_words_of_one_and_of_many_are_chosen_by_the_number(language: str) -> None:
    """In each text that has a choice."""
    words, choices = Words(language), 0
    for key, text in texts(language).items():
        names = places(text)
        for _, name, choice, _ in string.Formatter().parse(text):
            if not choice:
                continue
            choices += 1
            assert choice.count("|") == 1, key
            one, many = (words(key, **(dict.fromkeys(names, 7) | {name: n})) for n in (1, 2))
            assert many.replace("2", "1") != one, key
            assert not re.search(r"[{|}]", one + many), key
    assert choices > 50


@pytest.mark.parametrize(
    ("language", "said"),
    [("en", ["1 question", "0 questions", "12 questions"]), ("de", ["1 Frage", "0 Fragen"])],
)
def test_counts_are_said_as_people_say_them(language: str, said: list[str]) -> None:
    words = Words(language)
    assert [words("quiz.done", number=int(one.split()[0])) for one in said] == said
    point = {"en": "+1 point", "de": "+1 Punkt"}[language]
    assert words("map.points", change="+1") == point, "as it is written, sign or not"


@pytest.mark.parametrize(
    ("said", "german"),
    [
        ("1 unit", "1 Einheit"),
        ("1 map of 5 x 7, as it is", "1 Karte von 5 x 7, wie sie ist"),
        ("12 maps of 5 x 7, as they are", "12 Karten von 5 x 7, wie sie sind"),
        ("something else", "something else"),
    ],
)
def test_what_is_said_in_english_is_known_of_one_and_of_many(said: str, german: str) -> None:
    assert Words("de").told(said, "features.") == german


def test_german_is_german_and_shipped() -> None:
    assert {"de", "en"} <= set(LANGUAGES)
    same = [key for key, text in texts("en").items() if texts("de")[key] == text]
    words = {"handout.name", "quiz.name", "evolution.in", "strongest.facts", "experiment.seconds"}
    words |= {"map.probability", "colours.magenta"}
    assert {
        key for key in same if re.search(r"[^\W\d_]", re.sub(r"\{\w+\}", "", texts("en")[key]))
    } <= words
    assert Words("de").number(0.25) == "0,25"
    assert Words("en").number(1234.5) == "1234"
    assert Words("de").number(-3) == "−3"
    assert "Rezeptives Feld" in glossary("de")
    with pytest.raises(InputError, match="language must be one of de, en, not 'fr'"):
        glossary("fr")


def test_the_words_of_the_glossary_are_those_of_the_explorer() -> None:
    assert {"Channel", "Receptive field", "Projection", "Occluder", "Patch"} <= set(
        zf.lessons.glossary()
    )
