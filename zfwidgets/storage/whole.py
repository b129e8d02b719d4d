"""Files that are whole or not there; it needs Python alone: browsers write reports, too."""

from __future__ import annotations

import os
import re
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

_START, _HOST = uuid4().hex[:8], re.sub(r"[^A-Za-z0-9_]", "_", socket.gethostname())[:40]
_NAMED = re.compile(r"\.zfwidgets-([0-9a-f]{8})-(\d+)-(\w*)\.[0-9a-f]{32}\.part$")
_DAY = 24 * 3600.0


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Where to write what is to become ``path``: in its place after the block, or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.stem}.{_writer()}.{uuid4().hex}.part")
    try:
        yield temporary
        _sync(temporary)
        temporary.replace(path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise
    _sync(path.parent)


def _writer() -> str:
    """Tells which process writes: one that was forked has another number."""
    return f"zfwidgets-{_START}-{os.getpid()}-{_HOST}"


def _sync(path: Path) -> None:
    if path.is_dir() and os.name == "nt":  # folders can't be opened there
        return
    handle = os.open(path, os.O_RDONLY if os.name != "nt" else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sweep(folder: Path) -> None:
    """Remove what our writers left that were killed while writing, and nobody else's files."""
    for left in folder.glob(".*.zfwidgets-*-*.*.part"):
        with suppress(OSError):
            if _abandoned(left):
                left.unlink()


def _abandoned(path: Path) -> bool:
    """Whether a file that `whole` began is nobody's any more."""
    writer = _NAMED.search(path.name)
    if writer is None or writer[1] == _START:
        return False
    if writer[3] != _HOST or os.name == "nt":  # whether it lives can't be asked from here
        return time.time() - path.stat().st_mtime > _DAY
    if int(writer[2]) == os.getpid():  # of one that had our number before
        return True
    try:
        os.kill(int(writer[2]), 0)
    except ProcessLookupError:
        return True
    except (OSError, OverflowError):
        return False
    return False
