"""What an exercise is, and what it becomes when an engine has answered: a task."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import ClassVar, Literal, NamedTuple, Protocol

from ...engine.protocol import EngineProtocol
from ...language.words import Words
from ...records import Box, Pixels, Progress

Kind = Literal["choice", "estimate", "find"]
Steps = Generator[Progress, None, "Task"]


class Mark(NamedTuple):
    """A rectangle on a figure.

    Attributes
    ----------
    box
        The rectangle, in pixels of the figure.
    text
        What stands at it.
    """

    box: Box
    text: str = ""


@dataclass(frozen=True)
class Figure:
    """A picture of a question.

    Attributes
    ----------
    pixels
        (rows, columns, 3) uint8.
    caption
        What stands below it.
    alt
        What it shows, for those who don't see it; must not tell the answer.
    marks
        Rectangles on it.
    """

    pixels: Pixels
    caption: str = ""
    alt: str = ""
    marks: tuple[Mark, ...] = ()


@dataclass(frozen=True)
class Option:
    """One of the answers to choose from.

    Attributes
    ----------
    text, figure
        What it says, and its picture, if it has one.
    told, shown
        What is said of it once the question is answered, and its picture from then on; None: the
        same.
    """

    text: str
    figure: Figure | None = None
    told: str = ""
    shown: Figure | None = None


class Scale(NamedTuple):
    """What may be estimated.

    Attributes
    ----------
    low, high
        The ends.
    unit
        Word for what is counted.
    """

    low: int
    high: int
    unit: str


class Finding(NamedTuple):
    """What became of a channel that was found.

    Attributes
    ----------
    correct
        Whether it is one that was asked for.
    says
        Why, or why not.
    """

    correct: bool
    says: str


@dataclass(frozen=True)
class Task:
    """A question that is made, with its answer.

    Attributes
    ----------
    kind
        "choice": one of `options`. "estimate": a number on `scale`. "find": a channel.
    ask
        The question.
    answer
        Number of the right option; the number that is estimated; of "find" 0.
    truth
        What is so, said when the question is answered.
    figures
        Pictures that stand with the question.
    reveal
        Pictures that stand in their place once it is answered; none: they stay.
    options
        What there is to choose from.
    scale
        What may be estimated.
    tolerance
        How far an estimate may be off and count as right.
    units
        The channels that were asked for, of "find", as (layer, channel).
    """

    kind: Kind
    ask: str
    answer: float
    truth: str
    figures: tuple[Figure, ...] = ()
    reveal: tuple[Figure, ...] = ()
    options: tuple[Option, ...] = ()
    scale: Scale | None = None
    tolerance: float = 0.0
    units: frozenset[tuple[str, int]] = frozenset()

    def right(self, given: float) -> bool:
        """Whether an answer is right: the option, or within the tolerance of the number."""
        if self.kind == "choice":
            return given == self.answer
        if self.scale is None:
            return False
        low, high, _ = self.scale  # what lies beyond the scale nobody can say
        return abs(given - min(max(self.answer, low), high)) <= self.tolerance

    def in_words(self, given: float) -> str:
        """An answer as text."""
        if self.kind == "choice":
            return self.options[int(given)].text
        return f"{given:g}"


class Exercise(Protocol):
    """What is asked; a frozen dataclass.

    Attributes
    ----------
    indexed
        Whether it needs the engine's index.
    """

    indexed: ClassVar[bool]

    def steps(self, engine: EngineProtocol, words: Words) -> Steps:
        """Make the task, in short steps: all of it from the engine's records.

        Raises
        ------
        InputError
            With this engine there is no such question; says why.
        """
