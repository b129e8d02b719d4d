"""The words of one language, and which language is spoken where none is asked for."""

from __future__ import annotations

import json
import re
import string
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from ..errors import InputError

DATA = Path(__file__).with_name("data")
LANGUAGES = tuple(sorted(path.stem for path in DATA.glob("*.json")))
"""Languages that there are words in."""
PAGE = "page."
"""What the keys of those words begin with that the page needs."""
GLOSSARY = "glossary."
PROGRESS = "progress."
RECORDED = "recorded."


class Words:
    """The words of one language.

    Parameters
    ----------
    language
        One of `LANGUAGES`; None: that of `set_language`.

    Raises
    ------
    InputError
        There are no words in that language.
    """

    def __init__(self, language: str | None = None) -> None:
        self.language = language_name(language)
        self._texts = texts(self.language)

    def __call__(self, key: str, **values: object) -> str:
        """A text, with values in place of its ``{names}``; numbers as the language writes them.

        ``{n:# photo|# photos}`` is "1 photo" or "3 photos": ``#`` is the value, and what stands
        before the ``|`` is said of one.
        """
        written = {
            name: _Written(self.number(value) if isinstance(value, int | float) else value)
            for name, value in values.items()
        }
        return self._texts[key].format(**written)

    def number(self, value: float) -> str:
        """A number, three digits of it where it isn't whole."""
        text = str(value) if isinstance(value, int) else f"{value:.3g}"
        if "e" in text and abs(value) >= 1:
            text = f"{value:.0f}"
        return text.replace("-", "−").replace(".", self.point)

    @property
    def point(self) -> str:
        """What stands before a number's decimals."""
        return self._texts["number.point"]

    def fixed(self, value: float, digits: int) -> str:
        """A number with so many digits behind the point."""
        text = f"{value:.{digits}f}"
        return text.replace("-", "−").replace(".", self.point)

    @property
    def page(self) -> dict[str, str]:
        """What the page says itself: buttons and the like, by key."""
        return self.starting(PAGE)

    @property
    def glossary(self) -> dict[str, str]:
        """What the words of the subject mean, by word, in the language's order."""
        found = {}
        for text in self.starting(GLOSSARY).values():
            word, meaning = text.split(": ", 1)
            found[word] = meaning
        return dict(sorted(found.items(), key=lambda one: one[0].casefold()))

    def raw(self, key: str) -> str:
        """A text with its ``{names}`` as they are."""
        return self._texts[key]

    def named(self, key: str, name: str) -> str:
        """What a name that may be the user's own is called: itself, unless there is a text."""
        return self._texts.get(f"{key}.{name}", name)

    def told(self, said: str, start: str = PROGRESS) -> str:
        """What a computation says of itself in English: in this language, if a text is known."""
        known = [one for one in texts("en").items() if one[0].startswith(start)]
        for key, english in sorted(known, key=lambda one: -len(one[1])):  # the closest first
            if match := re.fullmatch(_pattern(english), said):
                return self(key, **{name: found or 1 for name, found in match.groupdict().items()})
        return said

    def starting(self, start: str) -> dict[str, str]:
        """The texts whose keys begin so, by the rest of the key, with their ``{names}``."""
        return {
            key.removeprefix(start): text
            for key, text in self._texts.items()
            if key.startswith(start)
        }


class _Written(str):
    """A value as it is written, by which a text may choose its words."""

    __slots__ = ()

    def __format__(self, choice: str) -> str:
        one, of_two, many = choice.partition("|")
        if not of_two:
            return super().__format__(choice)
        return (one if self.lstrip("+\u2212") == "1" else many).replace("#", self)


def _pattern(text: str) -> str:
    """What matches a text with any values in it; a group that is empty stands for one."""
    pattern = ""
    for before, name, choice, _ in string.Formatter().parse(text):
        pattern += re.escape(before)
        group = "" if name is None else f"(?P<{name}>.+)"
        one, of_two, many = (re.escape(part) for part in (choice or "").partition("|"))
        if of_two:
            number = re.escape("#")
            group = f"(?:{one.replace(number, '1')}|{many.replace(number, group)})"
        pattern += group
    return pattern


@lru_cache
def texts(language: str) -> dict[str, str]:
    """All texts of a language by key, as its file has them."""
    found: dict[str, str] = json.loads((DATA / f"{language}.json").read_text("utf-8"))
    return found


def set_language(language: str) -> None:
    """Set the language of the widgets that are made from now on, in this kernel.

    It is the language of their buttons, titles and explanations, of experiments with their static
    pictures, and of lessons. Errors and what Python prints stay English. One widget alone:
    ``widget.language = "de"``.

    Parameters
    ----------
    language
        ``"en"``, English, or ``"de"``, German.

    Raises
    ------
    InputError
        There are no words in that language.
    """
    _spoken[0] = language_name(language)


def language_name(language: str | None) -> str:
    """The language that is asked for, None being that of `set_language`; raises `InputError`."""
    if language is None:
        return _spoken[0]
    if language not in LANGUAGES:
        raise InputError(f"language must be one of {', '.join(LANGUAGES)}, not {language!r}.")
    return language


def words_of(options: Mapping[str, object]) -> Words:
    """The words of a widget's option ``language``; English where it has none."""
    language = options.get("language")
    return Words(language if isinstance(language, str) else "en")


_spoken = ["en"]
