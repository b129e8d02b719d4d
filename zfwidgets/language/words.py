"""The words of one language, and which language is spoken where none is asked for."""

from __future__ import annotations

import json
import re
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
        """A text, with values in place of its ``{names}``; numbers as the language writes them."""
        written = {
            name: self.number(value) if isinstance(value, int | float) else value
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
            pattern = re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>.+)", re.escape(english))
            if match := re.fullmatch(pattern, said):
                return self(key, **match.groupdict())
        return said

    def starting(self, start: str) -> dict[str, str]:
        """The texts whose keys begin so, by the rest of the key, with their ``{names}``."""
        return {
            key.removeprefix(start): text
            for key, text in self._texts.items()
            if key.startswith(start)
        }


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
