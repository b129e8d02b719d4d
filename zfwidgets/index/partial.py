"""What a pass knows of some of the batches, as arrays: the unit that is kept, sent and merged.

All layers' channels stand one after another. `merged` is associative and commutative, bit by bit:
tops are ordered by value, then image number (the place in the map is the first largest one, row by
row), everything else is counted in integers, and the sample is a set.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..records import Floats, Ints
from .exact import BINS, carried

EMPTY = -1
"""The image of an empty place."""


@dataclass(frozen=True)
class Top:
    """Rows of strongest activations above zero, one per image, strongest first.

    Attributes
    ----------
    values
        (rows, k) float32. In an empty place what no image that isn't listed can exceed: zero
        where all are listed, else what was weakest before images were taken out.
    images
        (rows, k) int32, `EMPTY` in empty places.
    places
        (rows, k) int32: row x columns + column in the map.
    """

    values: Floats
    images: NDArray[np.int32]
    places: NDArray[np.int32]

    @classmethod
    def empty(cls, rows: int, keep: int) -> Top:
        """A ranking of nothing."""
        return cls(
            np.zeros((rows, keep), np.float32),
            np.full((rows, keep), EMPTY, np.int32),
            np.zeros((rows, keep), np.int32),
        )

    def merged(self, other: Top) -> Top:
        """The strongest of both, which have no image in common."""
        values, images, places = (
            np.concatenate([getattr(self, name), getattr(other, name)], 1)
            for name in ("values", "images", "places")
        )
        last = images & 0x7FFFFFFF  # an empty place comes after images of the same value
        order = np.lexsort((last, -values), 1)[:, : self.values.shape[1]]
        return Top(*(np.take_along_axis(part, order, 1) for part in (values, images, places)))

    def of_rows(self, rows: slice | Ints) -> Top:
        """These rows."""
        return Top(self.values[rows], self.images[rows], self.places[rows])

    def renumbered(self, numbers: Ints) -> Top:
        """With image i called ``numbers[i]``; -1 takes its entries out."""
        there = self.images != EMPTY
        images = np.where(there, numbers[np.where(there, self.images, 0)], EMPTY)
        gone = images == EMPTY
        kept = Top(
            np.where(gone, self.values[:, -1:], self.values),
            images.astype(np.int32),
            np.where(gone, 0, self.places).astype(np.int32),
        )
        return kept.merged(Top.empty(len(self.values), 0))


@dataclass(frozen=True)
class Partial:
    """Results of some batches of a plan.

    Attributes
    ----------
    batches
        Numbers of the batches, ascending.
    bad
        Images that can't be used, by number: why.
    top
        Strongest activations of all channels.
    by_class
        Strongest of all channels x classes, row ``channel * classes + class``; without classes no
        rows.
    images
        How many were counted in ``silent`` and ``maxima``.
    silent
        (channels,) images without a unit above zero.
    maxima
        (channels, BINS) images by their largest activation (`zfwidgets.index.exact.edges`).
    measured
        How many images are counted in ``sums`` and ``zeros``.
    sums, zeros
        (channels, 2) sums of the images' mean activations (`zfwidgets.index.exact`);
        (channels,) units that aren't above zero.
    sampled, sample
        (images,) ascending, and (images, channels) float32: their largest activations.
    smaller
        The smallest batch that memory allowed; 0 if all were as planned.
    """

    batches: Ints
    bad: Mapping[int, str]
    top: Top
    by_class: Top
    images: int
    silent: Ints
    maxima: Ints
    measured: int
    sums: Ints
    zeros: Ints
    sampled: Ints
    sample: Floats
    smaller: int = 0

    @classmethod
    def empty(cls, channels: int, keep: int, classes: int = 0, keep_by_class: int = 0) -> Partial:
        """What is known of no batch."""
        return cls(
            np.empty(0, np.int64),
            {},
            Top.empty(channels, keep),
            Top.empty(channels * classes, keep_by_class),
            0,
            np.zeros(channels, np.int64),
            np.zeros((channels, BINS), np.int64),
            0,
            np.zeros((channels, 2), np.int64),
            np.zeros(channels, np.int64),
            np.empty(0, np.int64),
            np.empty((0, channels), np.float32),
        )

    def of_rows(self, rows: slice | Ints) -> Partial:
        """The part of these channels only."""
        channels = len(self.silent)
        by_class = np.arange(len(self.by_class.values)).reshape(channels, -1)
        in_class = by_class[rows].ravel()
        return replace(
            self,
            top=self.top.of_rows(rows),
            by_class=self.by_class.of_rows(in_class),
            sample=self.sample[:, rows],
            **{name: getattr(self, name)[rows] for name in ("silent", "maxima", "sums", "zeros")},
        )

    def merged(self, other: Partial) -> Partial:
        """What is known of the batches of both.

        Raises
        ------
        InputError
            They have batches in common, or are of different networks or settings.
        """
        common = np.intersect1d(self.batches, other.batches)
        if len(common):
            raise InputError(f"Batch {int(common[0])} is in both of the parts to be merged.")
        for name in ("top", "by_class"):
            mine, theirs = (getattr(part, name).values.shape for part in (self, other))
            if mine != theirs:
                raise InputError(f"Parts to be merged differ: {name} has {mine} and {theirs}.")
        sampled = np.concatenate([self.sampled, other.sampled])
        order = np.argsort(sampled, kind="stable")
        sizes = [part.smaller for part in (self, other) if part.smaller]
        return Partial(
            np.sort(np.concatenate([self.batches, other.batches])),
            dict(sorted({**self.bad, **other.bad}.items())),
            self.top.merged(other.top),
            self.by_class.merged(other.by_class),
            self.images + other.images,
            self.silent + other.silent,
            self.maxima + other.maxima,
            self.measured + other.measured,
            carried(self.sums + other.sums),
            self.zeros + other.zeros,
            sampled[order],
            np.concatenate([self.sample, other.sample])[order],
            min(sizes, default=0),
        )

    def to_arrays(self) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
        """Arrays and a JSON description of the rest."""
        arrays: dict[str, NDArray[Any]] = {}
        about: dict[str, Any] = {"bad": list(self.bad.items())}
        for name in (field.name for field in fields(self)):
            value = getattr(self, name)
            if isinstance(value, np.ndarray):
                arrays[name] = value
            elif isinstance(value, Top):
                arrays.update({f"{name}.{part}": array for part, array in vars(value).items()})
            elif name != "bad":
                about[name] = value
        return arrays, about

    @classmethod
    def of_arrays(cls, arrays: Mapping[str, NDArray[Any]], about: Mapping[str, Any]) -> Partial:
        """What `to_arrays` gave; raises KeyError, TypeError or ValueError for something else."""
        tops = {
            name: Top(*(arrays[f"{name}.{part.name}"] for part in fields(Top)))
            for name in ("top", "by_class")
        }
        names = [field.name for field in fields(cls) if field.name not in {*tops, "bad"}]
        rest: dict[str, Any] = {
            name: arrays[name] if name in arrays else int(about[name]) for name in names
        }
        bad = {int(number): str(why) for number, why in about["bad"]}
        return cls(bad=bad, **{**rest, **tops})
