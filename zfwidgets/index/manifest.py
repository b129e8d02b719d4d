"""What an index knows of its images: names, sizes, times of change; and what differs now."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..records import Ints

ENCODING = ("utf-8", "surrogatepass")
"""Takes whatever a file may be called."""
CONTENT = "content "
"""How the stamp of a file begins that was told by its content."""


@dataclass(frozen=True)
class Differences:
    """What became of an index's images, by name.

    Attributes
    ----------
    added, removed, changed
        An image is in one of them at most.
    moved
        (name there, name now): one image was removed, and one with the same stamp, which no other
        has, was added. By contents that is certain; by size and time of change it is likely, and
        the image counts as another one.
    """

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    moved: tuple[tuple[str, str], ...] = ()

    def __bool__(self) -> bool:
        return any(vars(self).values())

    def __str__(self) -> str:
        named = {what: [_quoted(name) for name in names] for what, names in vars(self).items()}
        parts = [
            f"{len(names)} {what} ({', '.join(names[:3])}{', ...' * (len(names) > 3)})"
            for what, names in named.items()
            if names
        ]
        return "; ".join(parts) or "the images are the same"


def _quoted(name: str | tuple[str, str]) -> str:
    return repr(name) if isinstance(name, str) else " to ".join(map(repr, name))


@dataclass(frozen=True)
class Manifest:
    """Images by number.

    Attributes
    ----------
    names
        One unique name each.
    stamps
        What would tell a changed image: size and time of a file or (after `CONTENT`) a digest of
        its bytes, a digest of pixels; "" where nothing is known.
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
            An image that changed or moved counts as neither added nor removed.
        numbers
            (earlier images,), -1 for those that were removed or changed, or moved unless it is
            their content that says so.
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
        moved = self._moved(list(here), before, removed)
        numbered = {name: number for number, name in enumerate(before.names)} if moved else {}
        for there, now in moved:
            if self.stamps[here[now]].startswith(CONTENT):
                numbers[numbered[there]] = here[now]
            del here[now]
        gone = {there for there, _ in moved}
        removed = [name for name in removed if name not in gone]
        return Differences(tuple(here), tuple(removed), tuple(changed), tuple(moved)), numbers

    def _moved(
        self, added: Sequence[str], before: Manifest, removed: Sequence[str]
    ) -> list[tuple[str, str]]:
        """Which of the images that were removed are, by their stamps, which that were added."""
        if not added or not removed:
            return []
        all_now, all_then = Counter(self.stamps), Counter(before.stamps)
        wanted = set(added)
        now = {
            stamp: name
            for name, stamp in zip(self.names, self.stamps, strict=True)
            if name in wanted and stamp and all_now[stamp] == 1
        }
        wanted = set(removed)
        return [
            (name, now[stamp])
            for name, stamp in zip(before.names, before.stamps, strict=True)
            if name in wanted and stamp in now and all_then[stamp] == 1
        ]

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
        """The manifest in `packed`; raises ValueError if the bytes are something else."""
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
