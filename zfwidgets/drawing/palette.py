"""Colours of everything that is drawn here, in pictures and in charts."""

from __future__ import annotations

from ..records import SERIES

PAPER, INK, SOFT, EMPTY, LINE = "#ffffff", "#1f2328", "#656d76", "#eef0f2", "#dcdfe4"
"""Background, text, text that matters less, places where nothing is, and lines of a grid."""
STRONG, PALE = "#0b6bcb", "#b9d4ef"
"""What it is about, and what that is compared with."""
MARK = "#c2410c"
"""What is chosen, or stands out."""


def colour(number: int) -> str:
    """Colour of the n-th series."""
    return SERIES[number % len(SERIES)]
