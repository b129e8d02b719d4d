"""Checksums of files that are written and read back: a bit that changed meanwhile is noticed.

A file of safetensors or a NumPy ``npz`` carries the SHA-256 digest of all its bytes, taken with
zeros in the digest's own place: in the description in the header (`described`), or as the archive's
comment. So it stays what every reader of these formats knows.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

DIGITS = 64
KEY = "zfwidgets"
"""The entry of a safetensors file's metadata that holds our JSON, the only one."""
_START = rb'{"__metadata__":{"zfwidgets":"{\"checksum\": \"'
_BLOCK = 2**20


class Damaged(ValueError):
    """A file isn't what was written; the message says how that is known, without its name."""


def digest(content: bytes) -> str:
    """Checksum of bytes that are at hand."""
    return hashlib.sha256(content).hexdigest()


def described(about: Mapping[str, Any]) -> dict[str, str]:
    """A description as the metadata of a safetensors file, with room for the checksum."""
    return {KEY: json.dumps({"checksum": "0" * DIGITS, **about})}


def seal(path: Path) -> None:
    """Put its checksum into a file: safetensors with `described` metadata, or ``npz``."""
    with path.open("rb") as file:
        archive = file.read(2) == b"PK"
    if archive:
        with zipfile.ZipFile(path, "a") as opened:
            opened.comment = b"0" * DIGITS
    with path.open("r+b") as file:
        place = _place(file)
        found = _digest_but(file, place)
        file.seek(place)
        file.write(found.encode())


def check(path: Path) -> None:
    """Read all of a file; raises `Damaged` if it isn't what was sealed, OSError if unreadable."""
    if path.exists() and not path.is_file():  # to open a pipe would wait for who writes to it
        raise Damaged("it is a folder" if path.is_dir() else "it is no ordinary file")
    with path.open("rb") as file:
        place = _place(file)
        file.seek(place)
        if file.read(DIGITS) != _digest_but(file, place).encode():
            raise Damaged("its checksum is another: it was changed or damaged after it was written")


def of_rows(rows: NDArray[np.float32]) -> NDArray[np.uint32]:
    """CRC-32 of each row, (rows,); never 0, which stands for a row that isn't there."""
    rows = np.ascontiguousarray(rows)
    return np.array([zlib.crc32(row) or 1 for row in rows], dtype=np.uint32)


def _place(file: BinaryIO) -> int:
    """Where the checksum begins."""
    size = file.seek(0, 2)
    file.seek(0)
    start = file.read(8)
    if start[:2] == b"PK":
        place = size - DIGITS
    elif len(start) == 8:
        found = file.read(len(_START)) == _START
        place = 8 + len(_START) if found else size
    else:
        place = size
    if not 0 <= place <= size - DIGITS:
        raise Damaged("it has no checksum: it is damaged, or an earlier version wrote it")
    return place


def _digest_but(file: BinaryIO, place: int) -> str:
    """The digest of the whole file, with zeros for the digits at a place."""
    found = hashlib.sha256()
    file.seek(0)
    left = place
    while left and (block := file.read(min(left, _BLOCK))):
        found.update(block)
        left -= len(block)
    file.seek(place + DIGITS)
    found.update(b"0" * DIGITS)
    while block := file.read(_BLOCK):
        found.update(block)
    return found.hexdigest()
