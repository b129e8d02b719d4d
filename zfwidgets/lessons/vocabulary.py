"""What the words of the subject mean, for pupils."""

from __future__ import annotations

from ..engine.protocol import EngineProtocol
from ..language.words import LANGUAGES, Words
from ..widgets.base import EngineWidget

__all__ = ["LANGUAGES", "glossary"]


def glossary(language: str | None = None) -> dict[str, str]:
    """What the words of the subject mean: channel, receptive field, projection and so on.

    Parameters
    ----------
    language
        Language of the words, ``"en"`` or ``"de"``; None: that of `zfwidgets.set_language`.
    """
    return Words(language).glossary


def spoken(engine: EngineProtocol | EngineWidget, language: str | None) -> Words:
    """The words of a language; None: of the one that the widget speaks, or of `set_language`."""
    if language is None and isinstance(engine, EngineWidget):
        language = engine.language
    return Words(language)
