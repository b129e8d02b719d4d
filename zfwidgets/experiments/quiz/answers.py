"""What was answered in a quiz, and what so many answers can tell."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ...language.words import Words
from ...storage.whole import whole
from ..ablation.intervals import newcombe, wilson
from .questions import QuizQuestion, Side

CHANCE = 0.5
"""What guessing gets."""


@dataclass(frozen=True)
class QuizAnswer:
    """One answer.

    Attributes
    ----------
    layer, channel
        The channel that was asked for.
    photos
        Names of the left photo and of the right one.
    values
        The channel's largest activation in each, in the layer's units.
    chosen
        "left" or "right".
    correct
        Whether it fires more in the one that was chosen.
    hint
        How the strongest patches were shown; "none": they weren't.
    hard
        Whether the photos were near to each other in the channel's range.
    seed
        What the question was drawn with.
    seconds
        From when the question stood on screen; None where a script answered.
    """

    layer: str
    channel: int
    photos: tuple[str, str]
    values: tuple[float, float]
    chosen: Side
    correct: bool
    hint: str
    hard: bool
    seed: int
    seconds: float | None

    @classmethod
    def to(
        cls,
        question: QuizQuestion,
        chosen: Side,
        *,
        hint: str,
        hard: bool,
        seed: int,
        seconds: float | None,
    ) -> QuizAnswer:
        """The answer to a question."""
        shown = [choice.activation for choice in question.choices]
        return cls(
            question.layer,
            question.channel,
            (shown[0].image_name, shown[1].image_name),
            (shown[0].value, shown[1].value),
            chosen,
            chosen == question.correct,
            hint,
            hard,
            seed,
            seconds,
        )


@dataclass(frozen=True)
class QuizScore:
    """How many answers were right, and what that can tell.

    Attributes
    ----------
    right, answered
        Right answers, and all that were given.
    """

    right: int
    answered: int

    @classmethod
    def of(cls, answers: Iterable[QuizAnswer]) -> QuizScore:
        """The score of some answers."""
        found = [answer.correct for answer in answers]
        return cls(sum(found), len(found))

    @property
    def share(self) -> float:
        """Share of the answers that were right, 0..1; NaN without answers."""
        return self.right / self.answered if self.answered else math.nan

    @property
    def interval(self) -> tuple[float, float]:
        """95 % interval of the share that so many answers leave possible (Wilson 1927)."""
        return wilson(self.share, self.answered)

    def less(self, other: QuizScore) -> tuple[float, float, float]:
        """The difference of two shares and its 95 % interval (Newcombe 1998), each -1..1."""
        interval = newcombe(self.share, self.answered, other.share, other.answered)
        return (self.share - other.share, *interval)


def in_words(score: QuizScore, words: Words) -> str:
    """A score in one line."""
    low, high = (round(100 * end) for end in score.interval)
    share = round(100 * score.share)
    told = {"right": score.right, "answered": score.answered}
    return words("quiz.score", **told, share=share, low=low, high=high)


def verdict(score: QuizScore, words: Words) -> str:
    """A score beside what guessing gets."""
    low, high = score.interval
    return words("quiz.more" if low > CHANCE else "quiz.less" if high < CHANCE else "quiz.luck")


def beside(score: QuizScore, without: QuizScore, same: bool, words: Words) -> str:
    """A score beside the one without a hint; ``same``: to the very same questions."""
    difference, low, high = (_points(one) for one in score.less(without))
    told = {"difference": difference, "low": low, "high": high}
    text = words("quiz.beside", score=in_words(without, words), **told)
    return f"{text} {words('quiz.same')}" if same else text


def _points(share: float) -> str:
    text = f"{abs(share) * 100:.0f}"
    sign = "" if text == "0" else "−" if share < 0 else "+"
    return sign + text


COLUMNS = (
    "seed",
    "layer",
    "channel",
    "left",
    "right",
    "left_value",
    "right_value",
    "chosen",
    "correct",
    "hint",
    "hard",
    "seconds",
)


def write_csv(answers: Sequence[QuizAnswer], path: Path) -> None:
    """Write one line an answer, the names of the columns first: whole, or not at all."""
    with whole(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        lines = csv.writer(file)
        lines.writerow(COLUMNS)
        for a in answers:
            seconds = "" if a.seconds is None else f"{a.seconds:.2f}"
            asked = (a.seed, a.layer, a.channel, *a.photos, *map(repr, a.values))
            lines.writerow((*asked, a.chosen, a.correct, a.hint, a.hard, seconds))
