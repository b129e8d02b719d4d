"""The picture of a widget for where no kernel answers: drawn from the page's own answers."""

from __future__ import annotations

from .page import LARGEST, draw, to_jpeg

__all__ = ["LARGEST", "draw", "to_jpeg"]
