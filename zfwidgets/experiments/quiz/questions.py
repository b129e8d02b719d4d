"""Questions of a quiz: two photos from two parts of a channel's range, and the hint."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...records import Activation, ActivationSample, Floats, Ints, QuantileRows, Rows
from ...records.activations import EACH

Side = Literal["left", "right"]
SIDES: tuple[Side, Side] = ("left", "right")

HINTS = 9
"""Patches of a hint, at most."""
FEWEST = 4
"""Photos that a question needs: one in the hint, one that fires, and two to choose a weaker of."""
TRIES = 6
"""Pairs of photos of one channel that are looked at, at most, until one makes a question."""
ROUNDED = 1 / 1024
"""Part of the channel's largest: recorded values that differ by less may be in another order."""


class Parts(NamedTuple):
    """Between which percentiles of the photos each of the two lies, ordered by the channel."""

    stronger: tuple[float, float]
    weaker: tuple[float, float]


EASY = Parts((90, 99), (0, 50))
HARD = Parts((75, 90), (25, 50))


@dataclass(frozen=True)
class QuizChoice:
    """One of the two photos.

    Attributes
    ----------
    activation
        The photo, the channel's strongest unit in it, its value and receptive field.
    percentile
        Share of the photos, 0..100, in which the channel is weaker; of those whose values the
        index keeps.
    """

    activation: Activation
    percentile: float

    @property
    def image(self) -> int:
        """Index of the photo among the engine's images."""
        assert self.activation.image is not None  # what an index found is in the engine's images
        return self.activation.image


@dataclass(frozen=True)
class QuizQuestion:
    """A question of a quiz: which of two photos fires a channel more.

    Attributes
    ----------
    layer, channel
        Which channel.
    hint
        The channel's strongest activations in other photos, one per photo, strongest first.
    left, right
        The two photos.
    lost
        (name, reason) of photos among the strongest that can't be shown in the hint.
    """

    layer: str
    channel: int
    hint: tuple[Activation, ...]
    left: QuizChoice
    right: QuizChoice
    lost: tuple[tuple[str, str], ...] = ()

    @property
    def choices(self) -> tuple[QuizChoice, QuizChoice]:
        """The left photo and the right one."""
        return self.left, self.right

    @property
    def correct(self) -> Side:
        """The side of the photo in which the channel's largest activation is larger."""
        return "left" if self.left.activation.value > self.right.activation.value else "right"


@dataclass(frozen=True)
class QuizQuestions(Rows[QuizQuestion], of="made"):
    """The questions of a quiz, as far as they are made.

    Attributes
    ----------
    layer
        Layer whose channels are asked for.
    seed, hard
        What they were drawn with.
    made
        The questions.
    wanted
        How many were asked for.
    complete
        Whether no more will come.
    """

    layer: str
    seed: int
    hard: bool
    made: tuple[QuizQuestion, ...]
    wanted: int
    complete: bool = False


@dataclass(frozen=True)
class Candidates:
    """The photos of a channel that may be chosen, weakest first.

    Attributes
    ----------
    images
        (n,) their indices.
    values
        (n,) the channel's largest activation in each, maybe rounded.
    percentiles
        (n,) float64 in 0..100: share of the photos in which the channel is weaker.
    photos
        How many photos they are taken from.
    known
        Activations that are known exactly already, by photo.
    """

    images: Ints
    values: Floats
    percentiles: NDArray[np.float64]
    photos: int
    known: Mapping[int, Activation] = field(default_factory=dict)

    @classmethod
    def of_sample(cls, sample: ActivationSample) -> Candidates:
        """All photos of a sample; of equal values the later photo is the weaker, as in the tops."""
        order = np.lexsort((-sample.images, sample.values))
        n = len(order)
        percentiles = 100 * (np.arange(n) + 0.5) / max(n, 1)
        return cls(sample.images[order], sample.values[order], percentiles, n)

    @classmethod
    def of_rows(cls, rows: QuantileRows) -> Candidates:
        """The few photos whose exact values are known from each part of a channel's range."""
        found: list[tuple[float, Activation]] = []
        total, below = sum(row.images for row in rows), 0
        for row in rows:
            # Spread evenly by rank, strongest first; the channel is silent in those left out.
            steps = np.linspace(0, row.images - 1, min(EACH, row.images)).round() + 0.5
            if row.unreadable:  # which of them these are isn't known
                steps[:] = row.images / 2
            for step, activation in zip(steps, row.activations, strict=False):
                found.append((100 * (below + row.images - step) / total, activation))
            below += row.images
        found.sort(key=lambda one: one[0])
        images = np.array([a.image for _, a in found], np.int64)
        values = np.array([a.value for _, a in found], np.float32)
        percentiles = np.array([percentile for percentile, _ in found], np.float64)
        known = {int(image): a for image, (_, a) in zip(images, found, strict=True)}
        return cls(images, values, percentiles, total, known)


def hints_of(photos: int, firing: int) -> int:
    """How many patches a hint has: nine, but a quarter of the photos where they are few.

    One photo in which the channel fires is left to be chosen.
    """
    return max(0, min(HINTS, photos // 4, firing - 1))


def pairs(
    candidates: Candidates,
    hidden: Collection[int],
    parts: Parts,
    random: np.random.Generator,
) -> Iterator[tuple[int, int]]:
    """Places of a stronger and a weaker photo among the candidates, at most `TRIES` pairs.

    Where no photo outside of the hint is in the stronger part, as where there are few photos, the
    strongest outside of it stand for them: of each twenty photos one.

    Parameters
    ----------
    candidates
        What there is to choose from.
    hidden
        Photos that aren't to be chosen: those of the hint.
    parts
        Between which percentiles.
    random
        Draws them.
    """
    at, values = candidates.percentiles, candidates.values
    free = ~np.isin(candidates.images, list(hidden))
    low, high = parts.stronger
    fires = np.flatnonzero(free & (values > 0) & (at < high) & (at >= parts.weaker[1]))
    stronger = fires[at[fires] >= low]
    if not len(stronger):
        stronger = fires[-max(1, candidates.photos // 20) :]
    low, high = parts.weaker
    weaker = np.flatnonzero(free & (at >= low) & (at < high))
    strong, weak = random.permutation(stronger), random.permutation(weaker)
    least = ROUNDED * float(values.max(initial=0))
    for turn in range(min(TRIES, len(strong) * len(weak))):
        one, other = strong[turn % len(strong)], weak[turn % len(weak)]
        if values[one] - values[other] > least:
            yield int(one), int(other)
