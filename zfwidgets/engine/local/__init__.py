"""The engine on this machine's torch: answers with records, and leaves the user's model alone.

`engine` is `zfwidgets.Engine`: it composes the engine's rooms, and has what only a network at hand
can do. `answers` is what every engine answers, over these rooms.
"""

from __future__ import annotations

from .engine import LocalEngine

__all__ = ["LocalEngine"]
