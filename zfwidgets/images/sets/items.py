"""What items of datasets and lists consist of, and map-style datasets and lists as image sets."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ...errors import InputError, UnreadableImage
from ...threads import ProcessLock
from ..pixels import decode
from .base import FileStamps, digest, stat_stamps
from .naming import file_names, unique

IMAGES = ("image", "img", "pixel_values")
LABELS = ("label", "labels", "cls")
"""What a dict's entries may be called."""


@dataclass(frozen=True)
class Parts:
    """An item of a dataset, taken apart."""

    image: Any
    label: Any = None
    name: str = ""


def parts(item: Any, where: str) -> Parts:
    """Take apart an image, (image, label, ...), or a dict; ``where`` is what errors call it."""
    if isinstance(item, Parts):
        return item
    if isinstance(item, Mapping):
        label = next((item[key] for key in LABELS if key in item), None)
        return Parts(item[_image_key(item, where)], label, str(item.get("__key__", "")))
    if isinstance(item, (tuple, list)):
        if not item:
            raise InputError(f"{where} is empty: expected (image, label).")
        return Parts(item[0], item[1] if len(item) > 1 else None)
    return Parts(item)


def _image_key(item: Mapping[Any, Any], where: str) -> Any:
    """Where a dict has its image; keys may be file endings, as in tar shards."""
    for key in IMAGES:
        if key in item:
            return key
    keys = list(map(str, item))
    found = [key for key in keys if f".{key.rpartition('.')[2].lower()}" in decode.SUFFIXES]
    if len(found) == 1:
        return found[0]
    raise InputError(
        f"{where} is a dict with {sorted(keys)}: expected the key 'image' (and maybe 'label')"
        f"{f', or one image only, not {len(found)}' if found else ''}."
    )


def class_name(label: Any, classes: Sequence[str]) -> str | None:
    """A label as the name of a class; None if there is none, or several."""
    if isinstance(label, bytes):
        label = label.decode("utf-8", "replace").strip()
        label = int(label) if label.isdecimal() else label
    if isinstance(label, str):
        return label
    try:
        index = int(label)
    except (TypeError, ValueError, RuntimeError):  # none, several labels, boxes, masks
        return None
    return classes[index] if 0 <= index < len(classes) else str(index)


def as_image(value: Any) -> Any:
    """An item of a list or dataset as an RGB PIL image, or the float tensor that it is."""
    if isinstance(value, Image.Image):
        return decode.to_rgb(value)
    if isinstance(value, np.ndarray):
        return decode.from_array(value)
    if isinstance(value, bytes):
        return decode.read_rgb(value)
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


class Items:
    """A map-style Dataset or a list: items are images, (image, label, ...) or dicts.

    Items are read one at a time, since a dataset needn't be safe to read from several threads;
    its labels are taken from ``samples``, ``targets`` or ``labels`` where it has them (or where
    that has them of which it is a ``Subset``), else they are known once an item has been read.
    """

    by_file = False
    rejected: Sequence[tuple[str, str]] = ()

    def __init__(self, items: Any) -> None:
        self.items = items
        self.is_list = isinstance(items, (list, tuple))
        self._reading = ProcessLock()
        self._pixels: list[str] = []
        self.file_stamps: FileStamps = stat_stamps
        whole, chosen = _unwrapped(items)
        self._classes = tuple(map(str, getattr(whole, "classes", None) or ()))
        files = _files(whole)
        self.files = [files[number] for number in chosen] if files else []
        root = getattr(whole, "root", "")
        if self.files and not all(path.is_relative_to(root) for path in self.files):
            self.names = file_names(self.files)
        else:
            self.names = unique(self._name(number, root) for number in range(len(items)))
        self.labels: list[str | None] = [None] * len(items)
        if targets := _targets(whole):
            self.labels = [class_name(targets[number], self._classes) for number in chosen]

    def read(self, number: int) -> Any:
        """The item's image: RGB PIL image or tensor."""
        where = self._where(number)
        with self._reading:
            try:
                item = self.items[number]
            except Exception as error:  # a dataset may raise anything
                why = f"{type(error).__name__}: {error}"
                raise UnreadableImage(f"{where}: {why}", why) from error
            found = Parts(item) if self.is_list and not _is_dict(item) else parts(item, where)
            if found.label is not None and self.labels[number] is None:
                self.labels[number] = class_name(found.label, self._classes)
            try:
                return as_image(found.image)
            except UnreadableImage as error:
                raise UnreadableImage(f"{where}: {error.reason}", error.reason) from error
            except InputError as error:
                raise InputError(f"{where} is {error}") from error
            except decode.DECODE_ERRORS as error:
                why = decode.reason(error)
                raise UnreadableImage(f"{where}: {why}", why) from error

    def encoded(self, number: int) -> None:
        """A dataset decodes by itself."""

    def fingerprint(self) -> dict[str, str | int]:
        """For a list, its pixels; for a dataset, its type, length, names and files' stamps.

        Pixels of a dataset aren't all read for this; the probes of `ImageSource` see some.
        """
        kind = (
            "list" if self.is_list else f"{type(self.items).__module__}.{type(self.items).__name__}"
        )
        return {"kind": kind, "count": len(self.names), "data": digest(self.names, self.stamps)}

    @property
    def stamps(self) -> list[str]:
        """What tells a changed item: a list's pixels, a file's stamp; "" for other datasets."""
        if self.is_list:
            self._pixels = self._pixels or [self._content(i) for i in range(len(self.names))]
            return self._pixels
        known_by = getattr(self.items, "zfwidgets_stamp", "")
        return self.file_stamps(self.files) or [known_by] * len(self.names)

    def stamp(self, number: int) -> str:
        """One item's; of a list the one that is known, as its pixels take time to look at."""
        if self.files:
            return self.file_stamps([self.files[number]])[0]
        if self.is_list:
            return self.stamps[number]
        return getattr(self.items, "zfwidgets_stamp", "")

    def _content(self, number: int) -> str:
        try:
            image = self.read(number)
        except UnreadableImage:
            return "unreadable"
        pixels = np.asarray(image)
        content = hashlib.sha256(np.ascontiguousarray(pixels).tobytes()).hexdigest()
        return f"{pixels.dtype}{pixels.shape}{content}"

    def _name(self, number: int, root: str) -> str:
        if self.files:
            return self.files[number].relative_to(root).as_posix()
        item = self.items[number] if self.is_list else None
        if isinstance(item, (str, os.PathLike)):
            return Path(item).name
        file = getattr(item, "filename", "")
        return Path(file).name if isinstance(file, str) and file else f"image {number}"

    def _where(self, number: int) -> str:
        return f"Item {number} of the {'list' if self.is_list else type(self.items).__name__}"


def _is_dict(item: Any) -> bool:
    return isinstance(item, Mapping)


def _unwrapped(items: Any) -> tuple[Any, Sequence[int]]:
    """What a ``Subset`` (of a ``Subset``) was taken from, and which of its items."""
    chosen: Sequence[int] = range(len(items))
    while hasattr(items, "dataset") and hasattr(items, "indices"):
        if len(items.indices) != len(items):
            break
        chosen = [int(items.indices[number]) for number in chosen]
        items = items.dataset
    return items, chosen


def _files(items: Any) -> list[Path]:
    samples = getattr(items, "samples", None)
    if not isinstance(samples, list) or len(samples) != len(items):
        return []
    paths = [sample[0] for sample in samples if isinstance(sample, tuple)]
    return list(map(Path, paths)) if all(isinstance(path, str) for path in paths) else []


def _targets(items: Any) -> Sequence[Any]:
    for name in ("targets", "labels"):
        targets = getattr(items, name, None)
        if targets is not None and hasattr(targets, "__len__"):
            return targets if len(targets) == len(items) else ()
    return ()
