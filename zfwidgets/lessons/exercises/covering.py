"""Exercises about covering: what a network loses when a part of a photo is hidden."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ...engine.protocol import EngineProtocol
from ...errors import InputError
from ...language.words import Words
from ...records import (
    Box,
    Occluder,
    OcclusionMap,
    OcclusionRequest,
    Pixels,
    Prediction,
    Progress,
    coloured,
)
from ...stepwise import Counting, Driven
from .shared import LETTERS, classes_of, photo_of, surest
from .task import Figure, Mark, Option, Scale, Steps, Task

Where = Literal["most", "least"]
CLOSE = 10
"""Percentage points that an estimate may be off."""
PART = 4
"""The occluder is this part of the photo's side, and moves by half of itself."""
OPACITY = 0.6
GREY = 128
TOLD = 3
"""Classes that are told of a prediction."""


@dataclass(frozen=True)
class _Pass:
    """A photo, what the network says of it, and what it says wherever it is covered."""

    image: int
    name: str
    photo: Pixels
    clean: Prediction
    target: int
    label: str
    map: OcclusionMap

    @property
    def sure(self) -> float:
        """Probability of the class that is looked at."""
        return float(self.clean.probabilities[self.target])

    def left(self, engine: EngineProtocol, box: Box) -> float:
        """What is left of it with a place covered."""
        return float(engine.predict(self.image, Occluder(box)).probabilities[self.target])

    @property
    def falls(self) -> NDArray[np.float64]:
        """By how many points the class falls at each position, (rows, columns)."""
        sure = self.map.clean_scores()["probability"]
        return 100 * (sure - self.map.probability().astype(np.float64))

    def place(self, where: Where) -> Box:
        """The position that costs most, or changes least."""
        falls = self.falls
        flat = falls.argmax() if where == "most" else np.abs(falls).argmin()
        row, col = np.unravel_index(flat, falls.shape)
        return self.map.box(int(row), int(col))

    def figure(self, words: Words, marks: tuple[Mark, ...] = ()) -> Figure:
        """The photo."""
        return Figure(self.photo, self.name, words("alt.photo", name=self.name), marks)

    def covered(self, words: Words, box: Box) -> Figure:
        """The photo with a place covered, as the network gets it."""
        pixels = self.photo.copy()
        pixels[box.top : box.bottom, box.left : box.right] = GREY
        return Figure(pixels, self.name, words("alt.covered", name=self.name))

    def revealed(self, words: Words, marks: tuple[Mark, ...] = ()) -> Figure:
        """The map over the photo: the more a place costs, the brighter it is."""
        falls = self.falls
        colours = coloured(falls, "viridis", 0.0, max(float(falls.max()), 1.0))
        down, right = self.map.stride
        cells = Image.fromarray(colours)
        cells = cells.resize((cells.width * right, cells.height * down), Image.Resampling.NEAREST)
        under = Image.fromarray(self.photo).convert("L").convert("RGB")
        over = Image.blend(under, cells.crop((0, 0, under.width, under.height)), OPACITY)
        most = max(float(falls.max()), 0.0)
        caption = words("covering.map", label=self.label, most=round(most))
        return Figure(np.asarray(over), caption, words("alt.map", name=self.name), marks)


def _passed(
    engine: EngineProtocol, words: Words, photo: int | str | None, nth: int
) -> Counting[_Pass]:
    labels = classes_of(engine)
    image = photo_of(engine, photo)
    if photo is None:
        sure = surest(engine)
        image = sure[nth % len(sure)]
    rows, columns = engine.info.input_shape[1:]
    stride = (max(1, rows // (2 * PART)), max(1, columns // (2 * PART)))
    size = (2 * stride[0], 2 * stride[1])
    driven = Driven(engine.occlude_steps(OcclusionRequest(image, size, stride)))
    for so_far in driven:
        yield Progress(int(so_far.done.sum()), so_far.done.size, None, words("covering"))
    found = driven.result
    assert found.target is not None  # there are classes
    if not np.isfinite(found.probability()).all():
        raise InputError("The network's class scores are no numbers: there is nothing to ask.")
    clean = engine.predict(image)
    name = engine.info.images[image]
    target = found.target
    return _Pass(image, name, engine.photo(image), clean, target, labels[target], found)


def _share(words: Words, probability: float) -> str:
    number = round(100 * probability)
    if number == 0 or number == 100:  # what is rounded isn't told as certain
        return words("percent.over" if number else "percent.under")
    return words("percent", number=number)


def _told(words: Words, labels: tuple[str, ...], prediction: Prediction) -> str:
    return ", ".join(
        f"{labels[number]} {_share(words, sure)}" for number, _, sure in prediction.top(TOLD)
    )


@dataclass(frozen=True)
class _AtOnePlace:
    """An exercise on what happens when one place of a photo is covered."""

    indexed: ClassVar[bool] = False
    photo: int | str | None = None
    where: Where = "most"
    nth: int = 0


@dataclass(frozen=True)
class Covered(_AtOnePlace):
    """Ask by how many points the class falls when a place is covered.

    Attributes
    ----------
    photo
        Photo that is covered; None: one of whose class the network is sure.
    where
        "most": the place that costs most; "least": the one that changes least.
    nth
        Which of the photos that are taken, where several questions take other ones.
    """

    def steps(self, engine: EngineProtocol, words: Words) -> Steps:
        """Cover every place, and the one that is asked for alone."""
        found = yield from _passed(engine, words, self.photo, self.nth)
        box, sure = found.place(self.where), found.sure
        left = found.left(engine, box)
        fall = 100 * (sure - left)
        key = "covered.falls" if fall > 0 else "covered.rises"
        key = key if round(fall) else "covered.same"
        return Task(
            "estimate",
            words("covered.ask", label=found.label, sure=_share(words, sure)),
            fall,
            words(
                key,
                label=found.label,
                sure=_share(words, sure),
                left=_share(words, left),
                points=abs(round(fall)),
            ),
            figures=(found.figure(words, (Mark(box, ""),)),),
            reveal=(found.covered(words, box), found.revealed(words, (Mark(box, ""),))),
            scale=Scale(0, 100, words("unit.points")),
            tolerance=CLOSE,
        )


@dataclass(frozen=True)
class CostliestPlace:
    """Ask which of some places costs the network most when it is covered.

    Attributes
    ----------
    photo
        Photo that is covered; None: one of whose class the network is sure.
    places
        How many places there are to choose from.
    seed
        Number that draws the places and their order.
    nth
        As in `Covered`.
    """

    indexed: ClassVar[bool] = False
    photo: int | str | None = None
    places: int = 3
    seed: int = 0
    nth: int = 0

    def steps(self, engine: EngineProtocol, words: Words) -> Steps:
        """Take the place that costs most, and others that lie apart and cost less than half."""
        found = yield from _passed(engine, words, self.photo, self.nth)
        random = np.random.default_rng(self.seed)
        falls = found.falls
        ranked = [found.place("most")]
        most = float(falls.max())
        others = random.permutation(np.flatnonzero(falls < most / 2)).tolist() if most > 1 else []
        for flat in others:
            row, col = np.unravel_index(flat, falls.shape)
            box = found.map.box(int(row), int(col))
            if all(_apart(box, one) for one in ranked) and len(ranked) < self.places:
                ranked.append(box)
        if len(ranked) < 2:
            raise InputError(
                f"No place of {found.name!r} costs the network clearly more than others: ask for "
                "another photo."
            )
        order = random.permutation(len(ranked)).tolist()
        boxes = [ranked[place] for place in order]
        best = order.index(0)
        marks = tuple(Mark(box, LETTERS[number]) for number, box in enumerate(boxes))
        options = []
        for number, box in enumerate(boxes):
            yield Progress(number, len(boxes), None, words("covering"))
            left = _share(words, found.left(engine, box))
            told = words("costliest_place.told", label=found.label, left=left)
            options.append(Option(LETTERS[number], None, told))
        return Task(
            "choice",
            words("costliest_place.ask", label=found.label, sure=_share(words, found.sure)),
            best,
            words("costliest_place.truth", letter=LETTERS[best], label=found.label),
            figures=(found.figure(words, marks),),
            reveal=(found.figure(words, marks), found.revealed(words, marks)),
            options=tuple(options),
        )


def _apart(one: Box, other: Box) -> bool:
    return (
        one.right <= other.left
        or other.right <= one.left
        or one.bottom <= other.top
        or other.bottom <= one.top
    )


@dataclass(frozen=True)
class StillNamed(_AtOnePlace):
    """Ask whether the network still names the class when a place is covered.

    Attributes
    ----------
    photo, where, nth
        As in `Covered`.
    """

    def steps(self, engine: EngineProtocol, words: Words) -> Steps:
        """Predict the photo with the place covered."""
        found = yield from _passed(engine, words, self.photo, self.nth)
        labels, box = classes_of(engine), found.place(self.where)
        after = engine.predict(found.image, Occluder(box))
        still = after.top(1)[0][0] == found.target
        before = _told(words, labels, found.clean)
        return Task(
            "choice",
            words("still_named.ask", label=found.label, before=before),
            0 if still else 1,
            words(
                "still_named.yes" if still else "still_named.no",
                label=found.label,
                after=_told(words, labels, after),
            ),
            figures=(found.covered(words, box),),
            reveal=(found.covered(words, box), found.revealed(words, (Mark(box, ""),))),
            options=(Option(words("yes")), Option(words("no"))),
        )
