"""What the rows of a correspondence's table are called."""

from __future__ import annotations

from ...language.words import Words

RANDOM = "random"
"""All random masks, whatever their sizes."""


def random_row(part: str) -> str:
    """What the row of random masks of a part's sizes is called."""
    return f"{RANDOM}, size of {part}"


def row_text(row: str, words: Words) -> str:
    """What a row of a result is called."""
    start = random_row("")
    if row.startswith(start):
        return words("correspondence.random", part=row.removeprefix(start))
    return row
