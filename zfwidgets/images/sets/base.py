"""Sets of images, seen one way: names, labels, items by number. `opening` tells which is which."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Protocol

from PIL import Image

from ...errors import InputError, UnreadableImage
from ..pixels import decode
from .samples import SamplePhotos

HEADERS_CHECKED_AT_ONCE = 2000
"""In larger sets a file that is no image is found when it is first read."""

FileStamps = Callable[[Sequence[Path]], list[str]]

GONE = "gone"
"""The stamp of a file that isn't there, or whose folder can't be read."""

UNREADABLE = 1000
"""When so many items, and none before them, can't be read, a set is given up."""


class ImageSet(Protocol):
    """Items by number."""

    @property
    def by_file(self) -> bool:
        """Whether each item that can be read is `encoded`."""

    @property
    def names(self) -> Sequence[str]:
        """One unique name per item."""

    @property
    def labels(self) -> Sequence[str | None]:
        """Class names, None where there is none."""

    @property
    def rejected(self) -> Sequence[tuple[str, str]]:
        """What was left out at once: (name, reason)."""

    @property
    def stamps(self) -> Sequence[str]:
        """What tells a changed item: of a file size and time, of a list's its pixels; else ""."""

    def stamp(self, number: int) -> str:
        """One item's, read anew where that costs little; else the one that is known."""

    def read(self, number: int) -> Any:
        """An RGB PIL image, or a tensor as it is; raises `UnreadableImage` naming the item."""

    def encoded(self, number: int) -> decode.File | None:
        """The item as a file or its bytes; None where the set doesn't have it encoded.

        Raises `UnreadableImage`. It may be called by several threads at once.
        """

    def fingerprint(self) -> dict[str, str | int]:
        """What the items are: a kind, a count, a digest."""


def digest(names: Iterable[str], stamps: Iterable[str]) -> str:
    """The same for the same images in the same order."""
    found = hashlib.sha256()
    for name, stamp in zip(names, stamps, strict=True):
        found.update(f"{name}\0{stamp}\n".encode("utf-8", "surrogatepass"))
    return found.hexdigest()


@dataclass
class First:
    """The first item of a set that can be read, and why those before it can't."""

    number: int
    unreadable: dict[int, str]


def first_readable(images: ImageSet) -> tuple[First, Any]:
    """Find it; returns it with the item itself. Raises `InputError` where there is none."""
    unreadable: dict[int, str] = {}
    for number in range(len(images.names)):
        try:
            return First(number, unreadable), images.read(number)
        except UnreadableImage as error:  # noqa: PERF203
            unreadable[number] = error.reason
            if len(unreadable) == UNREADABLE:
                break
    named = [f"{images.names[number]}: {why}" for number, why in unreadable.items()]
    reasons = "; ".join(named[:3])
    tried = (
        f"first {len(unreadable)}" if len(unreadable) < len(images.names) else f"{len(unreadable)}"
    )
    raise InputError(f"None of the {tried} images can be read: {reasons}.")


def folders_of(images: ImageSet) -> tuple[str, ...]:
    """Folders of this machine in which images lie.

    Absolute; those in the names of files that were listed one by one are relative.
    """
    paths = getattr(images, "paths", None) or getattr(images, "files", None) or ()
    found = {str(Path(path).absolute().parent) for path in paths if path}
    if root := getattr(getattr(images, "items", None), "root", None):
        found.add(os.path.abspath(root))  # noqa: PTH100 (nothing is looked up on disk)
    if getattr(images, "names_have_folders", False):
        found |= {str(PurePosixPath(name).parent) for name in images.names if "/" in name}
    return tuple(sorted(found))


class Files:
    """Image files.

    Attributes
    ----------
    file_stamps
        What tells changed files: by size and time, or `zfwidgets.images.sets.contents.Contents`.
    """

    by_file = True

    def __init__(
        self, paths: Sequence[Path], names: Sequence[str], labels: Sequence[str | None], where: str
    ) -> None:
        few = len(paths) <= HEADERS_CHECKED_AT_ONCE
        problems = [decode.header_problem(path) if few else None for path in paths]
        kept = [number for number, problem in enumerate(problems) if problem is None]
        self.file_stamps: FileStamps = stat_stamps
        self.names_have_folders = False
        self.paths = [paths[number] for number in kept]
        self.names = [names[number] for number in kept]
        self.labels = [labels[number] for number in kept]
        self.rejected = [(n, p) for n, p in zip(names, problems, strict=True) if p is not None]
        if not kept:
            first = "; ".join(f"{name}: {problem}" for name, problem in self.rejected[:3])
            raise InputError(f"{where} has no image that can be read ({first}).")

    def part(self, numbers: Sequence[int]) -> Files:
        """Some of the files, numbered anew in this order; their headers aren't looked at again."""
        part = Files.__new__(Files)
        part.paths = [self.paths[number] for number in numbers]
        part.names = [self.names[number] for number in numbers]
        part.labels = [self.labels[number] for number in numbers]
        part.rejected, part.file_stamps = [], self.file_stamps
        return part

    def read(self, number: int) -> Image.Image:
        """The decoded file in RGB."""
        return decode.read_rgb(self.paths[number])

    def encoded(self, number: int) -> Path:
        """The file."""
        return self.paths[number]

    @property
    def stamps(self) -> list[str]:
        """Sizes and times of change, now; or digests of the files' bytes."""
        return self.file_stamps(self.paths)

    def stamp(self, number: int) -> str:
        """Size and time of change of one file, now; or a digest of its bytes."""
        return self.file_stamps([self.paths[number]])[0]

    def fingerprint(self) -> dict[str, str | int]:
        """Names and stamps."""
        data = digest(self.names, self.stamps)
        return {"kind": "files", "count": len(self.paths), "data": data}


class Samples:
    """The photos that the package ships."""

    by_file = False
    rejected: Sequence[tuple[str, str]] = ()

    def __init__(self, photos: SamplePhotos) -> None:
        if not len(photos):
            raise InputError("The set of sample photos is empty: pass at least one image.")
        self.photos = photos
        self.names = photos.names
        self.labels = photos.labels
        attributions = (row.attribution for row in photos.licences)
        self.licences = tuple(zip(photos.names, attributions, strict=True))
        self._digests: dict[int, tuple[str, str]] = {}

    def read(self, number: int) -> Image.Image:
        """The photo in RGB."""
        return self.photos[number]

    def encoded(self, number: int) -> None:
        """The photos are few, and in WebP."""

    @property
    def stamps(self) -> list[str]:
        """Digests of the shipped bytes."""
        return [self.stamp(number) for number in range(len(self.photos))]

    def stamp(self, number: int) -> str:
        """Digest of a photo's shipped bytes, which are read where the file isn't what it was."""
        found = file_stamp(self.photos.path(number))
        known = self._digests.get(number)
        if known is None or known[0] != found:
            read = hashlib.sha256(self.photos.webp(number)).hexdigest()
            known = self._digests[number] = found, read
        return known[1]

    def fingerprint(self) -> dict[str, str | int]:
        """A digest of the shipped bytes: the same on every machine."""
        return {"kind": "samples", "count": len(self.photos), "data": self.photos.digest}


def is_of(images: Any, module: str, name: str) -> bool:
    """Whether it is of a class of a library, which the user then has imported already."""
    kind = getattr(sys.modules.get(module), name, None)
    return isinstance(kind, type) and isinstance(images, kind)


def stat_stamps(paths: Sequence[Path]) -> list[str]:
    """Sizes and times of change of files."""
    return [file_stamp(path) for path in paths]


def file_stamp(path: Path) -> str:
    """Size and time of change of a file."""
    try:
        status = path.stat()
    except OSError:
        return GONE
    return f"{status.st_size} {status.st_mtime_ns}"
