"""Photos of the user's own: seen as the images of a source are, numbered after them, never kept.

They are in memory alone, as the network gets them: in no set, no index, no fingerprint, no file.
"""

from __future__ import annotations

import os
import secrets
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image

from ..errors import InputError, UnreadableImage
from ..records import MOST_OWN, MOST_OWN_BYTES, MOST_OWN_PIXELS, OwnPhoto
from ..threads import ProcessLock
from .pixels import decode
from .sets.base import ImageSet
from .sets.items import Items
from .sets.repeatable import refuse_draws
from .source import ImageSource

if TYPE_CHECKING:
    import torch

LONGEST_NAME = 120
"""Letters of a name that are kept: a page may send any."""
NAMES_KEPT = 1000
"""Names of forgotten photos that are kept."""


class OwnPhotos:
    """The last few photos that the user brought; safe to use from any thread.

    Parameters
    ----------
    source
        Source whose transform they go through, and after whose images they are numbered.
    most
        How many are kept: of more the oldest is forgotten.
    """

    def __init__(self, source: ImageSource, most: int = MOST_OWN) -> None:
        self._source, self.most = source, most
        # A page remembers answers by number, also those of an engine that was there before.
        self._next = len(source) + secrets.randbits(30)
        self._kept: OrderedDict[int, tuple[OwnPhoto, torch.Tensor]] = OrderedDict()
        self._gone: OrderedDict[int, str] = OrderedDict()
        self._lock = ProcessLock()

    def __contains__(self, image: object) -> bool:
        return image in self._kept

    @property
    def listed(self) -> tuple[OwnPhoto, ...]:
        """Those that are there, the newest first."""
        with self._lock:
            return tuple(photo for photo, _ in reversed(self._kept.values()))

    def add(self, photo: Any, name: str | None = None) -> tuple[OwnPhoto, bool]:
        """Take a photo up; whether the oldest had to make room for it.

        Parameters
        ----------
        photo
            A path, the bytes of a file, a PIL image, a uint8 array (rows, columns, 3), a uint8
            tensor (3, rows, columns), or a float tensor as the network gets it.
        name
            What it is to be called; None takes the file's.

        Raises
        ------
        UnreadableImage
            It is no picture, or larger than may be: says how large one may be.
        InputError
            It is nothing of the above, or the transform fails on it.
        """
        opened = _open(photo, name)
        if getattr(photo, "is_floating_point", bool)() and tuple(photo.shape) != self._source.shape:
            raise InputError(
                f"{opened.name} is a float tensor of shape {tuple(photo.shape)}, which is taken as "
                f"the network gets it: expected {self._source.shape}."
            )
        with refuse_draws("The transform"):
            tensor = self._source.over(opened.images).tensor(0)
        with self._lock:
            own = OwnPhoto(self._next, opened.name, opened.notes)
            self._next += 1
            self._kept[own.image] = own, tensor
            full = len(self._kept) > self.most
            if full:
                self._forget(next(iter(self._kept)))
        return own, full

    def remove(self, image: int) -> None:
        """Forget a photo; raises `InputError` where there is none of that number."""
        with self._lock:
            if 0 <= image < len(self._source):
                raise InputError(
                    f"Image {image} is one of the engine's: only photos that were added can be "
                    "removed."
                )
            if image not in self._kept:
                raise self.missing(image)
            self._forget(image)

    def get(self, image: int) -> tuple[str, torch.Tensor]:
        """Name and tensor of a photo; raises `InputError` where it isn't there, naming it."""
        with self._lock:
            if image not in self._kept:
                raise self.missing(image)
            photo, tensor = self._kept[image]
            return photo.name, tensor

    def missing(self, image: int) -> InputError:
        """Why there is no photo of a number."""
        last = len(self._source) - 1
        name = self._gone.get(image)
        if name is None:
            numbers = sorted(self._kept)
            more = f", and your own {', '.join(map(str, numbers))}" if numbers else ""
            return InputError(f"There are images 0 to {last}{more}, got {image}.")
        return InputError(
            f"Your photo {name!r} (number {image}) isn't there any more: it was removed, or "
            f"{self.most} newer ones took its place. Add it again."
        )

    def _forget(self, image: int) -> None:
        photo, _ = self._kept.pop(image)
        self._gone[image] = photo.name
        while len(self._gone) > NAMES_KEPT:
            self._gone.popitem(last=False)


@dataclass(frozen=True)
class _Opened:
    """A photo as a set of one, what it is called, and what is made of its pixels."""

    images: ImageSet
    name: str
    notes: tuple[str, ...] = ()


def _open(photo: Any, name: str | None) -> _Opened:
    if isinstance(photo, (str, os.PathLike)):
        path = Path(photo)
        name = name or path.name
        photo = _read(path, name)
    called = (name or "")[:LONGEST_NAME] or "your photo"
    if isinstance(photo, bytes):
        notes = decode.check_size(photo, called, MOST_OWN_BYTES, MOST_OWN_PIXELS)
        return _Opened(_File(photo, called), called, notes)
    notes = ()
    if isinstance(photo, Image.Image):
        decode.refuse_pixels(photo.size, called, MOST_OWN_PIXELS)
        called = called if name else Path(getattr(photo, "filename", "") or called).name
        notes = decode.conversions(photo)
    elif hasattr(photo, "shape"):
        _refuse_shape(photo, called)
    elif isinstance(photo, (list, tuple, dict)):
        raise InputError(f"Expected one photo, not a {type(photo).__name__}: add them one by one.")
    return _Opened(_Item(photo, called), called, notes)


def _read(path: Path, name: str) -> bytes:
    """A file's bytes, if it is a file and not too large."""
    try:
        if path.is_file() and path.stat().st_size > MOST_OWN_BYTES:
            raise decode.too_many_bytes(path.stat().st_size, name, MOST_OWN_BYTES)
        if not path.is_file() and path.exists():
            raise UnreadableImage(f"{name}: not a file but a folder, pipe or device")
        return path.read_bytes()
    except OSError as error:
        why = "there is no such file" if not path.exists() else decode.reason(error)
        raise UnreadableImage(f"{path}: {why} (looked from {Path.cwd()})", why) from error


def _refuse_shape(array: Any, name: str) -> None:
    """Arrays and tensors: a batch has one dimension too many."""
    shape = tuple(map(int, array.shape))
    if len(shape) == 4:
        raise InputError(
            f"{name} is a batch of shape {shape}: expected one photo. Add them one by one, "
            "photos[0], photos[1], ..."
        )
    if len(shape) == 3:
        rows, columns = sorted(shape)[1:]
        decode.refuse_pixels((columns, rows), name, MOST_OWN_PIXELS)


class _Item(Items):
    """One image that is in memory already."""

    def __init__(self, item: Any, name: str) -> None:
        super().__init__([item])
        self.names = [name]

    def _where(self, number: int) -> str:
        return self.names[number]


class _File:
    """One encoded image as a set: read as those of a folder are."""

    by_file = True
    rejected = ()

    def __init__(self, file: bytes, name: str) -> None:
        self._file = file
        self.names, self.labels, self.stamps = [name], [None], [""]

    def stamp(self, number: int) -> str:
        """Nothing: it can't change."""
        return self.stamps[number]

    def read(self, number: int) -> Image.Image:
        """The decoded image in RGB."""
        return decode.read_rgb(self._file, self.names[number])

    def encoded(self, number: int) -> bytes:
        """What is in the file."""
        return self._file

    def fingerprint(self) -> dict[str, str | int]:
        """Nobody's: it is in no index."""
        return {"kind": "own", "count": 1}
