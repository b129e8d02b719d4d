"""Which images share a batch: decided before a pass, so that its results can be had again.

Kernels round differently for other batch sizes, so batches are never refilled: an image that
can't be read, or was removed, keeps its place, where the network gets zeros.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from ..records import Ints

GONE = -1
"""In the place of an image that isn't there any more."""


@dataclass(frozen=True)
class Plan:
    """Batches of images.

    Attributes
    ----------
    slots, starts
        (places,) image numbers, `GONE` for an empty place, and (batches + 1,) where batches start:
        batch ``i`` is ``slots[starts[i]:starts[i + 1]]``.
    """

    slots: Ints
    starts: Ints

    @classmethod
    def of(cls, images: int, size: int) -> Plan:
        """All images in order, ``size`` in a batch but the last."""
        starts = np.append(np.arange(0, images, size), images)
        return cls(np.arange(images, dtype=np.int64), starts.astype(np.int64))

    def __len__(self) -> int:
        return len(self.starts) - 1

    def batch(self, number: int) -> Ints:
        """Image numbers of a batch, in their places."""
        return self.slots[self.starts[number] : self.starts[number + 1]]

    def sizes(self) -> Ints:
        """How many images are in each batch."""
        there = np.concatenate([[0], np.cumsum(self.slots != GONE)])
        return np.asarray(there[self.starts[1:]] - there[self.starts[:-1]])

    def images(self, batches: Iterable[int]) -> list[int]:
        """The images of batches, in the order in which a pass takes them."""
        parts = [self.batch(number) for number in batches]
        together = np.concatenate([*parts, np.empty(0, np.int64)])
        return [int(image) for image in together if image != GONE]

    def part(self, batches: Sequence[int]) -> Plan:
        """Some of its batches, numbered anew in this order; images keep their numbers."""
        parts = [self.batch(number) for number in batches]
        ends = np.cumsum([0, *map(len, parts)])
        return Plan(np.concatenate([*parts, np.empty(0, np.int64)]), ends.astype(np.int64))

    def renumbered(self, numbers: Ints) -> Plan:
        """With image i called ``numbers[i]``, `GONE` if it isn't there any more."""
        there = self.slots != GONE
        slots = np.where(there, numbers[np.where(there, self.slots, 0)], GONE)
        return Plan(slots.astype(np.int64), self.starts)

    def extended(self, images: Ints, size: int) -> Plan:
        """With further images in batches of their own."""
        more = Plan.of(len(images), size)
        return Plan(
            np.concatenate([self.slots, images]),
            np.concatenate([self.starts, self.starts[-1] + more.starts[1:]]),
        )

    @property
    def digest(self) -> str:
        """The same for the same batches."""
        digest = hashlib.blake2b(self.slots.astype("<i8").tobytes(), digest_size=16)
        digest.update(self.starts.astype("<i8").tobytes())
        return digest.hexdigest()
