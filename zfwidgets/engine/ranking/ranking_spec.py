"""What an index pass is to keep."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from ...errors import InputError
from ...records import Ints

KEEP = 16
"""Activations kept per channel."""
SHOWN = 9
"""Activations of a channel that are shown together, as in the paper."""
RESERVE = 4
"""How many more, for images that are removed later."""
SAMPLE = 256
"""Images whose maxima are kept for every channel."""
MEASURED = 64
"""Images of which all units are counted, where not all images are."""
MOST_BY_CLASS = 2 * 2**30
"""Bytes that tops by class may take."""


@dataclass(frozen=True)
class RankingSpec:
    """What a pass keeps.

    Attributes
    ----------
    keep
        Activations per channel.
    sampled
        Numbers of the images whose maxima are kept.
    measured
        Numbers of the images of which every unit is counted (`LayerIndex.mean`, ``zeros``); None
        means all.
    classes, labels, keep_by_class
        Names, the number of each image's class (-1 for none), and activations per channel and
        class.
    """

    keep: int = KEEP
    sampled: frozenset[int] = frozenset()
    measured: frozenset[int] | None = None
    classes: tuple[str, ...] = ()
    labels: Ints = field(default_factory=lambda: np.empty(0, np.int64))
    keep_by_class: int = 0

    def measures(self, number: int) -> bool:
        """Whether all units of an image are counted."""
        return self.measured is None or number in self.measured

    @classmethod
    def of(
        cls,
        names: Sequence[str],
        labels: Sequence[str | None] = (),
        *,
        keep: int = KEEP,
        pixels: bool = False,
        by_class: int = 0,
        channels: int = 0,
    ) -> RankingSpec:
        """What to keep of these images.

        Parameters
        ----------
        names, labels
            The images' names and class labels.
        keep
            Activations per channel.
        pixels
            Whether every unit of all images is counted, not only of `MEASURED` (of all, where
            they are no more than `SAMPLE`).
        by_class
            Activations per channel and class; 0 for none.
        channels
            How many there are, to say in advance what can't be held.

        Raises
        ------
        InputError
            Tops by class are wanted, and the images have no labels, or it would take more than
            `MOST_BY_CLASS`.
        """
        first = by_hash(names)
        known = sorted({label for label in labels if label is not None}) if by_class else []
        if by_class and not known:
            raise InputError(
                "by_class needs images with labels: a folder with one subfolder for each class, or "
                "a dataset with targets."
            )
        size = channels * len(known) * by_class * 12
        if size > MOST_BY_CLASS:
            raise InputError(
                f"The strongest {by_class} of {channels:,} channels in {len(known)} classes would "
                f"take {size / 2**30:.1f} GB, the limit is {MOST_BY_CLASS / 2**30:.0f} GB: take a "
                "smaller by_class, or images of fewer classes."
            )
        number = {name: i for i, name in enumerate(known)}
        numbers = [-1 if label is None else number.get(label, -1) for label in labels]
        return cls(
            keep,
            frozenset(first[:SAMPLE].tolist()),
            None if pixels or len(names) <= SAMPLE else frozenset(first[:MEASURED].tolist()),
            tuple(known),
            np.array(numbers if by_class else [], np.int64),
            by_class,
        )


def by_hash(names: Sequence[str]) -> Ints:
    """Image numbers in the order of a hash of their names: an order that means nothing."""
    hashes = [
        hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=16).digest()
        for name in names
    ]
    return np.array(sorted(range(len(names)), key=hashes.__getitem__), np.int64)
