"""How long tests wait before they give up: a limit, which only costs where something hangs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from contextlib import suppress

SECONDS = 300
"""Of one thing that is waited for; enough where four busy processes share two cores."""

PROGRAM = 1500
"""Of a program, or a notebook's cell, that a test runs from its beginning to its end."""

MILLISECONDS = SECONDS * 1000
"""The same, as Playwright counts."""


def eventually(check: Callable[[], None], seconds: float = SECONDS) -> None:
    """Repeat a check until it holds; the seconds are a limit and never a wait."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with suppress(AssertionError):
            return check()
    return check()


def until_said(lines: Iterable[str], words: str) -> None:
    """Read what a program says until a line of it has these words."""
    next(line for line in lines if words in line)
