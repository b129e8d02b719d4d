"""How long tests wait before they give up: a limit, which only costs where something hangs."""

from __future__ import annotations

SECONDS = 300
"""Of one thing that is waited for; enough where four busy processes share two cores."""

PROGRAM = 1500
"""Of a program, or a notebook's cell, that a test runs from its beginning to its end."""

MILLISECONDS = SECONDS * 1000
"""The same, as Playwright counts."""
