"""How long tests wait before they give up: a limit, which only costs where something hangs."""

from __future__ import annotations

from collections.abc import Iterable

SECONDS = 300
"""Of one thing that is waited for; enough where four busy processes share two cores."""

PROGRAM = 1500
"""Of a program, or a notebook's cell, that a test runs from its beginning to its end."""

MILLISECONDS = SECONDS * 1000
"""The same, as Playwright counts."""


def until_said(lines: Iterable[str], words: str) -> None:
    """Read what a program says until a line of it has these words."""
    next(line for line in lines if words in line)
