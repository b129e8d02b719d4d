"""The kinds of image sets that users have, seen one way: names, labels, items."""

from __future__ import annotations

import hashlib
import os
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import chain, count
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from PIL import Image

from ..errors import InputError, UnreadableImage
from . import decode
from .samples import SamplePhotos

HEADERS_CHECKED_AT_ONCE = 2000
"""In larger sets a file that is no image is found when it is first read."""

FileStamps = Callable[[Sequence[Path]], list[str]]

UNREADABLE = 1000
"""When so many items, and none before them, can't be read, a set is given up."""


class ImageSet(Protocol):
    """Items by number."""

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

    def read(self, number: int) -> Any:
        """An RGB PIL image, or a tensor as it is; raises `UnreadableImage` naming the item."""

    def fingerprint(self) -> dict[str, str | int]:
        """What the items are: a kind, a count, a digest."""


def open_set(images: Any) -> ImageSet:
    """The image set that ``images`` is; raises `InputError` saying what would be one."""
    if isinstance(images, SamplePhotos):
        return Samples(images)
    if isinstance(images, (str, os.PathLike)):
        return open_path(Path(images))
    if isinstance(images, Image.Image):
        raise InputError("images is one PIL image: pass a list of them, [image].")
    if isinstance(images, (list, tuple)):
        return open_list(images)
    if getattr(images, "ndim", 4) != 4:
        raise InputError(
            f"images is an array of shape {tuple(images.shape)}: expected a batch of images, with "
            "four dimensions, or a list of images."
        )
    if hasattr(images, "ndim"):
        return open_list(list(images))
    if hasattr(images, "__getitem__") and hasattr(images, "__len__"):
        if not len(images):
            raise InputError(
                f"The dataset ({type(images).__name__}) has no images: its len() is 0."
            )
        return Items(images)
    hint = ""
    if hasattr(images, "__iter__"):
        hint = " An iterable without len() and [index] can't be looked up again: pass list(images)."
    raise InputError(
        f"images is a {type(images).__name__}: expected a folder, a list of PIL images, paths or "
        f"arrays, a map-style torch Dataset, or zf.samples.photos().{hint}"
    )


def open_path(path: Path) -> ImageSet:
    """A folder with all its subfolders, or a single file."""
    if path.is_file():
        return Files([path], [path.name], [None], str(path))
    if not path.is_dir():
        raise InputError(f"There is no folder {str(path)!r} (looked from {Path.cwd()}).")
    found, others = [], Counter[str]()
    for folder, subfolders, files in os.walk(path):
        subfolders[:] = sorted(name for name in subfolders if not name.startswith("."))
        for name in sorted(files):
            suffix = Path(name).suffix.lower()
            if name.startswith("."):
                continue
            if suffix in decode.SUFFIXES:
                found.append(Path(folder, name))
            else:
                others[suffix or "no ending"] += 1
    if not found:
        kinds = ", ".join(f"{number} x {kind}" for kind, number in others.most_common(3))
        raise InputError(
            f"The folder {str(path)!r} has no images, nor have its subfolders "
            f"({f'other files: {kinds}' if kinds else 'they are empty'}). Known endings: "
            f"{' '.join(sorted(decode.SUFFIXES))}."
        )
    inside = [file.relative_to(path) for file in found]
    by_class = all(len(file.parts) > 1 for file in inside)  # root/class/..., as ImageFolder has it
    labels = [file.parts[0] if by_class else None for file in inside]
    return Files(found, [file.as_posix() for file in inside], labels, f"The folder {str(path)!r}")


def open_list(images: Sequence[Any]) -> ImageSet:
    """A list of paths, or of PIL images, arrays, tensors and paths mixed."""
    if not images:
        raise InputError("images is empty: pass at least one image.")
    if all(isinstance(item, (str, os.PathLike)) for item in images):
        paths = [Path(item) for item in images]
        short = [path.name for path in paths]
        names = short if len(set(short)) == len(short) else [path.as_posix() for path in paths]
        return Files(paths, unique(names), [None] * len(paths), "The list of images")
    return Items(images)


def unique(names: Iterable[str]) -> list[str]:
    """The names, with " (2)" and so on behind those that came before."""
    taken: dict[str, None] = {}
    for name in names:
        candidates = chain([name], (f"{name} ({number})" for number in count(2)))
        taken[next(candidate for candidate in candidates if candidate not in taken)] = None
    return list(taken)


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


class Files:
    """Image files.

    Attributes
    ----------
    file_stamps
        What tells changed files: by size and time, or `zfwidgets.images.contents.Contents`.
    """

    def __init__(
        self, paths: Sequence[Path], names: Sequence[str], labels: Sequence[str | None], where: str
    ) -> None:
        few = len(paths) <= HEADERS_CHECKED_AT_ONCE
        problems = [decode.header_problem(path) if few else None for path in paths]
        kept = [number for number, problem in enumerate(problems) if problem is None]
        self.file_stamps: FileStamps = stat_stamps
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
        part.rejected = []
        return part

    def read(self, number: int) -> Image.Image:
        """The decoded file in RGB."""
        return decode.read_rgb(self.paths[number])

    @property
    def stamps(self) -> list[str]:
        """Sizes and times of change, now; or digests of the files' bytes."""
        return self.file_stamps(self.paths)

    def fingerprint(self) -> dict[str, str | int]:
        """Names and stamps."""
        digest = hashlib.sha256()
        for name, stamp in zip(self.names, self.stamps, strict=True):
            digest.update(f"{name}\0{stamp}\n".encode("utf-8", "surrogatepass"))
        return {"kind": "files", "count": len(self.paths), "data": digest.hexdigest()}


class Samples:
    """The photos that the package ships."""

    rejected: Sequence[tuple[str, str]] = ()

    def __init__(self, photos: SamplePhotos) -> None:
        if not len(photos):
            raise InputError("The set of sample photos is empty: pass at least one image.")
        self.photos = photos
        self.names = photos.names
        self.labels = photos.labels

    def read(self, number: int) -> Image.Image:
        """The photo in RGB."""
        return self.photos[number]

    @property
    def stamps(self) -> list[str]:
        """Digests of the shipped bytes."""
        numbers = range(len(self.photos))
        return [hashlib.sha256(self.photos.webp(number)).hexdigest() for number in numbers]

    def fingerprint(self) -> dict[str, str | int]:
        """A digest of the shipped bytes: the same on every machine."""
        return {"kind": "samples", "count": len(self.photos), "data": self.photos.digest}


class Items:
    """A map-style Dataset or a list: items are images, (image, label, ...) or dicts.

    Items are read one at a time, since a dataset needn't be safe to read from several threads;
    its labels are taken from ``samples``, ``targets`` or ``labels`` where it has them, else they
    are known once an item has been read.
    """

    rejected: Sequence[tuple[str, str]] = ()

    def __init__(self, items: Any) -> None:
        self.items = items
        self.is_list = isinstance(items, (list, tuple))
        self._reading = threading.Lock()
        self._pixels: list[str] = []
        self.file_stamps: FileStamps = stat_stamps
        self._classes = tuple(map(str, getattr(items, "classes", None) or ()))
        self.files = self._files()
        self.names = unique(self._name(number) for number in range(len(items)))
        self.labels: list[str | None] = [None] * len(items)
        for number, label in enumerate(self._targets()):
            self.labels[number] = self._label(label)

    def __getstate__(self) -> dict[str, Any]:
        """All but the lock: to be sent to another process."""
        return {name: value for name, value in vars(self).items() if name != "_reading"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state, _reading=threading.Lock())

    def read(self, number: int) -> Any:
        """The item's image: RGB PIL image or tensor."""
        with self._reading:
            try:
                item = self.items[number]
            except Exception as error:  # a dataset may raise anything
                why = f"{type(error).__name__}: {error}"
                raise UnreadableImage(f"{self._where(number)}: {why}", why) from error
            image, label = self._split(item, number)
            if label is not None and self.labels[number] is None:
                self.labels[number] = self._label(label)
            try:
                return as_image(image)
            except InputError as error:
                raise InputError(f"{self._where(number)} is {error}") from error
            except decode.DECODE_ERRORS as error:
                why = decode.reason(error)
                raise UnreadableImage(f"{self._where(number)}: {why}", why) from error

    def fingerprint(self) -> dict[str, str | int]:
        """For a list, its pixels; for a dataset, its type, length, names and files' stamps.

        Pixels of a dataset aren't all read for this; the probes of `ImageSource` see some.
        """
        digest = hashlib.sha256()
        for name, stamp in zip(self.names, self.stamps, strict=True):
            digest.update(f"{name}\0{stamp}".encode("utf-8", "surrogatepass"))
        kind = (
            "list" if self.is_list else f"{type(self.items).__module__}.{type(self.items).__name__}"
        )
        return {"kind": kind, "count": len(self.items), "data": digest.hexdigest()}

    @property
    def stamps(self) -> list[str]:
        """Of a list its pixels, of files what tells changed ones, of other datasets ""."""
        if self.is_list:
            self._pixels = self._pixels or [self._content(i) for i in range(len(self.names))]
            return self._pixels
        return self.file_stamps(self.files) or [""] * len(self.names)

    def _content(self, number: int) -> str:
        try:
            image = self.read(number)
        except UnreadableImage:
            return "unreadable"
        pixels = np.asarray(image)
        digest = hashlib.sha256(np.ascontiguousarray(pixels).tobytes()).hexdigest()
        return f"{pixels.dtype}{pixels.shape}{digest}"

    def _split(self, item: Any, number: int) -> tuple[Any, Any]:
        if isinstance(item, dict):
            for key in ("image", "img", "pixel_values"):
                if key in item:
                    return item[key], item.get("label", item.get("labels"))
            raise InputError(
                f"{self._where(number)} is a dict with {sorted(map(str, item))}: expected the key "
                "'image' (and maybe 'label')."
            )
        if isinstance(item, (tuple, list)) and not self.is_list:
            if not item:
                raise InputError(f"{self._where(number)} is empty: expected (image, label).")
            return item[0], item[1] if len(item) > 1 else None
        return item, None

    def _label(self, label: Any) -> str | None:
        if isinstance(label, str):
            return label
        try:
            index = int(label)
        except (TypeError, ValueError, RuntimeError):  # several labels, boxes, masks
            return None
        return self._classes[index] if 0 <= index < len(self._classes) else str(index)

    def _files(self) -> list[Path]:
        samples = getattr(self.items, "samples", None)
        if not isinstance(samples, list) or len(samples) != len(self.items):
            return []
        paths = [sample[0] for sample in samples if isinstance(sample, tuple)]
        return list(map(Path, paths)) if all(isinstance(path, str) for path in paths) else []

    def _targets(self) -> Sequence[Any]:
        for name in ("targets", "labels"):
            targets = getattr(self.items, name, None)
            if targets is not None and hasattr(targets, "__len__"):
                return targets if len(targets) == len(self.items) else ()
        return ()

    def _name(self, number: int) -> str:
        if self.files:
            root = getattr(self.items, "root", "")
            path = self.files[number]
            return (path.relative_to(root) if path.is_relative_to(root) else path).as_posix()
        item = self.items[number] if self.is_list else None
        if isinstance(item, (str, os.PathLike)):
            return Path(item).name
        file = getattr(item, "filename", "")
        return Path(file).name if isinstance(file, str) and file else f"image {number}"

    def _where(self, number: int) -> str:
        return f"Item {number} of the {'list' if self.is_list else type(self.items).__name__}"


def as_image(value: Any) -> Any:
    """An item of a list or dataset as an RGB PIL image, or the float tensor that it is."""
    if isinstance(value, Image.Image):
        return decode.to_rgb(value)
    if isinstance(value, np.ndarray):
        return decode.from_array(value)
    if isinstance(value, (str, os.PathLike)):
        return decode.read_rgb(Path(value))
    import torch

    if isinstance(value, torch.Tensor):
        if value.dtype == torch.uint8 and value.ndim == 3:
            return decode.from_array(value.cpu().numpy().transpose(1, 2, 0))
        return value
    raise InputError(
        f"a {type(value).__name__}: expected a PIL image, a path, a uint8 array (rows, columns, 3) "
        "or a tensor (channels, rows, columns)."
    )


def stat_stamps(paths: Sequence[Path]) -> list[str]:
    """Sizes and times of change of files."""
    return [file_stamp(path) for path in paths]


def file_stamp(path: Path) -> str:
    """Size and time of change of a file."""
    try:
        status = path.stat()
    except OSError:
        return "gone"
    return f"{status.st_size} {status.st_mtime_ns}"
