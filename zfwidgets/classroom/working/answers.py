"""Answers that were computed once, as bytes: in memory, and on disk where there's a folder."""

from __future__ import annotations

import hashlib
import logging
import os
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

from ...widgets.wire.cache import Cache
from ..messages.codec import SCHEMA, encode

log = logging.getLogger("zfwidgets")

MEMORY = 256 << 20
DISK = 4 << 30
"""Bytes that are kept at most."""
FULL = 0.9
"""Share that may be filled with what nobody has asked for."""
DIGEST = 32
AGAIN = 60.0
"""Seconds until a disk that couldn't be written to is tried again."""


def question(method: str, arguments: Mapping[str, Any]) -> bytes:
    """What is asked, as a key: equal for equal arguments."""
    return hashlib.sha256(encode([method, _ordered(arguments)])).digest()


def _ordered(value: Any) -> Any:
    if isinstance(value, Mapping):
        return [[name, _ordered(value[name])] for name in sorted(value)]
    return value


class Answers:
    """Answers by question; safe to use from any thread.

    What is on disk has its digest before it, so that a file that was cut short, or changed, counts
    as not there. A disk that is full costs nothing but that: it is said once, and tried again.

    Parameters
    ----------
    most
        Bytes in memory.
    folder
        Where answers are kept too, for the next server of the same engine; None is nowhere.
    fingerprint
        Which engine's they are.
    most_on_disk
        Bytes in the folder, of all engines.

    Attributes
    ----------
    memory
        What is kept in memory.
    on_disk
        Bytes on disk, as far as this process knows.
    note
        Why nothing is written to disk; empty while it is, or isn't to be.
    """

    def __init__(
        self,
        most: int = MEMORY,
        folder: Path | None = None,
        fingerprint: str = "",
        most_on_disk: int = DISK,
    ) -> None:
        self.note = ""
        self.memory = Cache(most)
        self._most_on_disk, self.on_disk, self._retry = most_on_disk, 0, 0.0
        self._folder: Path | None = None
        if folder is not None:
            engine = hashlib.sha256(f"{SCHEMA} {fingerprint}".encode()).hexdigest()[:24]
            self._folder = folder / engine
            with suppress(OSError):
                self.on_disk = sum(file.stat().st_size for file in folder.glob("*/*.answer"))

    @property
    def full(self) -> bool:
        """Whether what is computed ahead would take the place of what is kept already."""
        if self._folder is not None and not self.note:
            return self.on_disk >= FULL * self._most_on_disk
        return self.memory.bytes >= FULL * self.memory.most

    def has(self, key: bytes) -> bool:
        """Whether there's an answer; reads none."""
        if key in self.memory:
            return True
        return self._folder is not None and self._path(key).exists()

    def get(self, key: bytes) -> bytes | None:
        """The answer to a question, if it is kept."""
        found: bytes | None = self.memory.get(key)
        if found is None and self._folder is not None:
            found = self._read(self._path(key))
            if found is not None:
                self.memory.put(key, found, len(found))
        return found

    def put(self, key: bytes, content: bytes) -> None:
        """Keep an answer."""
        self.memory.put(key, content, len(content))
        if self._folder is not None and time.monotonic() >= self._retry:
            self._write(self._path(key), content)

    def clear(self) -> None:
        """Forget all: images are others now. What is on disk isn't used any more either."""
        self.memory.clear()
        self._folder = None

    def _path(self, key: bytes) -> Path:
        assert self._folder is not None
        return self._folder / f"{key.hex()}.answer"

    def _read(self, path: Path) -> bytes | None:
        try:
            found = path.read_bytes()
        except OSError:
            return None
        content = found[DIGEST:]
        return content if hashlib.sha256(content).digest() == found[:DIGEST] else None

    def _write(self, path: Path, content: bytes) -> None:
        size = len(content) + DIGEST
        if self.on_disk + size > self._most_on_disk:
            self._say(f"{path.parent.parent} has {self._most_on_disk / 1e9:.1f} GB of answers")
            return
        temporary = path.with_suffix(f".{os.getpid()}-{uuid4().hex[:8]}.part")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary.write_bytes(hashlib.sha256(content).digest() + content)
            temporary.replace(path)
        except OSError as error:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)
            self._say(f"{path.parent.parent} can't be written to ({error.strerror or error})")
        else:
            self.on_disk += size
            self.note = ""

    def _say(self, why: str) -> None:
        self._retry = time.monotonic() + AGAIN
        if not self.note:
            log.warning("Answers are kept in memory alone: %s.", why)
        self.note = why
