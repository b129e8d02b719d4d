"""The quiz as a widget: two photos, a hint, and whoever looks at them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import ipywidgets
from PIL import Image

from ...engine.protocol import EngineProtocol
from ...errors import InputError
from ...language.words import Words
from ...records import Pixels, Progress
from ...stepwise import Counting, Driven, Growing
from ...widgets.wire.encode import Answer
from ...widgets.wire.jobs.steps import Shared
from ...widgets.wire.service import Service
from ..shared.boxes import Experiment
from . import pictures
from .answers import QuizAnswer, QuizScore, beside, in_words, verdict, write_csv
from .board import QuizBoard
from .making import WHAT, checked, quiz_question_steps
from .pictures import HINTS, PROJECTING
from .questions import SIDES, QuizQuestion, QuizQuestions, Side

Played = tuple[QuizScore, frozenset[int]]
"""A score, and the seeds whose questions it is of."""
ENGLISH = Words("en")
"""Words of the static picture."""
_without: dict[tuple[str, str, bool], Played] = {}
"""What was scored without a hint in this process, by engine, layer and difficulty."""


class Quiz(Experiment["QuizQuestions"]):
    """Asks which of two photos fires a channel more, and says how many answers were right.

    Each question shows up to nine of a channel's strongest patches, in other photos, as a hint.
    Of the two photos one is from the top of the channel's range and one from its lower half. Click
    the one that fires the channel more, or press 1 or 2, or an arrow key. What a display tells
    people of a channel is how often they are right (Borowski et al. 2021); guessing gets half.

    With few photos the hint has fewer patches, a quarter of the photos, and the photo from the top
    is the strongest that isn't in the hint. The percentiles that are told say which it was.

    Parameters
    ----------
    engine
        ``zf.Engine(model, images)``, or a report of one: `zfwidgets.load_report`.
    layer
        Name of the layer whose channels are asked for; None: that with which an Explorer opens.
    hint
        How the strongest patches are shown: "patches", "projections" (in signed colour, on one
        scale), "brightness" (the projections' luminance alone, each on its own scale), "revealed"
        (patches, visible where their projections are large) or "none".
    questions
        How many questions, 1 to 100.
    seed
        What draws channels, photos and sides, 0 or more; the global random states stay as they
        are. "New questions" takes the next one.
    hard
        Whether photos of the 75th to 90th percentile stand beside such of the 25th to 50th; else
        of the 90th to 99th beside such below the 50th.
    language
        Language of the page's words, ``"en"`` or ``"de"``; None: that of
        `zfwidgets.set_language`. Errors and the static picture stay English.
    **layout
        ``layout``, as every ipywidget has it.

    Raises
    ------
    InputError
        For a layer, hint, number of questions or seed that isn't possible. What turns out later,
        as that a layer makes no question, the line below says, and `settle` raises.

    Examples
    --------
    >>> quiz = zf.Quiz(engine, layer="features.7", hint="projections")
    >>> quiz.settle()  # all questions are made
    >>> [question.channel for question in quiz.questions]
    >>> quiz.choose("left")  # as a click does
    >>> quiz.score.share
    """

    named = "quiz"
    again = "quiz.again"
    goes_on = False  # the next round has other questions

    def __init__(
        self,
        engine: EngineProtocol,
        layer: str | None = None,
        hint: str = "patches",
        questions: int = 10,
        seed: int = 0,
        *,
        hard: bool = False,
        language: str | None = None,
        **layout: Any,
    ) -> None:
        self._words = Words(language)
        if hint not in HINTS:
            raise InputError(f"hint must be one of {', '.join(HINTS)}, not {hint!r}.")
        if not isinstance(hard, bool):
            raise InputError(f"hard must be True or False, not {hard!r}.")
        self._layer, self._wanted, self._seed = checked(engine, layer, questions, seed)
        self._hint, self._hard = hint, hard
        self._next_seed = self._seed
        self._earlier: tuple[QuizAnswer, ...] = ()
        self._photos: dict[QuizQuestion, list[Pixels]] = {}
        self._board = QuizBoard(
            engine.info.fingerprint,
            hint,
            hard,
            language=self._words.language,
            layout=ipywidgets.Layout(width="auto"),
        )
        self._board.observe(self._answered, "given")
        super().__init__(engine, [self._board], **layout)
        self.add_class("zf-quiz-box")

    # ------------------------------------------------------------------ what was played

    @property
    def hint(self) -> str:
        """How the strongest patches are shown."""
        return self._hint

    @property
    def questions(self) -> tuple[QuizQuestion, ...]:
        """The questions of this round, as far as they are made; `settle` waits for all."""
        return () if self._result is None else self._result.made

    @property
    def answers(self) -> tuple[QuizAnswer, ...]:
        """All answers, those of earlier rounds first."""
        return (*self._earlier, *self._of_round())

    @property
    def score(self) -> QuizScore:
        """How many answers of this round were right, with ``share`` and ``interval``."""
        return QuizScore.of(self._of_round())

    def choose(self, side: Side) -> QuizAnswer:
        """Answer the first question that isn't answered, as a click does.

        Parameters
        ----------
        side
            "left" or "right".

        Returns
        -------
        QuizAnswer
            Whether it was right, and both values.

        Raises
        ------
        InputError
            There is no such side, or no question left to answer.
        """
        if side not in SIDES:
            raise InputError(f'side must be "left" or "right", not {side!r}.')
        number = len(self._board.given)
        if number >= len(self.questions):
            raise InputError(
                "More questions are being made: call settle() to wait for them."
                if self.running
                else f"All {number} questions are answered: make a quiz with another seed."
            )
        with self._board.hold_sync():
            self._board.given = [*self._board.given, [side, None]]
            self._board.at = number + 1
        return self.answers[-1]

    def to_csv(self, path: str | Path) -> None:
        """Write all answers as a CSV file, one line an answer: whole, or not at all.

        Parameters
        ----------
        path
            Where; what is there is replaced.
        """
        write_csv(self.answers, Path(path))

    def _of_round(self) -> tuple[QuizAnswer, ...]:
        given = self._board.given
        return tuple(
            QuizAnswer.to(
                question,
                side,
                hint=self._hint,
                hard=self._hard,
                seed=self._seed,
                seconds=seconds,
            )
            for question, (side, seconds) in zip(self.questions, given, strict=False)
        )

    def _answered(self, _change: Any) -> None:
        if self._closed:
            return
        self._say_score()
        self._draw_picture()

    def _say_score(self) -> None:
        score = self.score
        if self._hint == "none" and score.answered:
            _without[self._scored] = score, frozenset((self._seed,))
        without, _ = _without.get(self._scored, (QuizScore(0, 0), frozenset()))
        played = [(self._hint, score)] if score.answered else []
        if played and self._hint != "none" and without.answered:
            played.append(("none", without))
        bars = [[self._words(f"quiz.hint.{hint}"), s.share, *s.interval] for hint, s in played]
        with self._board.hold_sync():
            self._board.says, self._board.bars = self._says(self._words), bars

    @property
    def _scored(self) -> tuple[str, str, bool]:
        """What must be the same for two scores to be compared."""
        return self._board.fingerprint, self._layer, self._hard

    def _says(self, words: Words) -> list[str]:
        """The score in words, a line each."""
        score = self.score
        if not score.answered:
            return []
        says = [in_words(score, words), verdict(score, words)]
        without, seeds = _without.get(self._scored, (QuizScore(0, 0), frozenset()))
        if self._hint != "none" and without.answered:
            says.append(beside(score, without, self._seed in seeds, words))
        elif self._hint != "none":
            says.append(words("quiz.compare", call=self._call_without()))
        return says

    def _call_without(self) -> str:
        """What plays the same without a hint, with other questions: these are known by now."""
        hard = ", hard=True" if self._hard else ""
        return f'zf.Quiz(engine, {self._layer!r}, hint="none", seed={self._seed + 100}{hard})'

    # ------------------------------------------------------------------ making questions

    def start(self) -> None:
        """Make the questions of the next round, and let it be played."""
        self._earlier = self.answers
        self._result, self._photos = None, {}
        self._seed, self._next_seed = self._next_seed, self._next_seed + 1
        self._board.begin(self._run_name(self._run + 1), self._wanted)
        super().start()

    def _steps(self) -> Growing[QuizQuestions]:
        run, seed = self._run_name(), self._seed
        assert isinstance(self._service, Service)
        photos: dict[QuizQuestion, list[Pixels]] = {}
        answers: dict[QuizQuestion, Answer] = {}

        def prepare(question: QuizQuestion) -> Counting[None]:
            steps = pictures.question_answer(self.engine, question, self._hint)
            answers[question], large = yield from steps
            photos[question] = pictures.small(large)

        with closing(self._service.source.building.wait()) as index:
            for step in index:
                if isinstance(step, Shared):
                    paused = self._words("quiz.paused", what=step.what)
                    yield replace(step, what=paused) if step.paused else step
        driven = Driven(
            quiz_question_steps(
                self.engine, self._layer, self._wanted, seed=seed, hard=self._hard, prepare=prepare
            )
        )
        kept = 0
        for made in driven:
            if isinstance(made, QuizQuestions):
                for number in range(kept, len(made)):
                    self._board.keep(run, number, answers.pop(made[number]))
                kept = len(made)
                self._photos = {**self._photos, **photos}
            yield replace(made, what=self._word(made.what)) if isinstance(made, Progress) else made
        return driven.result

    def _word(self, what: str) -> str:
        """What a step does, in the language; steps of the engine stay as they are."""
        key = {WHAT: "quiz.making", PROJECTING: "quiz.projecting"}.get(what)
        return what if key is None else self._words(key)

    def _done(self, result: QuizQuestions) -> str:
        number, wanted, layer = len(result), result.wanted, result.layer
        if number < wanted:
            return self._words("quiz.fewer", number=number, wanted=wanted, layer=layer)
        return self._words("quiz.done", number=number)

    def _stopped(self, result: QuizQuestions | None) -> str:
        return self._words("quiz.stopped", number=0 if result is None else len(result))

    def _say_running(self, running: bool, text: str) -> None:
        if not running:
            self._board.total = self._board.ready
        super()._say_running(running, text)

    # ------------------------------------------------------------------ drawing

    def _describe(self) -> str:
        text = f"Quiz: which photo fires a channel of {self._layer} more? Hint: {HINTS[self._hint]}"
        return f"{text}. {in_words(self.score, ENGLISH)}" if self.score.answered else text

    def _show(self, result: QuizQuestions) -> None:
        self._board.ready = len(result)

    def _paint(self, result: QuizQuestions | None, status: str) -> Callable[[], Image.Image]:
        title = f"Which photo fires a channel of {self._layer} more?"
        hint = f"hint: {HINTS[self._hint]}{', hard' if self._hard else ''}"
        played = [
            (answer, self._photos[question])
            for question, answer in zip(self.questions, self._of_round(), strict=False)
        ]
        left = self.questions[len(played) :]
        waiting = None
        if left:
            kept = self._board.kept(len(played))
            waiting = pictures.Waiting(left[0], self._photos[left[0]], self._hint, kept)
        below = f"{status}; {hint}" if self._words.language == "en" else hint
        return partial(pictures.draw, title, below, self._says(ENGLISH), played, waiting)
