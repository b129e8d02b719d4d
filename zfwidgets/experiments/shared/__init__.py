"""What several experiments have in common."""

from __future__ import annotations
