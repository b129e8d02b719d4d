"""What a quiz is played on: it holds the questions, and is told the answers by the page."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import traitlets

from ...errors import InputError
from ...widgets.answering import Answering, asked
from ...widgets.wire import validation
from ...widgets.wire.encode import Answer
from .pictures import HINTS
from .questions import SIDES


class QuizBoard(Answering):
    """Asks one question after the other. Synchronised is what was answered, never pixels.

    Parameters
    ----------
    fingerprint
        Identifies the engine's model, transform and images.
    hint
        How the strongest patches are shown, one of `HINTS`.
    hard
        Whether the two photos are near to each other in the channel's range.
    **traits
        ``language``, and ``layout``.
    """

    page_may_set = frozenset(("at", "given"))

    fingerprint = traitlets.Unicode(read_only=True).tag(sync=True)
    """Fingerprint of the engine."""
    quiz = traitlets.Unicode().tag(sync=True)
    """Names the round that is played; empty before there is a question."""
    hint = traitlets.Enum(list(HINTS), default_value="patches").tag(sync=True)
    """How the strongest patches are shown."""
    hard = traitlets.Bool(False).tag(sync=True)
    """Whether the two photos are near to each other in the channel's range."""
    ready = traitlets.Int(0, min=0).tag(sync=True)
    """How many questions are made."""
    total = traitlets.Int(0, min=0).tag(sync=True)
    """How many there will be."""
    at = traitlets.Int(0, min=0).tag(sync=True)
    """Number of the question that is shown; `total`: the score is."""
    given: Any = traitlets.List().tag(sync=True)
    """The answers, in the order of the questions: [side, seconds or null] each."""
    says = traitlets.List(traitlets.Unicode()).tag(sync=True)
    """The score in words, a line each."""
    bars: Any = traitlets.List().tag(sync=True)
    """Scores to be drawn: [words, share, low, high] each, 0..1."""
    language = traitlets.Unicode("en").tag(sync=True)
    """Language of the page's words."""

    def __init__(self, fingerprint: str, hint: str, hard: bool, **traits: Any) -> None:
        self._answers: dict[tuple[str, int], Answer] = {}
        self._taken: list[list[Any]] = []  # while traits are held back, they have the new values
        self.set_trait("fingerprint", fingerprint)
        super().__init__(hint=hint, hard=hard, **traits)

    page_module = "quiz"

    def keep(self, quiz: str, number: int, answer: Answer) -> None:
        """Keep a question, so that it is there when the page asks; from any thread.

        Questions of rounds before the one that is shown are let go.
        """
        kept = {key: held for key, held in self._answers.items() if key[0] in (quiz, self.quiz)}
        self._answers = {**kept, (quiz, number): answer}

    def kept(self, number: int) -> Answer | None:
        """What the page gets of a question of this round, if it is made; from any thread."""
        return self._answers.get((self.quiz, number))

    def begin(self, quiz: str, total: int) -> None:
        """Play another round, from its first question; on the kernel's main thread."""
        self._taken = []
        with self.hold_sync():
            self.given, self.at, self.says, self.bars = [], 0, [], []
            self.quiz, self.total, self.ready = quiz, total, 0

    def _find(self, message: Mapping[str, Any]) -> Answer:
        key = asked(message, "question")
        quiz = str(key.get("quiz"))
        number = validation.integer("number", key.get("number"), 0, 1 << 20)
        answer = self._answers.get((quiz, number))
        if answer is None:
            raise InputError(
                f"Question {number + 1} isn't made, or belongs to an earlier round: run the cell "
                "again."
            )
        return answer

    @traitlets.validate("given")
    def _check_given(self, proposal: Any) -> list[list[Any]]:
        """What was answered stays; more answers than questions there can't be."""
        given = [_checked(one) for one in proposal["value"]]
        if given[: len(self._taken)] != self._taken or len(given) > self.ready:
            raise traitlets.TraitError("Answers can be added, to questions that are made.")
        return given

    @traitlets.observe("given")
    def _take(self, change: Any) -> None:
        self._taken = change["new"]

    @traitlets.validate("at")
    def _check_at(self, proposal: Any) -> int:
        at: int = proposal["value"]
        if at > len(self.given):
            raise traitlets.TraitError(f"Question {len(self.given) + 1} isn't answered yet.")
        return at


def _checked(given: Any) -> list[Any]:
    """An answer as the page gives it: a side, and how many seconds it took or None."""
    if not isinstance(given, list | tuple) or len(given) != 2 or given[0] not in SIDES:
        raise traitlets.TraitError(f"An answer is [left or right, seconds], not {given!r}.")
    side, seconds = given
    if seconds is not None:
        number = isinstance(seconds, int | float) and not isinstance(seconds, bool)
        if not number or not math.isfinite(seconds) or seconds < 0:
            raise traitlets.TraitError(f"Seconds are a number from 0 on, not {seconds!r}.")
        seconds = round(float(seconds), 2)
    return [side, seconds]
