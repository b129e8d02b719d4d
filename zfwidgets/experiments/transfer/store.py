"""Feature vectors on disk: a safetensors file whose rows are filled in as they are computed.

A row that isn't computed is NaN, and has no checksum; its checksum is written last: so the file is
whole at any moment, what an interrupted pass has done stays, and other passes see it. It is read
memory-mapped: a set of features may be larger than the memory.
"""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError
from ...records import Floats, Ints
from ...storage.checksums import KEY, of_rows
from ...storage.whole import whole

KIND, SCHEMA = "features of zfwidgets", 2
NAME, CHECKSUMS = "features", "checksums"
_BLOCK = 16 * 2**20


class Rows:
    """Feature vectors of images, (images, dimension) float32, in memory or in a file.

    Parameters
    ----------
    images, dimension
        Shape of the features.
    path
        The file; None keeps them in memory.
    about
        What they belong to: a file of another network or other images isn't taken. One that an
        older version wrote for the same is begun anew.
    """

    def __init__(
        self, images: int, dimension: int, path: Path | None, about: Mapping[str, str]
    ) -> None:
        self.path = path
        shape = (images, dimension)
        if path is None:
            self._rows: NDArray[np.float32] = np.full(shape, np.nan, dtype=np.float32)
            self._checksums: NDArray[np.uint32] = np.zeros(images, dtype=np.uint32)
            return
        if not path.exists() or _older(path, about):
            _create(path, shape, about)
        self._rows, self._checksums = _open(path, shape, about)

    @property
    def known(self) -> NDArray[np.bool_]:
        """(images,) bool: which rows are computed."""
        return np.asarray(self._checksums != 0)

    def write(self, images: Ints, rows: Floats) -> None:
        """Fill in rows."""
        rows = np.ascontiguousarray(rows, dtype="<f4")
        self._checksums[images] = 0
        self._rows[images] = rows
        self._checksums[images] = of_rows(rows)

    def read(self, images: Ints) -> Floats:
        """A copy of some rows, (images, dimension); NaN where they aren't computed.

        Raises
        ------
        InputError
            One of them isn't what was written.
        """
        found = np.array(self._rows[images], dtype="<f4")
        if self.path is not None:
            noted = self._checksums[images]
            there = noted != 0
            if (of_rows(found[there]) != noted[there]).any():
                raise InputError(
                    f"{self.path} is damaged: features in it aren't those that were written. "
                    "Delete it, and they are computed again."
                )
        return found


def file_name(layer: str, dimension: int) -> str:
    """What a layer's features are called in their folder."""
    return f"{re.sub(r'[^A-Za-z0-9._@-]', '_', layer)}-{dimension}.safetensors"


def _create(path: Path, shape: tuple[int, int], about: Mapping[str, str]) -> None:
    size = 4 * shape[0] * shape[1]
    with whole(path) as temporary, temporary.open("wb") as file:
        file.write(_head(shape, about))
        file.write(bytes(4 * shape[0]))
        nan = np.full(min(_BLOCK, size) // 4, np.nan, dtype="<f4").tobytes()
        left = size
        while left:
            left -= file.write(nan[:left])


def _head(shape: tuple[int, int], about: Mapping[str, str]) -> bytes:
    """How a file begins, to the bit: its checksums come next, then the features."""
    start, size = 4 * shape[0], 4 * shape[0] * shape[1]
    described = {
        "__metadata__": {KEY: json.dumps({"what": KIND, "schema": SCHEMA, **about})},
        CHECKSUMS: {"dtype": "U32", "shape": [shape[0]], "data_offsets": [0, start]},
        NAME: {"dtype": "F32", "shape": list(shape), "data_offsets": [start, start + size]},
    }
    text = json.dumps(described).encode()
    text += b" " * (-len(text) % 8)  # floats lie where they can be mapped
    return struct.pack("<Q", len(text)) + text


def _described(path: Path) -> tuple[bytes, dict[str, object], tuple[int, ...]]:
    """How a file begins, what it says that it holds, and the shape of its features."""
    try:
        if not path.is_file():  # to open a pipe would wait for who writes to it
            raise ValueError("it is no file")
        with path.open("rb") as file:
            length = file.read(8)
            text = file.read(min(struct.unpack("<Q", length)[0], 1 << 20))
        described = json.loads(text)
        found = dict(json.loads(described["__metadata__"][KEY]))
        return length + text, found, tuple(described[NAME]["shape"])
    except (OSError, ValueError, KeyError, TypeError, struct.error) as error:
        raise InputError(
            f"{path} isn't a readable file of features ({type(error).__name__}: {error}): delete "
            "it, and it's computed again."
        ) from error


def _older(path: Path, about: Mapping[str, str]) -> bool:
    """Whether a file holds the same features as an older version wrote them."""
    _, found, _ = _described(path)
    return any(found == {"what": KIND, "schema": old, **about} for old in range(1, SCHEMA))


def _open(
    path: Path, shape: tuple[int, int], about: Mapping[str, str]
) -> tuple[NDArray[np.float32], NDArray[np.uint32]]:
    """The features and their checksums, memory-mapped."""
    wanted = _head(shape, about)
    head, found, there = _described(path)
    if head != wanted:
        raise InputError(
            f"{path} has features of something else: {found}, {there}; expected "
            f"{ {'what': KIND, 'schema': SCHEMA, **about} }, {shape}. Delete it, and they are "
            "computed again."
        )
    if path.stat().st_size != len(wanted) + 4 * shape[0] * (1 + shape[1]):
        raise InputError(
            f"{path} isn't a readable file of features (it isn't as long as it should be): delete "
            "it, and it's computed again."
        )
    checksums = np.memmap(path, "<u4", "r+", len(wanted), shape[:1])
    return np.memmap(path, "<f4", "r+", len(wanted) + 4 * shape[0], shape), checksums
