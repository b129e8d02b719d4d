"""The picture of a widget for where no kernel answers: drawn from the page's own answers.

`two_outputs` displays it beside the widget; `unattended` waits for it where a program runs the
cells.
"""

from __future__ import annotations

from .page import LARGEST, draw, to_jpeg

__all__ = ["LARGEST", "draw", "to_jpeg"]
