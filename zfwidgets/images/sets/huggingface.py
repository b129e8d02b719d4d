"""Hugging Face datasets: the image column found by its feature, decoded as files are.

Whoever has such a dataset has imported the library, so nothing here does before it is needed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

from PIL import Image

from ...errors import InputError, UnreadableImage
from ...threads import ProcessLock
from ..pixels import decode
from .base import ImageSet, digest, file_stamp, is_of
from .items import IMAGES, Items, Parts, class_name
from .naming import file_names

DECODED = "pixel_values"
"""What a dataset's own transform calls what the network gets."""


def is_dataset(images: Any) -> bool:
    """Whether it is a `datasets.Dataset`."""
    return is_of(images, "datasets.arrow_dataset", "Dataset")


def is_stream(images: Any) -> bool:
    """Whether it is a `datasets.IterableDataset`."""
    return is_of(images, "datasets.iterable_dataset", "IterableDataset")


@dataclass(frozen=True)
class Columns:
    """Where a dataset has its images and labels.

    Attributes
    ----------
    image, label
        Names of columns; "" where there are no labels.
    classes
        Names of the labels' classes, where they are numbers.
    as_they_are
        Whether the images are to be had as their files have them, not in another mode.
    """

    image: str
    label: str
    classes: tuple[str, ...]
    as_they_are: bool

    @classmethod
    def of(cls, features: Mapping[str, Any]) -> Columns:
        """Find them by their features; raises `InputError` where there is no image or a choice."""
        import datasets

        images = [name for name, kind in features.items() if isinstance(kind, datasets.Image)]
        labels = [name for name, kind in features.items() if isinstance(kind, datasets.ClassLabel)]
        if not images:
            kinds = ", ".join(
                f"{name!r} ({type(kind).__name__})" for name, kind in features.items()
            )
            raise InputError(
                f"The dataset has no column of images, but {kinds or 'no columns'}. Say which one "
                "it is: dataset.cast_column(name, datasets.Image())."
            )
        for found, what in ((images, "images"), (labels, "class labels")):
            if len(found) > 1:
                chosen = [found[0], *(labels if what == "images" else images)[:1]]
                raise InputError(
                    f"The dataset has several columns of {what} ({', '.join(map(repr, found))}): "
                    f"choose one, dataset.select_columns({chosen})."
                )
        if not labels and "label" in features:
            labels = ["label"]
        classes = getattr(features[labels[0]], "names", None) if labels else None
        return cls(
            images[0],
            labels[0] if labels else "",
            tuple(classes or ()),
            features[images[0]].mode is None,
        )

    def of_files(self, rows: Any) -> Any:
        """A dataset of only these columns, whose images aren't decoded."""
        import datasets

        names = [name for name in (self.image, self.label) if name]
        return rows.select_columns(names).cast_column(self.image, datasets.Image(decode=False))


def open_rows(rows: Any) -> ImageSet:
    """A `datasets.Dataset` as an image set.

    One with a transform of its own (``set_transform``), or with images of a chosen mode, is read
    through the library; else images are decoded as files are.
    """
    columns = Columns.of(rows.features)
    if not len(rows):
        raise InputError("The dataset has no rows.")
    if rows.format["type"] == "custom" or not columns.as_they_are:
        return Items(_ReadByLibrary(rows, columns))
    return Rows(rows.with_format(None), columns)


class Rows:
    """The rows of a `datasets.Dataset`."""

    by_file = True
    rejected: Sequence[tuple[str, str]] = ()

    def __init__(self, rows: Any, columns: Columns) -> None:
        self._column = columns.image
        self._rows = columns.of_files(rows)
        self._reading = ProcessLock()
        self._known_by = _fingerprint(rows)
        flat = self._rows.select_columns([columns.image]).flatten()
        self.paths: list[str | None] = flat.select_columns([f"{columns.image}.path"])[:][
            f"{columns.image}.path"
        ]
        if all(self.paths):
            self.names = file_names([PurePath(path) for path in self.paths if path])
        else:
            self.names = [f"image {number}" for number in range(len(rows))]
        self.labels: list[str | None] = [
            class_name(label, columns.classes) for label in _labels(rows, columns)
        ]

    def encoded(self, number: int) -> decode.File:
        """The row's file, or its bytes."""
        try:
            with self._reading:
                return _file(self._rows[number][self._column])
        except Exception as error:  # the library and file systems may raise anything
            why = decode.reason(error)
            raise UnreadableImage(f"{self.names[number]}: {why}", why) from error

    def read(self, number: int) -> Image.Image:
        """The decoded image in RGB."""
        return decode.read_rgb(self.encoded(number), self.names[number])

    @property
    def stamps(self) -> list[str]:
        """The dataset's fingerprint, and of files sizes and times of change."""
        return [self.stamp(number) for number in range(len(self.paths))]

    def stamp(self, number: int) -> str:
        """The dataset's fingerprint, and of a file its size and time of change."""
        path = self.paths[number]
        if not path or not Path(path).is_absolute():
            return self._known_by
        return f"{self._known_by} {file_stamp(Path(path))}"

    def fingerprint(self) -> dict[str, str | int]:
        """Names and stamps."""
        data = digest(self.names, self.stamps)
        return {"kind": "datasets.Dataset", "count": len(self.names), "data": data}


class _ReadByLibrary:
    """A `datasets.Dataset` as a map-style dataset of (image, label), decoded by the library."""

    def __init__(self, rows: Any, columns: Columns) -> None:
        self._rows, self._columns = rows, columns
        self.classes = columns.classes
        self.targets = _labels(rows.with_format(None), columns)
        self.zfwidgets_stamp = _fingerprint(rows)

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, number: int) -> tuple[Any, None]:
        row = self._rows[number]
        for key in (DECODED, self._columns.image, *IMAGES):
            if key in row:
                return row[key], None
        raise InputError(
            f"the dataset's transform gives {sorted(row)}: expected {DECODED!r} or "
            f"{self._columns.image!r}"
        )


@dataclass
class Stream:
    """A `datasets.IterableDataset` as an iterable of images that aren't decoded."""

    rows: Any
    columns: Columns | None
    classes: tuple[str, ...]

    @classmethod
    def of(cls, rows: Any) -> Stream:
        """Find its columns, if it knows any."""
        if not rows.features:
            return cls(rows, None, ())
        columns = Columns.of(rows.features)
        if columns.as_they_are:
            rows = columns.of_files(rows.with_format(None))
        return cls(rows, columns, columns.classes)

    def __iter__(self) -> Iterator[Any]:
        columns = self.columns
        if columns is None:
            yield from self.rows
            return
        for row in self.rows:
            image = row[columns.image]
            label = _known(row[columns.label]) if columns.label else None
            yield Parts(_file(image) if isinstance(image, dict) else image, label)


def _fingerprint(rows: Any) -> str:
    """The library's own, of the data and all that was done to it."""
    return str(getattr(rows, "_fingerprint", ""))


def _labels(rows: Any, columns: Columns) -> list[Any]:
    if not columns.label:
        return [None] * len(rows)
    found: list[Any] = rows.select_columns([columns.label])[:][columns.label]
    return list(map(_known, found))


def _known(label: Any) -> Any:
    """A label; None where the library's -1 says that there is none."""
    return None if label == -1 else label


def _file(value: Any) -> decode.File:
    """What the library calls an image that isn't decoded."""
    data, path = value["bytes"], value["path"]
    if data is not None:
        return bytes(data)
    if "://" not in path:
        return Path(path)
    import fsspec  # the library's way to files in archives and elsewhere

    with fsspec.open(path, "rb") as file:
        return bytes(file.read())
