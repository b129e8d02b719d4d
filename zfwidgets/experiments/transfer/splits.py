"""Which images are learned from, and which are tested: never the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...errors import InputError
from ...records import Ints
from ..shared.labelled import Labelled

MOST_TRAINED, MOST_TESTED = 30, 50
"""Photos of each class, by default: as the paper has it for Caltech-101."""


@dataclass(frozen=True)
class Split:
    """One repeat's images: numbers in the data.

    Attributes
    ----------
    trained
        (classes, most images per class): the first n of each row are learned from.
    tested
        One array a class; the same whatever n is.
    """

    trained: Ints
    tested: tuple[Ints, ...]

    def train(self, count: int) -> Ints:
        """Images to learn from, ``count`` of each class."""
        return np.sort(self.trained[:, :count].ravel())

    @property
    def test(self) -> Ints:
        """All images that are tested."""
        return np.concatenate(self.tested)


@dataclass(frozen=True)
class Plan:
    """How images are split: drawn anew in each repeat, alike for all layers and counts.

    Attributes
    ----------
    train_images
        Images of each class to learn from; the most of all counts.
    test_images
        Images of each class to test on, at most.
    repeats, seed
        How many splits, and what they are drawn from.
    """

    train_images: int
    test_images: int
    repeats: int
    seed: int

    @classmethod
    def of(
        cls,
        images: Labelled,
        train_images: int | None,
        test_images: int | None,
        repeats: int,
        seed: int,
        folds: int = 0,
    ) -> Plan:
        """A plan that the images allow.

        Parameters
        ----------
        images
            Labelled ones.
        train_images
            None: two thirds of the smallest class, at most 30.
        test_images
            None: what is left, at most 50.
        repeats, seed
            As the attributes.
        folds
            Folds of the cross-validation inside the training images; 0: there is none.

        Raises
        ------
        InputError
            One class only; a class has too few images for the split, or for the folds.
        """
        if repeats < 1:
            raise InputError(f"repeats is {repeats}: expected 1 or more.")
        images.check_classes()
        numbers = np.bincount(images.labels[images.labels >= 0], minlength=len(images.classes))
        there = np.flatnonzero(numbers)
        smallest = int(there[np.argmin(numbers[there])])
        least, name = int(numbers[smallest]), images.classes[smallest]
        wanted = train_images
        if wanted is None:
            wanted = min(MOST_TRAINED, max(1, least * 2 // 3))
        if wanted < 1:
            raise InputError(f"{wanted} training images per class: expected 1 or more.")
        if least <= wanted:
            raise InputError(
                f"Class {name!r} has {least} images: too few to learn from {wanted} of each class "
                f"and test on others. Take at most {max(1, least - 1)}, or leave the class out."
            )
        if wanted < folds:
            raise InputError(
                f"Fewer images than folds: {wanted} training images per class (class {name!r} has "
                f"{least} in all), but {folds} folds. Take fewer folds, or one strength, which "
                "needs none."
            )
        tested = MOST_TESTED if test_images is None else test_images
        if tested < 1:
            raise InputError(f"{tested} test images per class: expected 1 or more.")
        return cls(wanted, tested, repeats, seed)

    def split(self, images: Labelled, known: Ints, repeat: int) -> Split:
        """Draw a repeat's images, of those that can be read."""
        random = np.random.default_rng([self.seed, repeat])
        labels = images.labels[known]
        trained, tested = [], []
        for number in np.unique(images.labels[images.labels >= 0]):
            own = random.permutation(known[labels == number])
            if len(own) <= self.train_images:
                raise InputError(
                    f"Of class {images.classes[int(number)]!r} only {len(own)} images can be "
                    f"read: too few to learn from {self.train_images} and test on others."
                )
            # Tested ones first: the same for every count of training images.
            room = min(self.test_images, len(own) - self.train_images)
            tested.append(own[:room])
            trained.append(own[room : room + self.train_images])
        return Split(np.stack(trained), tuple(tested))


def check_counts(counts: Sequence[int]) -> Ints:
    """Counts of training images, in order."""
    found = np.unique(np.asarray(counts, dtype=np.int64))
    if not len(found) or found[0] < 1:
        raise InputError(f"counts is {list(counts)}: expected numbers of images, 1 or more.")
    return found
