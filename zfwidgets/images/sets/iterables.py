"""Iterables as image sets: one pass through them, kept in a temporary file.

An iterable can't be asked for an item again, and may give others the next time; whatever shows
images has to. So each item is kept as it came: an encoded image as it is, a decoded one without
loss, a tensor with all its bits; paths stay paths. The file has no name where the system allows
it, and goes with the set or with the process, however that ends.
"""

from __future__ import annotations

import hashlib
import io
import os
import tempfile
import weakref
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ...bars import progress_bar
from ...errors import InputError, UnreadableImage
from ...threads import ProcessLock
from ..pixels import decode
from .base import UNREADABLE, FileStamps, digest, stat_stamps
from .items import Parts, as_image, class_name, parts
from .naming import unique
from .repeatable import one_pass

SPILL = 4 * 2**30
"""Bytes that the items of an iterable may take on disk."""


class Spilled:
    """The items of one pass through an iterable.

    Parameters
    ----------
    items
        Gives images, (image, label, ...) or dicts, as a Dataset does.
    limit
        Bytes that may be kept.

    Raises
    ------
    InputError
        There are no items, or more than may be kept; the iterable raises an error; it draws
        random numbers for each item.
    """

    rejected: Sequence[tuple[str, str]] = ()

    def __init__(self, items: Iterable[Any], limit: int = SPILL) -> None:
        self.kind = type(items).__name__
        self.file_stamps: FileStamps = stat_stamps
        self.labels: list[str | None] = []
        self._kept: list[_Kept | Path | str] = []
        self._stamps: list[str] = []
        self._store = _Store(limit, f"The images of the iterable ({self.kind})")
        classes = tuple(map(str, getattr(items, "classes", None) or ()))
        names = [
            self._keep(number, found, classes)
            for number, found in enumerate(_pass_through(items, self.kind))
        ]
        if not names:
            raise InputError(
                f"The iterable ({self.kind}) gave no items. An iterator can be gone through once: "
                "pass a new one."
            )
        self.names = unique(names)
        tensors = any(isinstance(kept, _Kept) and kept.shape is not None for kept in self._kept)
        self.by_file = not tensors
        copied = sum(isinstance(kept, _Kept) for kept in self._kept)
        self.note = (
            f"images is an iterable ({self.kind}): {copied:,} images of one pass through it were "
            f"copied to a temporary file ({self._store.size / 1e6:,.0f} MB). What another pass "
            "would give isn't looked at."
            if copied
            else ""
        )

    def _keep(self, number: int, found: Parts | str, classes: Sequence[str]) -> str:
        """Keep an item; its name."""
        kept: _Kept | Path | str
        if isinstance(found, str):
            label, kept, stamp, name = None, found, found, ""
        else:
            label, name = class_name(found.label, classes), found.name
            if isinstance(found.image, (str, os.PathLike)):
                kept = Path(found.image)
                name, stamp = name or kept.name, ""
            else:
                try:
                    kept, stamp = self._store.add(*_content(found.image))
                except UnreadableImage as error:
                    kept = stamp = error.reason
                except decode.DECODE_ERRORS as error:
                    if isinstance(error, _Full):
                        raise
                    kept = stamp = f"it is {error}".rstrip(".")
        self.labels.append(label)
        self._kept.append(kept)
        self._stamps.append(stamp)
        if number + 1 == UNREADABLE and all(isinstance(kept, str) for kept in self._kept):
            raise InputError(f"None of the first {UNREADABLE} items can be used: {kept}.")
        return name or f"image {number}"

    def __getstate__(self) -> dict[str, Any]:
        raise TypeError("the file has no name by which another process could open it")

    def encoded(self, number: int) -> decode.File | None:
        """A path or an image's bytes; None of a tensor."""
        kept = self._kept[number]
        if isinstance(kept, Path):
            return kept
        if isinstance(kept, str):
            raise UnreadableImage(f"{self.names[number]}: {kept}", kept)
        return self._store.read(kept) if kept.shape is None else None

    def read(self, number: int) -> Any:
        """An RGB image, or a tensor."""
        file = self.encoded(number)
        if file is not None:
            return decode.read_rgb(file, "" if isinstance(file, Path) else self.names[number])
        import torch

        kept = self._kept[number]
        assert isinstance(kept, _Kept)
        array = np.frombuffer(bytearray(self._store.read(kept)), kept.dtype)
        return torch.from_numpy(array.reshape(kept.shape))

    @property
    def stamps(self) -> list[str]:
        """Digests of what was kept; of paths what tells changed files."""
        files = iter(self.file_stamps([kept for kept in self._kept if isinstance(kept, Path)]))
        return [
            next(files) if isinstance(kept, Path) else stamp
            for kept, stamp in zip(self._kept, self._stamps, strict=True)
        ]

    def stamp(self, number: int) -> str:
        """One item's: what was kept can't change, a path's file can."""
        kept = self._kept[number]
        return self.file_stamps([kept])[0] if isinstance(kept, Path) else self._stamps[number]

    def fingerprint(self) -> dict[str, str | int]:
        """What was kept."""
        return {
            "kind": "iterable",
            "count": len(self.names),
            "data": digest(self.names, self.stamps),
        }


def _pass_through(items: Iterable[Any], kind: str) -> Iterator[Parts | str]:
    """Each item taken apart, or why it can't be."""
    passing = one_pass(items, f"The iterable ({kind})")
    number = -1
    try:
        with progress_bar(passing, "Keeping the iterable's images", delay=1, unit=" images") as bar:
            for number, item in enumerate(bar):
                try:
                    found: Parts | str = parts(item, f"Item {number} of the iterable")
                except InputError as error:
                    found = str(error).rstrip(".")
                yield found
    except (InputError, MemoryError):
        raise
    except Exception as error:
        raise InputError(
            f"The iterable ({kind}) raised an error after {number + 1:,} items, and can't be gone "
            f"on with: {type(error).__name__}: {error}"
        ) from error


def _content(image: Any) -> tuple[bytes, NDArray[Any] | None]:
    """What to keep of an item: an encoded image, or (b"", array) of a tensor."""
    if isinstance(image, (bytes, bytearray)):
        return bytes(image), None
    if isinstance(image, Image.Image) and decode.is_transparent(image):  # to be laid on white later
        stream = io.BytesIO()
        image.save(stream, "PNG", compress_level=1)
        return stream.getvalue(), None
    found = as_image(image)
    if isinstance(found, Image.Image):
        stream = io.BytesIO()
        found.save(stream, "PPM")
        return stream.getvalue(), None
    values = found.detach().cpu()
    return b"", (values.float() if values.is_floating_point() else values).numpy()


class _Full(InputError):
    """There's no room for more."""


@dataclass(frozen=True, slots=True)
class _Kept:
    """Where something is in the file, and of a tensor what it was."""

    offset: int
    size: int
    shape: tuple[int, ...] | None = None
    dtype: np.dtype[Any] | None = None


class _Store:
    """A temporary file of bounded size."""

    def __init__(self, limit: int, what: str) -> None:
        self._limit, self._what, self.size = limit, what, 0
        self._file = tempfile.TemporaryFile(prefix="zfwidgets-")  # noqa: SIM115 -- goes with us
        weakref.finalize(self, self._file.close)
        self._lock = ProcessLock()

    def add(self, data: bytes, array: NDArray[Any] | None) -> tuple[_Kept, str]:
        """Keep bytes or an array; returns where, and a digest."""
        if array is not None:
            data = np.ascontiguousarray(array).tobytes()
        if self.size + len(data) > self._limit:
            raise _Full(
                f"{self._what} take more than {self._limit / 1e9:,.1f} GB, which is what may be "
                "copied to a temporary file: an iterable has no items by number. Pass a map-style "
                "Dataset, a folder or the tar shards themselves, which need no copy; or a part of "
                "it (itertools.islice); or allow more bytes, zf.Engine(..., spill=...)."
            )
        tensor = () if array is None else (array.shape, array.dtype)
        kept = _Kept(self.size, len(data), *tensor)
        try:
            with self._lock:
                self._file.seek(self.size)
                self._file.write(data)
                self._file.flush()
        except OSError as error:
            raise _Full(
                f"{self._what} can't be copied to a temporary file in {tempfile.gettempdir()} "
                f"({error}): free some space, or set TMPDIR to a folder with more."
            ) from error
        self.size += len(data)
        about = f"{kept.dtype}{kept.shape}" if array is not None else ""
        return kept, about + hashlib.blake2b(data, digest_size=16).hexdigest()

    def read(self, kept: _Kept) -> bytes:
        """What was kept."""
        with self._lock:
            self._file.seek(kept.offset)
            return self._file.read(kept.size)
