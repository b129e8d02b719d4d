"""Memory that was freed, and that the C library keeps for the thread that had it.

Each engine's worker computes on a thread of its own. What it has freed by then, over a hundred
megabytes after a few projections, glibc keeps for this thread alone: with every engine that a
notebook makes, as by running a cell again, the kernel would grow by as much.
"""

from __future__ import annotations

import ctypes
import sys


def give_back() -> None:
    """Give what is free back to the system, where the C library is glibc; takes some 30 ms."""
    if not sys.platform.startswith("linux"):
        return
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
