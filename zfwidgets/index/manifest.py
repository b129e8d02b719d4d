"""What an index knows of its images: names, sizes, times of change; and what differs now."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..records import Ints

ENCODING = ("utf-8", "surrogatepass")
"""Takes whatever a file may be called."""


@dataclass(frozen=True)
class Differences:
    """What became of an index's images, by name."""

    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.changed)

    def __str__(self) -> str:
        parts = [
            f"{len(names)} {what} ({', '.join(map(repr, names[:3]))}{', ...' * (len(names) > 3)})"
            for what, names in vars(self).items()
            if names
        ]
        return "; ".join(parts) or "the images are the same"


@dataclass(frozen=True)
class Manifest:
    """Images by number.

    Attributes
    ----------
    names
        One unique name each.
    stamps
        What would tell a changed image: size and time of a file, a digest of pixels; "" where
        nothing is known.
    """

    names: Sequence[str]
    stamps: Sequence[str]

    def __len__(self) -> int:
        return len(self.names)

    def since(self, before: Manifest) -> tuple[Differences, Ints]:
        """What differs from an earlier one, and the present number of each earlier image.

        Returns
        -------
        differences
            A changed image counts as neither added nor removed.
        numbers
            (earlier images,), -1 for those that were removed or changed.
        """
        here = {name: number for number, name in enumerate(self.names)}
        numbers = np.full(len(before), -1, np.int64)
        removed, changed = [], []
        for earlier, (name, stamp) in enumerate(zip(before.names, before.stamps, strict=True)):
            number = here.pop(name, None)
            if number is None:
                removed.append(name)
            elif self.stamps[number] != stamp:
                changed.append(name)
            else:
                numbers[earlier] = number
        return Differences(tuple(here), tuple(removed), tuple(changed)), numbers

    @property
    def digest(self) -> str:
        """The same for the same images in the same order."""
        return hashlib.blake2b(self._packed(), digest_size=16).hexdigest()

    def _packed(self) -> bytes:
        return json.dumps([list(self.names), list(self.stamps)]).encode(*ENCODING)

    def packed(self) -> NDArray[np.uint8]:
        """As bytes for a file."""
        import zlib

        return np.frombuffer(zlib.compress(self._packed(), 6), np.uint8)

    @classmethod
    def unpacked(cls, packed: NDArray[np.uint8]) -> Manifest:
        """Of `packed`; raises ValueError if the bytes are something else."""
        import zlib

        try:
            names, stamps = json.loads(zlib.decompress(packed.tobytes()))
        except (zlib.error, TypeError) as error:
            raise ValueError(f"the list of images is damaged: {error}") from error
        if not all(isinstance(text, str) for text in [*names, *stamps]):
            raise ValueError("the list of images holds something else than texts")
        if len(names) != len(stamps):
            raise ValueError(f"the list of images has {len(names)} names, {len(stamps)} stamps")
        return cls(names, stamps)
