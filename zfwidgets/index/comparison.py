"""Which numbers of an index differ from those computed now, and what likely made them differ."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..records import Floats, Ints
from .exact import mean_of
from .partial import EMPTY, Partial, Top
from .records import TopKIndex, scale_of
from .verification import DRIFT, FILE, IMAGE, LABEL, NUMBERS, ROW, TRANSFORM, UNKNOWN

LAST = 0x7FFFFFFF
"""What an empty place's image counts as in the order of a list."""
VALUES = ("activation", "missing", "sampled maximum")
"""What tells another image."""
MANY = 4
"""From so many differing values on, an image is taken for another one."""
COUNTS_ROUND = 0.01
"""Up to which share of images or units a count may move where values are rounded otherwise."""


class _Entries:
    """A top of the index, and what those of its entries are now whose images were looked at."""

    def __init__(self, top: Top, channels: int, classes: int) -> None:
        self.top, self.classes = top, classes
        self.here = np.full(top.values.shape, np.nan, np.float32)
        self._each = max(top.values.size // channels, 1)
        self._by_image = np.argsort(top.images, axis=None, kind="stable")
        self._images = top.images.ravel()[self._by_image]

    def take(self, image: int, largest: Floats) -> None:
        first, last = np.searchsorted(self._images, [image, image + 1])
        at = self._by_image[first:last]
        self.here.flat[at] = largest[at // self._each]

    def at(self, top: Top, rows: Ints, ranks: Ints) -> dict[str, Any]:
        """What a mismatch says of entries of a top, the index's or another."""
        channels, label = np.divmod(rows, self.classes) if self.classes else (rows, -1)
        return {"row": channels, "label": label, "image": top.images[rows, ranks], "rank": ranks}


class Comparison:
    """An index beside what is computed now of some of its images.

    Parameters
    ----------
    index
        The index.
    tolerance
        What counts as rounding, as a share of a channel's strongest.
    """

    def __init__(self, index: TopKIndex, tolerance: float) -> None:
        partial, classes = index.partial, len(index.classes)
        channels = len(partial.silent)
        self._index, self._tolerance = index, tolerance
        self._tops = [_Entries(partial.top, channels, 0)]
        self._tops += [_Entries(partial.by_class, channels, classes)] if classes else []
        self._sample = np.full(partial.sample.shape, np.nan, np.float32)
        self._found: list[NDArray[Any]] = [np.zeros(0, ROW)]
        self._compared = np.zeros(len(index.manifest), np.int64)

    @property
    def counts(self) -> tuple[int, int]:
        """How many entries of tops, and how many sampled maxima, were looked at."""
        entries = sum(int((~np.isnan(part.here)).sum()) for part in self._tops)
        return entries, int((~np.isnan(self._sample)).sum())

    def note(self, what: str, cause: str, image: int) -> None:
        """An image can't be compared, or only now, or is of another class."""
        self._add(what, np.ones(1, bool), cause, image=image)

    def take(self, image: int, largest: Floats) -> None:
        """Take an image's largest activations now, (channels,)."""
        for entries in self._tops:
            entries.take(image, largest)
        self._sample[self._index.sampled == image] = largest

    def values(self, now: Partial, labels: Ints, rounds: bool) -> None:
        """Compare entries of tops and sampled maxima.

        Parameters
        ----------
        now
            What a pass over the images that were looked at gives.
        labels
            (images,) numbers of their classes now, if the index has classes.
        rounds
            Whether bits may differ.
        """
        for entries, fresh in zip(self._tops, (now.top, now.by_class), strict=False):
            self._order(entries)
            self._listed(entries, fresh, labels, rounds)
            self._missing(entries, fresh)
        sample, images = self._index.partial.sample, self._index.sampled
        rows, channels = np.nonzero(~np.isnan(self._sample))
        there, here = sample[rows, channels], self._sample[rows, channels]
        stored = 2.0**-11 * np.abs(there) + 2.0**-22 * scale_of(sample)[channels]  # in float16
        about = {"row": channels, "image": images[rows], "there": there, "here": here}
        self._add("sampled maximum", np.abs(there - here) > stored, self._drift(about), **about)

    def _order(self, entries: _Entries) -> None:
        """Find entries that stand behind weaker ones, and images that stand twice in a list."""
        values, images = entries.top.values, entries.top.images & LAST
        twice = (values[:, 1:] == values[:, :-1]) & (images[:, 1:] <= images[:, :-1])
        wrong = (values[:, 1:] > values[:, :-1]) | (twice & (images[:, 1:] != LAST))
        rows, ranks = np.nonzero(wrong)
        about = entries.at(entries.top, rows, ranks + 1)
        there = values[rows, ranks + 1]
        self._add("order", np.ones(len(rows), bool), FILE, **about, there=there)

    def _listed(self, entries: _Entries, now: Top, labels: Ints, rounds: bool) -> None:
        """Find entries whose values, places or classes are others."""
        rows, ranks = np.nonzero(~np.isnan(entries.here))
        about = entries.at(entries.top, rows, ranks)
        there, here = entries.top.values[rows, ranks], entries.here[rows, ranks]
        match = now.images[rows] == about["image"][:, None]
        places = np.where(match.any(1), now.places[rows, match.argmax(1)], -1)
        listed = entries.top.places[rows, ranks]
        about |= {"there": there, "here": here, "place_there": listed, "place_here": places}
        moved = (there == here) & (places >= 0) & (places != listed)
        self._add("activation", there != here, self._drift(about), **about)
        self._add("place", moved, DRIFT if rounds else "", **about)
        if entries.classes:
            for image in np.unique(about["image"][labels[about["image"]] != about["label"]]):
                self.note("label", LABEL, image)

    def _missing(self, entries: _Entries, now: Top) -> None:
        """Find what is stronger than a weakest entry, and isn't listed."""
        top = entries.top
        value, image = top.values[:, -1:], top.images[:, -1:]
        beats = (now.values > value) | ((now.values == value) & (now.images < image))
        rows, ranks = np.nonzero(beats & (now.images != EMPTY))
        new = ~(top.images[rows] == now.images[rows, ranks][:, None]).any(1)
        rows, ranks = rows[new], ranks[new]
        about = {**entries.at(now, rows, ranks), "rank": -1}
        about |= {"there": top.values[rows, -1], "here": now.values[rows, ranks]}
        every = np.ones(len(rows), bool)
        places = now.places[rows, ranks]
        self._add("missing", every, self._drift(about), **about, place_here=places)

    def statistics(self, now: Partial, rounds: bool) -> None:
        """Compare what counts over all images."""
        index, partial = self._index, self._index.partial
        loose = rounds or any((rows["cause"] == DRIFT).any() for rows in self._found)
        share = COUNTS_ROUND if loose else 0.0
        most = np.abs(partial.maxima - now.maxima).argmax(1)  # the bin that differs most
        channels = np.arange(len(most))
        sizes = [s.rows * s.columns for s in index.shapes]
        units = partial.measured * np.repeat(sizes, [s.channels for s in index.shapes])
        bins = (part.maxima[channels, most] for part in (partial, now))
        means = (mean_of(part.sums, partial.measured) for part in (partial, now))
        rounding = self._tolerance * partial.top.values[:, 0]
        compared: dict[str, tuple[Any, ...]] = {
            "silent images": (partial.silent, now.silent, share * partial.images),
            "histogram": (*bins, share * partial.images),
            "mean": (*means, rounding),
            "zeros": (partial.zeros / units, now.zeros / units, share),
        }
        for what, (there, here, most) in list(compared.items())[: 4 if all_measured(index) else 2]:
            drift = np.where(np.abs(there - here) <= most, DRIFT, "")
            self._add(what, there != here, drift, row=channels, there=there, here=here)

    def _drift(self, about: dict[str, Any]) -> Any:
        """The cause of differences that are small."""
        there, here = about["there"].astype(np.float64), about["here"]
        strongest = self._index.partial.top.values[about["row"], 0]
        scale = np.maximum(np.maximum(np.abs(there), np.abs(here)), strongest)
        small = (there != here) & (np.abs(there - here) <= self._tolerance * scale)
        return np.where(small, DRIFT, "").astype(object)

    def _add(self, what: str, off: NDArray[np.bool_], cause: Any, **columns: Any) -> None:
        """Keep what is off; columns have as many rows, or one value for all."""
        found = np.zeros(np.count_nonzero(off), ROW)
        nothing = {**dict.fromkeys(NUMBERS, -1), "there": np.nan, "here": np.nan}
        for name, values in {**nothing, **columns, "cause": cause, "what": what}.items():
            found[name] = np.broadcast_to(np.asarray(values, ROW[name]), off.shape)[off]
        self._found.append(found)
        if what in VALUES:
            self._compared += np.bincount(columns["image"], minlength=len(self._compared))

    def found(self, foreign: str, changed: Sequence[int], stamped: bool) -> NDArray[Any]:
        """Rows of `ROW`, each with its likely cause.

        Parameters
        ----------
        foreign
            The cause of all differences, as fingerprints tell; empty if they agree.
        changed
            Numbers of images that changed.
        stamped
            Whether a changed image would be known.
        """
        found, compared = np.concatenate(self._found), self._compared
        image, open_ = found["image"], found["cause"] == ""
        differs = open_ & np.isin(found["what"].astype(str), VALUES)
        off = np.bincount(image[differs], minlength=len(compared))
        rest = compared > 0
        rest[list(changed)] = False
        if not foreign and rest.sum() > 1 and 2 * off[rest].sum() > compared[rest].sum():
            foreign = TRANSFORM if stamped else UNKNOWN
        others = (off >= MANY) & (2 * off > compared) & (not foreign)
        others[list(changed)] = True
        found["cause"][open_ & (image >= 0) & others[image]] = IMAGE
        found["cause"][found["cause"] == ""] = foreign or FILE
        return found[np.lexsort([found[name] for name in ("rank", "label", "row")])]


def all_measured(index: TopKIndex) -> bool:
    """Whether means and shares of zeros count all images."""
    return 0 < index.measured == index.partial.images
