"""Labelled images as a network gets them."""

from __future__ import annotations

import hashlib
from collections.abc import Generator, Iterable, Sequence
from contextlib import closing
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ...errors import InputError
from ...images.source import ImageSource
from ...records import Ints

KEPT = 512 * 2**20
"""Bytes of tensors that are kept, so that the next pass decodes none of them again."""


class Labelled:
    """Images with class numbers; make one with `Labelled.of`.

    Attributes
    ----------
    source : ImageSource
        The images.
    labels : (images,) int64
        Class numbers: indices into ``classes``, which are those of a network's outputs.
    classes : tuple of str
        Their names.
    what : str
        What errors call the images.
    """

    def __init__(
        self, source: ImageSource, labels: Ints, classes: tuple[str, ...], what: str
    ) -> None:
        self.source, self.labels, self.classes, self.what = source, labels, classes, what
        self._kept: dict[int, Tensor] = {}
        size = 4 * int(np.prod(source.shape))
        self._room = KEPT // size

    @classmethod
    def of(
        cls,
        data: Any,
        transform: Any = None,
        *,
        classes: Sequence[str] | None = None,
        like: ImageSource | None = None,
        what: str = "data",
    ) -> Labelled:
        """Open labelled images.

        Parameters
        ----------
        data
            A folder of class folders, a map-style Dataset of (image, label, ...), a list of
            (image, label), or a `Labelled`, which is taken as it is. Labels are class numbers, or
            class names. A Dataset that doesn't list its labels (``targets``, ``labels`` or
            ``samples``, as torchvision's do) is read once now.
        transform
            As in `zfwidgets.Engine`: the same pixels each time.
        classes
            Names in the order of the network's outputs; None: those of the data (``classes``,
            folders in alphabetical order, or numbers).
        like
            Take this source's transform, and give tensors of its shape.
        what
            What errors call the images.

        Raises
        ------
        InputError
            An image has no label, or a label that isn't among the classes.
        """
        if isinstance(data, Labelled):
            return data
        if isinstance(data, (list, tuple)):
            data = _Pairs(data, what)
        source = ImageSource.of(data, transform) if like is None else like.alike(data)
        own = tuple(map(str, getattr(data, "classes", None) or ()))
        known = tuple(classes or own)
        numbered = not own or own == known  # else its numbers mean other classes
        targets = getattr(data, "targets", None) if numbered else None
        return cls.of_source(source, known, what, targets)

    @classmethod
    def of_source(
        cls,
        source: ImageSource,
        classes: Sequence[str] | None,
        what: str,
        targets: Sequence[Any] | None = None,
    ) -> Labelled:
        """The images of a source that has labels; ``targets`` are class numbers, if known."""
        names = list(source.labels)
        if any(name is None for name in names):
            with closing(source.tensors(range(len(source)))) as reading:
                for _ in reading:
                    pass
            names = list(source.labels)
        bad = {skipped.name for skipped in source.skipped}
        known = tuple(classes or _in_order({name for name in names if name is not None}))
        numbers = _numbers(targets, names, known)
        for image, number in enumerate(numbers):
            if number < 0 and source.names[image] not in bad:
                label = names[image]
                problem = "has no label" if label is None else f"has the label {label!r}"
                raise InputError(
                    f"{source.names[image]!r} of the {what} {problem}: expected one of "
                    f"{_listed(known)}. Pass a folder with a folder for each class, or a Dataset "
                    "of (image, class number)."
                )
        return cls(source, numbers, known, what)

    @classmethod
    def unlabelled(cls, source: ImageSource, what: str) -> Labelled:
        """Images whose labels don't matter: all are -1."""
        return cls(source, np.full(len(source), -1, dtype=np.int64), (), what)

    def __len__(self) -> int:
        return len(self.labels)

    @classmethod
    def to_train(
        cls, data: Any, validation: Any, transform: Any, classes: Any
    ) -> tuple[Labelled, Labelled | None]:
        """Images to train on, of two classes at least, and those to validate on, if any."""
        examples = cls.of(data, transform, classes=classes, what="training data")
        examples.check_classes()
        if validation is None:
            return examples, None
        names = examples.classes
        return examples, cls.of(validation, transform, classes=names, what="validation data")

    def check_classes(self) -> None:
        """Raise `InputError` unless there are images of two classes or more."""
        there = np.unique(self.labels[self.labels >= 0])
        if len(there) < 2:
            only = self.classes[int(there[0])] if len(there) else "none"
            raise InputError(
                f"The {self.what} has one class only ({only!r}): there is nothing to tell apart. "
                "Pass images of two classes or more."
            )

    def tensors(self, order: Iterable[int]) -> Generator[tuple[int, Tensor], None, None]:
        """(index, tensor) of the images that can be read, in that order, kept while they fit."""
        order = list(order)
        missing = [number for number in order if number not in self._kept]
        with closing(self.source.tensors(missing)) as fresh:
            ahead = next(fresh, None)
            for number in order:
                if number in self._kept:
                    yield number, self._kept[number]
                elif ahead is not None and ahead[0] == number:
                    if len(self._kept) < self._room:
                        self._kept[number] = ahead[1]
                    yield ahead
                    ahead = next(fresh, None)

    def batches(
        self, order: Iterable[int], size: int
    ) -> Generator[tuple[Ints, Tensor, Tensor], None, None]:
        """(indices, images, labels) of ``size`` images; those that can't be read are left out.

        A batch of which none can be read has none.
        """
        order = list(order)
        with closing(self.tensors(order)) as reading:
            ahead = next(reading, None)
            for start in range(0, len(order), size):
                wanted = set(order[start : start + size])
                batch = []
                while ahead is not None and ahead[0] in wanted:
                    batch.append(ahead)
                    ahead = next(reading, None)
                indices = np.array([number for number, _ in batch], dtype=np.int64)
                images = torch.empty(0, *self.source.shape)
                if batch:
                    images = torch.stack([tensor for _, tensor in batch])
                yield indices, images, torch.from_numpy(self.labels[indices])

    @property
    def skipped(self) -> tuple[tuple[str, str], ...]:
        """(name, reason) of images that can't be read, as far as they have been looked at."""
        return tuple((skipped.name, skipped.reason) for skipped in self.source.skipped)

    @property
    def fingerprint(self) -> str:
        """A digest of images, transform and labels, the same in every process."""
        parts = self.source.fingerprint()
        digest = hashlib.sha256(self.labels.tobytes() + "\0".join(self.classes).encode())
        probe = ",".join(f"{value:.3g}" for value in self.source.probe)
        for key in sorted(parts):
            digest.update(f"{key}={parts[key]}".encode())
        digest.update(probe.encode())
        return digest.hexdigest()[:32]


class _Pairs:
    """A list of (image, label) as a Dataset."""

    def __init__(self, pairs: Sequence[Any], what: str) -> None:
        if not pairs:
            raise InputError(f"The {what} is empty: pass at least one image.")
        for number, pair in enumerate(pairs):
            if not isinstance(pair, (tuple, list)) or len(pair) != 2:
                raise InputError(
                    f"Item {number} of the {what} is a {type(pair).__name__}: expected (image, "
                    "label)."
                )
        self.pairs = pairs
        self.targets = [label for _, label in pairs]

    def __len__(self) -> int:
        return len(self.pairs)

    def __getitem__(self, number: int) -> Any:
        return tuple(self.pairs[number])


def _in_order(names: set[str]) -> list[str]:
    """Class names: numbers from 0 to the largest where all are numbers, else alphabetically."""
    if names and all(name.isdecimal() for name in names):
        return [str(number) for number in range(max(map(int, names)) + 1)]
    return sorted(names)


def _numbers(
    targets: Sequence[Any] | None, names: Sequence[str | None], classes: tuple[str, ...]
) -> Ints:
    """Class numbers of names, -1 for what isn't a class."""
    if targets is not None and len(targets) == len(names):
        try:  # two classes may have one name: ImageNet's crane, the bird and the machine
            numbers = np.array([int(target) for target in targets], dtype=np.int64)
        except (TypeError, ValueError):
            pass
        else:
            return np.where((numbers >= 0) & (numbers < len(classes)), numbers, -1)
    place = {name: number for number, name in reversed(list(enumerate(classes)))}
    return np.array([place.get(name, -1) if name else -1 for name in names], dtype=np.int64)


def _listed(classes: Sequence[str]) -> str:
    shown = ", ".join(map(repr, classes[:6]))
    return f"{shown}, ... ({len(classes)} classes)" if len(classes) > 6 else shown
