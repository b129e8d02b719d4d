"""Which numbers of an index differ from those computed now, and what likely made them differ."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..records import Floats, Ints
from .exact import mean_of
from .partial import Top
from .records import TopKIndex, scale_of
from .verification import (
    CAUSES,
    DRIFT,
    EITHER,
    FILE,
    IMAGE,
    LABEL,
    REMOVED,
    ROW,
    TRANSFORM,
    UNKNOWN,
    WEIGHTS,
    WHATS,
)

UNDECIDED = 255
MOST = 1_000_000
"""So many mismatches are gathered before those are dropped that no top would hold."""
LAST = 0x7FFFFFFF
"""What an empty place's image counts as in the order of a list."""
MANY = 4
"""From so many differing values on, an image is taken for another one."""
COUNTS_ROUND = 0.01
"""Up to which share of images a count may move where values are rounded otherwise."""


class Entries:
    """A `Top`'s entries, by image."""

    def __init__(self, top: Top) -> None:
        self.top = top
        images = top.images.ravel()
        self._order = np.argsort(images, kind="stable")
        self._images = images[self._order]
        self._keep = max(top.values.shape[1], 1)

    def of(self, image: int) -> tuple[Ints, Ints]:
        """Rows and ranks of an image's entries."""
        first, last = np.searchsorted(self._images, [image, image + 1])
        rows, ranks = np.divmod(self._order[first:last], self._keep)
        return rows, ranks


@dataclass(frozen=True)
class Belonging:
    """What is known of whose an index is.

    Attributes
    ----------
    model, transform
        Whether their fingerprints differ.
    changed
        Numbers of images that changed.
    stamped
        Whether a changed image would be known.
    rounds
        Whether bits may differ, as device, threads, torch or batch sizes are others.
    """

    model: bool = False
    transform: bool = False
    changed: frozenset[int] = frozenset()
    stamped: bool = True
    rounds: bool = False


@dataclass
class Comparison:
    """An index beside what is computed now, image by image.

    Parameters
    ----------
    index
        The index.
    checkable
        (channels,) whether they can be computed now.
    tolerance
        What counts as rounding, as a share of a channel's strongest.
    belonging
        Whose the index is.
    """

    index: TopKIndex
    checkable: NDArray[np.bool_]
    tolerance: float
    belonging: Belonging
    entries: int = 0
    sampled: int = 0
    largest: float = 0.0
    _found: list[NDArray[Any]] = field(default_factory=list)
    _pending: int = 0
    _checked: dict[int, list[int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        partial = self.index.partial
        self._top, self._by_class = Entries(partial.top), Entries(partial.by_class)
        self._sampled_at = {int(image): i for i, image in enumerate(partial.sampled)}
        self._scale = partial.top.values[:, 0]
        self._rounding = scale_of(partial.sample)

    def listed(self, image: int) -> Ints:
        """Channels whose top holds an image."""
        return self._top.of(image)[0]

    def beating(self, image: int, largest: Floats, channels: slice = slice(None)) -> Any:
        """(channels,) where an activation would be among the strongest."""
        top = self.index.partial.top
        value, other = top.values[channels, -1], top.images[channels, -1]
        return (largest > value) | ((largest == value) & (image < other))

    def order(self) -> None:
        """Find entries that stand behind weaker ones, and images that stand twice in a list."""
        partial = self.index.partial
        for top, classes in ((partial.top, 0), (partial.by_class, len(self.index.classes))):
            values, images = top.values, top.images & LAST
            same, other = values[:, 1:] == values[:, :-1], values[:, 1:] > values[:, :-1]
            wrong = other | (same & (images[:, 1:] < images[:, :-1]))
            by_image = np.argsort(images, 1, kind="stable")
            ranked = np.take_along_axis(images, by_image, 1)
            rows, at = np.nonzero((ranked[:, 1:] == ranked[:, :-1]) & (ranked[:, 1:] != LAST))
            wrong[rows, np.maximum(by_image[rows, at + 1] - 1, 0)] = True
            rows, ranks = np.nonzero(wrong)
            channels, labels = np.divmod(rows, classes) if classes else (rows, -1)
            self._add(
                "order",
                channels,
                rank=ranks + 1,
                image=top.images[rows, ranks + 1],
                label=labels,
                there=values[rows, ranks + 1],
                here=np.nan,
            )

    def note(self, what: str, image: int) -> None:
        """An image can't be compared, or only now."""
        self._add(what, np.array([-1]), image=image, there=np.nan, here=np.nan)

    def take(self, image: int, largest: Floats, places: Ints, label: str | None) -> None:
        """Compare what is known of an image.

        Parameters
        ----------
        image
            Its number in the index.
        largest, places
            (channels,) its largest activations now, and where they are; places need only be those
            of `listed` and `beating` channels.
        label
            The name of its class now.
        """
        partial, classes = self.index.partial, self.index.classes
        rows, ranks = self._top.of(image)
        self._entries(image, partial.top, rows, ranks, rows, largest, places)
        missing = self.checkable & self.beating(image, largest)
        missing[rows] = False
        channels = np.flatnonzero(missing)
        weakest = partial.top.values[channels, -1]
        self._missing(image, channels, weakest, largest, places, -1)
        if classes:
            self._take_class(image, largest, places, label)
        if image in self._sampled_at:
            self._sample(image, largest)

    def _take_class(self, image: int, largest: Floats, places: Ints, label: str | None) -> None:
        partial, classes = self.index.partial, self.index.classes
        number = classes.index(label) if label in classes else -1
        rows, ranks = self._by_class.of(image)
        channels, labels = np.divmod(rows, len(classes))
        if (labels != number).any():
            self._add("label", np.array([-1]), image=image, there=np.nan, here=np.nan)
        self._entries(image, partial.by_class, rows, ranks, channels, largest, places, labels)
        if number < 0:
            return
        mine = np.arange(len(largest)) * len(classes) + number
        top = partial.by_class
        value, other = top.values[mine, -1], top.images[mine, -1]
        missing = self.checkable & ((largest > value) | ((largest == value) & (image < other)))
        missing[channels[labels == number]] = False
        at = np.flatnonzero(missing)
        self._missing(image, at, value[at], largest, places, number)

    def _entries(
        self,
        image: int,
        top: Top,
        rows: Ints,
        ranks: Ints,
        channels: Ints,
        largest: Floats,
        places: Ints,
        labels: Any = -1,
    ) -> None:
        known = self.checkable[channels]
        if isinstance(labels, np.ndarray):
            labels = labels[known]
        rows, ranks, channels = rows[known], ranks[known], channels[known]
        there, here = top.values[rows, ranks], largest[channels]
        place_there, place_here = top.places[rows, ranks], places[channels]
        other_value = there != here
        other_place = ~other_value & (place_there != place_here)
        rounded = self._rounded(there, here, channels)
        self.entries += len(rows)
        self._count(image, len(rows), int((other_value & ~rounded).sum()))
        for what, where in (("activation", other_value), ("place", other_place)):
            small = rounded if what == "activation" else np.full(len(rows), self.belonging.rounds)
            self._add(
                what,
                channels[where],
                image=image,
                rank=ranks[where],
                label=labels[where] if isinstance(labels, np.ndarray) else labels,
                there=there[where],
                here=here[where],
                place_there=place_there[where],
                place_here=place_here[where],
                cause=self._drift(small[where]),
            )

    def _missing(
        self, image: int, channels: Ints, weakest: Floats, largest: Floats, places: Ints, label: int
    ) -> None:
        here = largest[channels]
        rounded = self._rounded(weakest, here, channels, count=False) & (weakest != here)
        self._count(image, len(channels), int((~rounded).sum()))
        self._add(
            "missing",
            channels,
            image=image,
            label=label,
            there=weakest,
            here=here,
            place_here=places[channels],
            cause=self._drift(rounded),
        )

    def _sample(self, image: int, largest: Floats) -> None:
        there = self.index.partial.sample[self._sampled_at[image]]
        stored = 2.0**-11 * np.abs(there) + 2.0**-22 * self._rounding  # a sample is kept in float16
        off = self.checkable & ~(np.abs(there - largest) <= stored)
        channels = np.flatnonzero(off)
        rounded = self._rounded(there[channels], largest[channels], channels)
        self.sampled += int(self.checkable.sum())
        self._count(image, int(self.checkable.sum()), int((~rounded).sum()))
        self._add(
            "sampled maximum",
            channels,
            image=image,
            there=there[channels],
            here=largest[channels],
            cause=self._drift(rounded),
        )

    def statistics(
        self, silent: Ints, maxima: Ints, sums: Ints | None = None, zeros: Ints | None = None
    ) -> None:
        """Compare what is counted over all images; ``sums`` and ``zeros`` if of all too."""
        partial = self.index.partial
        drifted = ((rows["cause"] == _number(DRIFT)).any() for rows in self._found)
        loose = self.belonging.rounds or any(drifted)
        few = COUNTS_ROUND * partial.images if loose else 0
        self._statistic("silent images", partial.silent, silent, few)
        at = np.abs(partial.maxima - maxima).argmax(1)  # the bin that differs most
        rows = np.arange(len(at))
        self._statistic("histogram", partial.maxima[rows, at], maxima[rows, at], few)
        if sums is not None and zeros is not None:
            there, here = (mean_of(part, partial.measured) for part in (partial.sums, sums))
            self._statistic("mean", there, here, self.tolerance * self._scale)
            units = partial.measured * np.repeat(
                [shape.rows * shape.columns for shape in self.index.shapes],
                [shape.channels for shape in self.index.shapes],
            )
            share = COUNTS_ROUND if loose else 0
            self._statistic("zeros", partial.zeros / units, zeros / units, share)

    def _statistic(self, what: str, there: Any, here: Any, rounding: Any) -> None:
        at = np.flatnonzero(self.checkable & (there != here))
        small = np.abs(there - here) <= rounding
        self._add(what, at, there=there[at], here=here[at], cause=self._drift(small[at]))

    def _rounded(self, there: Floats, here: Floats, channels: Ints, count: bool = True) -> Any:
        """Where values differ by rounding only, or not at all."""
        scale = np.maximum(np.maximum(np.abs(there), np.abs(here)), self._scale[channels])
        with np.errstate(invalid="ignore"):
            difference = np.abs(there.astype(np.float64) - here)
            small = difference <= self.tolerance * scale
        if count and len(there):
            share = np.divide(difference, scale, out=np.zeros(len(there)), where=difference != 0)
            self.largest = max(self.largest, float(np.nan_to_num(share, nan=np.inf).max()))
        return small

    def _drift(self, rounded: NDArray[np.bool_]) -> Any:
        return np.where(rounded, _number(DRIFT), UNDECIDED)

    def _count(self, image: int, checked: int, off: int) -> None:
        counts = self._checked.setdefault(image, [0, 0])
        counts[0] += checked
        counts[1] += off

    def _add(self, what: str, rows: Ints, **columns: Any) -> None:
        if not len(rows):
            return
        found = np.zeros(len(rows), ROW)
        for name in ("rank", "image", "label", "place_there", "place_here"):
            found[name] = -1
        found["cause"], found["what"], found["row"] = UNDECIDED, WHATS.index(what), rows
        for name, values in columns.items():
            found[name] = values
        self._found.append(found)
        self._pending += len(found)
        if self._pending > MOST:
            self._found = [self._kept()]
            self._pending = 0

    def _kept(self) -> NDArray[Any]:
        """What was found, sorted; of missing activations as many as a top would hold."""
        found = np.concatenate([np.zeros(0, ROW), *self._found])
        missing = found["what"] == WHATS.index("missing")
        strength = np.where(missing, -found["here"], 0)
        last, first = ("image", "rank"), ("what", "label", "row")
        keys = [*(found[name] for name in last), strength, *(found[name] for name in first)]
        found = found[np.lexsort(keys)]
        group = np.stack([found["row"], found["label"], found["what"]], 1)
        new = np.append(True, (np.diff(group, axis=0) != 0).any(1))[: len(found)]
        begins = np.maximum.accumulate(np.where(new, np.arange(len(found)), 0))
        nth = np.arange(len(found)) - begins
        tops = self.index.partial.top, self.index.partial.by_class
        most = np.where(found["label"] < 0, *(top.values.shape[1] for top in tops))
        kept = (found["what"] != WHATS.index("missing")) | (nth < most)
        return np.asarray(found[kept])

    def found(self) -> NDArray[Any]:
        """Rows of `ROW`, each with its likely cause."""
        found = self._kept()
        open_ = found["cause"] == UNDECIDED
        by_what = {
            "removed": REMOVED,
            "label": LABEL,
            "readable": IMAGE,
            "unreadable": IMAGE,
            "order": FILE,
        }
        for what, cause in by_what.items():
            found["cause"][open_ & (found["what"] == WHATS.index(what))] = _number(cause)
        changed = self.belonging.changed | (set() if self._foreign else self._others())
        of_image = np.isin(found["image"], list(changed)) & (found["cause"] == UNDECIDED)
        found["cause"][of_image] = _number(IMAGE)
        found["cause"][found["cause"] == UNDECIDED] = _number(self._foreign or FILE)
        return found

    @property
    def _foreign(self) -> str:
        """The cause of what differs everywhere; empty if the fingerprints and most values agree."""
        belonging = self.belonging
        if belonging.model or belonging.transform:
            both = belonging.model and belonging.transform
            return EITHER if both else WEIGHTS if belonging.model else TRANSFORM
        rest = [n for image, n in self._checked.items() if image not in belonging.changed]
        checked, off = (sum(counts[i] for counts in rest) for i in range(2))
        if len(rest) > 1 and 2 * off > checked:
            return TRANSFORM if belonging.stamped else UNKNOWN
        return ""

    def _others(self) -> set[int]:
        """Images most of whose values differ."""
        return {
            image
            for image, (checked, off) in self._checked.items()
            if off >= MANY and 2 * off > checked
        }


def _number(cause: str) -> int:
    return CAUSES.index(cause)
