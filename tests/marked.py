"""A language in which each text is marked: of letters that are left nobody translated the text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from PIL import ImageDraw

from zfwidgets.language import words as language

MARKED = "marked"
ENGLISH = language.texts("en")
_texts = language.texts


def mark(text: str) -> str:
    """A text whose letters are dots, but for its ``{names}`` and ``{names:of one|of many}``."""
    parts = re.split(r"(\{\w+[:}])", text)
    return "".join(p if n % 2 else re.sub(r"[^\W\d_]", "·", p) for n, p in enumerate(parts))


@contextmanager
def spoken(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Speak it in all widgets that are made meanwhile."""
    found = {key: mark(text) for key, text in ENGLISH.items()}
    found["number.point"] = ","
    monkeypatch.setattr(language, "LANGUAGES", (*language.LANGUAGES, MARKED))
    monkeypatch.setattr(language, "texts", lambda name: found if name == MARKED else _texts(name))
    language.set_language(MARKED)
    try:
        yield
    finally:
        language.set_language("en")


def painted(widget: Any, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """All that the static picture says."""
    said: list[str] = []
    draw = ImageDraw.ImageDraw.text

    def text(pen: Any, at: Any, text: str, *arguments: Any, **named: Any) -> None:
        said.append(text)
        draw(pen, at, text, *arguments, **named)

    with monkeypatch.context() as patch:
        patch.setattr(ImageDraw.ImageDraw, "text", text)
        assert widget.snapshot().width == 1200
    return said


def unmarked(texts: Any, known: str) -> set[str]:
    """Words that are neither marked nor known."""
    names = set(re.findall(r"[^\W\d_]+", known))
    return {word for text in texts for word in re.findall(r"[^\W\d_]+", text)} - names
