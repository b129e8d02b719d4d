"""The condition of each image of a source: whether it can be read, and is what an index is of."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar

from ..errors import InputError, StaleImage, UnreadableImage
from ..threads import ProcessLock
from .sets.base import GONE, ImageSet
from .skipped import SkippedImage

if TYPE_CHECKING:
    import torch

    from .feeding.reader import Reading

Result = TypeVar("Result")


class Conditions:
    """What was seen of a set's images as they were read; safe to ask from any thread.

    Parameters
    ----------
    images
        The images before the transform.
    """

    def __init__(self, images: ImageSet) -> None:
        self._images = images
        self._lock = ProcessLock()
        self._unreadable: dict[int, str] = {}
        self._lost: dict[int, str] = {}
        self._indexed_as: Sequence[str] | None = None
        self._indexed = False
        self._on_white: set[int] = set()

    @property
    def lost(self) -> Mapping[int, str]:
        """Images of the index that can't be read any more or were changed, as far as is known."""
        with self._lock:
            return dict(sorted(self._lost.items()))

    @property
    def on_white(self) -> frozenset[int]:
        """Numbers of the images that had transparent parts, as far as they have been looked at."""
        return frozenset(self._on_white)

    @property
    def white_note(self) -> str:
        """What to know about transparent images; empty if there are none."""
        count = len(self.on_white)
        if not count:
            return ""
        have = "images have" if count > 1 else "image has"
        return f"{count} {have} transparent parts, laid on white for the network too."

    @property
    def skipped(self) -> tuple[SkippedImage, ...]:
        """Images that can't be read, as far as they have been looked at.

        Those that are no images by their header have no number; those that break while they are
        decoded keep theirs.
        """
        names = self._images.names
        with self._lock:
            late = [(names[number], why) for number, why in sorted(self._unreadable.items())]
        return tuple(SkippedImage(name, why) for name, why in [*self._images.rejected, *late])

    def problem(self, number: int) -> str:
        """Why an image that was looked at can't be used; empty if it can."""
        with self._lock:
            return self._unreadable.get(number) or self._lost.get(number, "")

    def check(self) -> None:
        """Raise `ForkedProcess` in a child process that can't use the parent's threads."""
        self._lock.check()

    def indexed_as(
        self,
        stamps: Sequence[str] | None,
        problems: Mapping[int, str] | None = None,
        on_white: Iterable[int] = (),
    ) -> None:
        """From now on each image must be the one that an index is of, or it is a `StaleImage`.

        Parameters
        ----------
        stamps
            What the images were when the index was made; None: they may be any.
        problems
            The index's images that can't be used; None: the index is being made.
        on_white
            Those of the index that had transparent parts.
        """
        with self._lock:
            self._indexed_as, self._indexed = stamps, problems is not None
            self._lost.clear()
            if problems is not None:
                self._unreadable = dict(problems)
        self._on_white.update(on_white)

    def forget(self) -> None:
        """Images may be any, and in any condition."""
        self.indexed_as(None)
        self._unreadable.clear()
        self._on_white.clear()

    def take_over(
        self, problems: Mapping[int, str], on_white: Iterable[int], labels: Mapping[int, str]
    ) -> None:
        """Note what was seen of these images elsewhere."""
        for number, problem in problems.items():
            self.note(number, problem)
        self._on_white.update(on_white)
        for number, label in labels.items():
            self._learn(number, label)

    def note(self, number: int, problem: str) -> None:
        """Note why an image can't be used; empty: it can."""
        with self._lock:
            # What the index could read isn't what it left out.
            left_out = number in self._unreadable or not self._indexed
            noted = self._unreadable if left_out else self._lost
            if problem:
                noted[number] = problem
            else:
                noted.pop(number, None)

    def noting(self, number: int, read: Callable[[int], Result]) -> Result:
        """What ``read`` gives, having noted whether the image can be read."""
        self._lock.check()
        try:
            result = read(number)
        except InputError as error:
            self._refuse_changed(number)
            if isinstance(error, UnreadableImage):
                self.note(number, error.reason)
            raise
        self._refuse_changed(number)
        self.note(number, "")
        return result

    def take(self, number: int, reading: Reading) -> torch.Tensor | None:
        """A reading's tensor, having noted what else it says."""
        self.note(number, reading.problem)
        if reading.on_white:
            self._on_white.add(number)
        if reading.label is not None:  # read in another process
            self._learn(number, reading.label)
        return reading.tensor

    def _refuse_changed(self, number: int) -> None:
        """Raise `StaleImage` if an image isn't any more what the index knows it as."""
        known = self._indexed_as
        if known is None or (now := self._images.stamp(number)) == known[number]:
            return
        reason = (
            "the file is gone" if GONE in now.split() else "it was changed after the index was made"
        )
        with self._lock:
            self._lost[number] = reason
        raise StaleImage(
            f"{self._images.names[number]}: {reason}, so that the index's values aren't its. "
            "engine.index() looks at it again.",
            reason,
        )

    def _learn(self, number: int, label: str) -> None:
        labels = self._images.labels
        if isinstance(labels, list):
            labels[number] = label
