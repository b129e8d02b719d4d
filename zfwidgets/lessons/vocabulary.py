"""What the words of the subject mean, for pupils."""

from __future__ import annotations

from ..language.words import LANGUAGES, Words

__all__ = ["LANGUAGES", "glossary"]


def glossary(language: str | None = None) -> dict[str, str]:
    """What the words of the subject mean: channel, receptive field, projection and so on.

    Parameters
    ----------
    language
        Language of the words, ``"en"`` or ``"de"``; None: that of `zfwidgets.set_language`.
    """
    return Words(language).glossary
