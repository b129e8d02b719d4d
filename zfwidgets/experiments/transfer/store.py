"""Feature vectors on disk: a safetensors file whose rows are filled in as they are computed.

A row that isn't computed is NaN, and a row's first number is written last: so the file is whole at
any moment, what an interrupted pass has done stays, and other passes see it. It is read
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
from ...index.files import whole
from ...records import Floats, Ints
from ..files import header

KIND, SCHEMA = "features of zfwidgets", 1
NAME = "features"
_BLOCK = 16 * 2**20


class Rows:
    """Feature vectors of images, (images, dimension) float32, in memory or in a file.

    Parameters
    ----------
    images, dimension
        Their shape.
    path
        The file; None keeps them in memory.
    about
        What they belong to: a file of another network or other images isn't taken.
    """

    def __init__(
        self, images: int, dimension: int, path: Path | None, about: Mapping[str, str]
    ) -> None:
        self.path = path
        shape = (images, dimension)
        if path is None:
            self._rows: NDArray[np.float32] = np.full(shape, np.nan, dtype=np.float32)
            return
        if not path.exists():
            _create(path, shape, about)
        self._rows = _open(path, shape, about)

    @property
    def known(self) -> NDArray[np.bool_]:
        """(images,) bool: which rows are computed."""
        return ~np.isnan(self._rows[:, 0])

    def write(self, images: Ints, rows: Floats) -> None:
        """Fill in rows."""
        self._rows[images, 1:] = rows[:, 1:]
        self._rows[images, 0] = rows[:, 0]

    def read(self, images: Ints) -> Floats:
        """A copy of some rows, (images, dimension)."""
        return np.array(self._rows[images], dtype=np.float32)


def file_name(layer: str, dimension: int) -> str:
    """What a layer's features are called in their folder."""
    return f"{re.sub(r'[^A-Za-z0-9._@-]', '_', layer)}-{dimension}.safetensors"


def _create(path: Path, shape: tuple[int, int], about: Mapping[str, str]) -> None:
    size = 4 * shape[0] * shape[1]
    described = {
        "__metadata__": header(KIND, SCHEMA, about),
        NAME: {"dtype": "F32", "shape": list(shape), "data_offsets": [0, size]},
    }
    text = json.dumps(described).encode()
    text += b" " * (-len(text) % 8)  # floats lie where they can be mapped
    with whole(path) as temporary, temporary.open("wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        nan = np.full(min(_BLOCK, size) // 4, np.nan, dtype="<f4").tobytes()
        left = size
        while left:
            left -= file.write(nan[:left])


def _open(path: Path, shape: tuple[int, int], about: Mapping[str, str]) -> NDArray[np.float32]:
    try:
        with path.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            described = json.loads(file.read(min(length, 1 << 20)))
        found = json.loads(described["__metadata__"]["zfwidgets"])
        there = tuple(described[NAME]["shape"])
        if path.stat().st_size != 8 + length + 4 * shape[0] * shape[1]:
            raise ValueError("it isn't as long as it should be")
    except (OSError, ValueError, KeyError, struct.error) as error:
        raise InputError(
            f"{path} isn't a readable file of features ({type(error).__name__}: {error}): delete "
            "it, and it's computed again."
        ) from error
    wanted = json.loads(header(KIND, SCHEMA, about)["zfwidgets"])
    if found != wanted or there != shape:
        raise InputError(
            f"{path} has features of something else: {found}, {there}; expected {wanted}, {shape}. "
            "Delete it, and they are computed again."
        )
    return np.memmap(path, dtype="<f4", mode="r+", offset=8 + length, shape=shape)
