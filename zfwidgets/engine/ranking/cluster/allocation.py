"""How memory is allocated in processes that are ours: the command line, a cluster's workers."""

from __future__ import annotations

import ctypes
import sys

_TRIM_THRESHOLD, _TOP_PAD, _MMAP_MAX = -1, -2, -4
"""Of glibc's ``mallopt``."""


def keep_freed_memory() -> None:
    """Have the memory of one layer's maps used again for the next, where the C library is glibc.

    It would otherwise give large blocks back to the system at once, which clears them page by page
    before they are used again: up to a fifth of a pass (``benchmarks/engine/allocation.py``). The
    process holds on to its peak until it ends, so this isn't for a user's kernel.
    """
    if sys.platform != "linux":
        return
    try:
        mallopt = ctypes.CDLL("libc.so.6").mallopt
    except (OSError, AttributeError):  # another C library
        return
    mallopt(_MMAP_MAX, 0)
    mallopt(_TRIM_THRESHOLD, 2**31 - 1)
    mallopt(_TOP_PAD, 2**26)
