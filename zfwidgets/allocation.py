"""Memory that one layer's maps leave is used again for the next, where the C library is glibc.

glibc gives large blocks back to the system at once, which clears them page by page before they are
used again: a third of the processor's time in a pass over large maps
(``benchmarks/engine/allocation.py``). A process of ours, the command line or a cluster's worker,
keeps what is freed until it ends; a user's kernel keeps it for the length of a pass over the
images, of a report, or of an occlusion map of a network that isn't large.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from threading import Lock

_TRIM_THRESHOLD, _TOP_PAD, _MMAP_THRESHOLD, _MMAP_MAX = -1, -2, -3, -4
"""Parameters of glibc's ``mallopt``."""
KEEPING = ((_MMAP_MAX, 0), (_TRIM_THRESHOLD, 2**31 - 1), (_TOP_PAD, 2**26))
GIVING_BACK = (
    (_MMAP_MAX, 2**16),
    (_MMAP_THRESHOLD, 2**25),
    (_TRIM_THRESHOLD, 2**26),
    (_TOP_PAD, 2**17),
)
"""glibc's defaults, and the thresholds at which its own adjustment ends once large blocks were
freed: it doesn't tell where they stood, and adjusts none that was ever set."""
CHOSEN = ("MALLOC_MMAP_MAX_", "MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_", "MALLOC_TOP_PAD_")
"""Variables by which users set these themselves."""

_lock = Lock()
_passes = 0
_for_good = False


def keep_freed_memory() -> None:
    """Have this process keep what it frees until it ends: not for a user's kernel."""
    global _for_good
    with _lock:
        _for_good = True
        _set(KEEPING)


@contextmanager
def freed_memory_kept() -> Iterator[None]:
    """Keep what this process frees; at the end of the last such block, give it back.

    Does nothing where users set how glibc allocates.
    """
    global _passes
    if "glibc.malloc" in os.environ.get("GLIBC_TUNABLES", "") or any(
        name in os.environ for name in CHOSEN
    ):
        yield
        return
    with _lock:
        _passes += 1
        if _passes == 1 and not _for_good:
            _set(KEEPING)
    try:
        yield
    finally:
        with _lock:
            _passes -= 1
            if not _passes and not _for_good:
                _set(GIVING_BACK)
                if (libc := _glibc()) is not None:
                    libc.malloc_trim(0)


def _set(values: tuple[tuple[int, int], ...]) -> None:
    if (libc := _glibc()) is not None:
        for name, value in values:
            libc.mallopt(name, value)


@cache
def _glibc() -> ctypes.CDLL | None:
    if sys.platform != "linux":
        return None
    try:
        libc = ctypes.CDLL("libc.so.6")
        libc.mallopt, libc.malloc_trim  # noqa: B018
    except (OSError, AttributeError):  # another C library
        return None
    return libc
