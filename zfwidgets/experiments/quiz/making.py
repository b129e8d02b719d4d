"""Making the questions of a quiz, one by one, with any engine."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import replace

import numpy as np

from ...engine.protocol import EngineProtocol
from ...errors import InputError, NotStored, UnreadableImage
from ...records import Activation, Box, Occluder, Progress, Unit
from ...stepwise import Counting, Driven, Growing, finish, finish_stages_with_bar
from ...widgets.setting.choosing import first_selection
from ...widgets.wire import validation
from .questions import (
    EASY,
    FEWEST,
    HARD,
    HINTS,
    Candidates,
    QuizChoice,
    QuizQuestion,
    QuizQuestions,
    hints_of,
    pairs,
)

MOST = 100
"""Questions of one quiz."""
WHAT = "making questions"
Prepare = Callable[[QuizQuestion], Counting[None]]
Steps = Growing[QuizQuestions]


def quiz_question_steps(
    engine: EngineProtocol,
    layer: str | None = None,
    questions: int = 10,
    *,
    seed: int = 0,
    hard: bool = False,
    prepare: Prepare | None = None,
) -> Steps:
    """Make the questions of a quiz in steps: yields how far it is, and the questions so far.

    A question needs a channel that fires in two photos at least. Where a layer has fewer channels
    than questions are asked for, channels come up again with other photos; where there are no
    other ones, there are fewer questions.

    Parameters
    ----------
    engine
        A live engine, or a report of one.
    layer
        Layer whose channels are asked for; None: the one with which an Explorer opens.
    questions
        How many, 1 to 100.
    seed
        Draws channels, photos and sides, without the global random states.
    hard
        Photos from the 75th to 90th percentile beside such from the 25th to 50th, and not from
        the 90th to 99th beside such below the 50th.
    prepare
        Called for each question before it counts; one for which it raises `NotStored` is left out.

    Returns
    -------
    QuizQuestions
        The questions, in the order in which they are asked.

    Raises
    ------
    InputError
        There are too few photos, or no channel of the layer makes a question; says why.
    NotStored
        A report holds too little of the layer for any question.
    """
    layer, count, seed = checked(engine, layer, questions, seed)
    yield from engine.index_steps()
    if len(engine.info.images) < FEWEST:
        raise InputError(
            f"A quiz needs {FEWEST} photos or more, two of them to choose from and the others to "
            f"learn the channel; the engine has {len(engine.info.images)}."
        )
    made = _Made(engine, layer, seed, hard)
    found = QuizQuestions(layer, seed, hard, (), count)
    alive = np.flatnonzero(engine.channels(layer).strongest > 0)
    order, grows = made.random.permutation(alive).tolist(), True
    while grows and len(found) < count:  # channels come up again only when all had their turn
        grows = False
        for channel in order:
            if len(found) == count:
                break
            so_far = Progress(len(found), count, None, WHAT)
            yield so_far
            question = yield from made.question(channel, so_far, prepare)
            if question is not None:
                grows, found = True, replace(found, made=(*found, question))
                yield found
    if not len(found):
        raise made.reason(len(alive))
    return replace(found, complete=True)


def quiz_questions(
    engine: EngineProtocol,
    layer: str | None = None,
    questions: int = 10,
    *,
    seed: int = 0,
    hard: bool = False,
    progress: bool = True,
) -> QuizQuestions:
    """Make the questions of a quiz, as `quiz_question_steps` does; a script can play them.

    Parameters
    ----------
    engine, layer, questions, seed, hard
        As in `quiz_question_steps`.
    progress
        Whether to show a progress bar.
    """

    def steps() -> Counting[QuizQuestions]:
        made = quiz_question_steps(engine, layer, questions, seed=seed, hard=hard)
        driven = Driven(made)
        with closing(made):
            for step in driven:
                if isinstance(step, Progress):
                    yield step
        return driven.result

    return finish_stages_with_bar(steps(), progress)


def checked(
    engine: EngineProtocol, layer: str | None, questions: int, seed: int
) -> tuple[str, int, int]:
    """The layer's name, the number of questions and the seed; raises `InputError` naming which."""
    count = validation.integer("questions", questions, 1, MOST)
    seed = validation.integer("seed", seed, 0, 2**63 - 1)
    if layer is None:
        unit = first_selection(engine, {})["unit"]
        return str(unit[0]), count, seed
    return engine.layer(layer).name, count, seed


class _Made:
    """What was drawn already, and why channels make no question."""

    def __init__(self, engine: EngineProtocol, layer: str, seed: int, hard: bool) -> None:
        self.random = np.random.default_rng(seed)
        self._engine, self._layer = engine, layer
        self._parts = HARD if hard else EASY
        self._asked: dict[int, set[int]] = {}
        """Photos that were the stronger one before, by channel."""
        self._not_stored: NotStored | None = None
        self._lost: UnreadableImage | None = None

    def question(
        self, channel: int, so_far: Progress, prepare: Prepare | None
    ) -> Counting[QuizQuestion | None]:
        """A question of a channel; None where it makes none."""
        try:
            found = yield from self._question(channel, so_far)
            if found is not None and prepare is not None:
                yield from prepare(found)
        except NotStored as error:
            self._not_stored = error
            return None
        return found

    def reason(self, alive: int) -> Exception:
        """Why there is no question at all."""
        if self._not_stored is not None:
            return self._not_stored
        if self._lost is not None:
            return self._lost
        if not alive:
            why = "no unit of any of its channels is above zero in these photos"
        else:
            why = (
                "a channel must fire in two photos or more, and clearly more in one than in "
                "another outside of the hint"
            )
        return InputError(
            f"Layer {self._layer!r} makes no question: {why}. Choose another layer, or an engine "
            "with more photos."
        )

    def _question(self, channel: int, so_far: Progress) -> Counting[QuizQuestion | None]:
        candidates = candidates_of(self._engine, self._layer, channel)
        top = tuple(self._engine.top(self._layer, channel, HINTS))
        firing = max(len(top), int((candidates.values > 0).sum()))
        strongest = top[: hints_of(candidates.photos, firing)]
        asked = self._asked.setdefault(channel, set())
        hidden = {int(a.image) for a in strongest if a.image is not None}
        left_first = bool(self.random.integers(2))
        hint, lost = self._shown(strongest)
        if not hint:
            return None
        for places in pairs(candidates, hidden | asked, self._parts, self.random):
            yield so_far
            chosen = [self._choice(channel, candidates, place) for place in places]
            strong, weak = chosen
            if strong is None or weak is None:
                continue
            if not strong.activation.value > weak.activation.value:
                continue
            asked.add(strong.image)
            left, right = (strong, weak) if left_first else (weak, strong)
            return QuizQuestion(self._layer, channel, hint, left, right, lost)
        return None

    def _shown(
        self, strongest: tuple[Activation, ...]
    ) -> tuple[tuple[Activation, ...], tuple[tuple[str, str], ...]]:
        """Those whose photos can be shown; (name, reason) of the others."""
        hint, lost = [], []
        for activation in strongest:
            try:
                self._engine.patch(activation)
            except UnreadableImage as error:  # noqa: PERF203
                self._lost = error
                lost.append((activation.image_name, error.reason))
            except NotStored as error:
                self._not_stored = error
                lost.append((activation.image_name, str(error)))
            else:
                hint.append(activation)
        return tuple(hint), tuple(lost)

    def _choice(self, channel: int, candidates: Candidates, place: int) -> QuizChoice | None:
        """A photo with the channel's exact value; None where it can't be shown."""
        image = int(candidates.images[place])
        try:
            self._engine.photo(image)
            found = candidates.known.get(image)
            if found is None:
                found = strongest_in(self._engine, self._layer, channel, image)
        except UnreadableImage as error:  # it could be read when the index was made
            self._lost = error
            return None
        except NotStored as error:
            self._not_stored = error
            return None
        return QuizChoice(found, float(candidates.percentiles[place]))


def candidates_of(engine: EngineProtocol, layer: str, channel: int) -> Candidates:
    """The photos of a channel that may be asked for, as far as the engine knows them."""
    try:
        return Candidates.of_sample(engine.sample(layer, channel))
    except NotStored:  # a report keeps a few photos of each part of the range
        return Candidates.of_rows(finish(engine.quantile_steps(layer, channel)))


def strongest_in(engine: EngineProtocol, layer: str, channel: int, image: int) -> Activation:
    """A channel's largest activation in a photo, computed anew: the index keeps it rounded.

    What is asked for is what a covered pixel changes; what is taken of the answer is the photo as
    it is.
    """
    found = engine.respond(image, Occluder(Box(0, 0, 1, 1)), layer)
    row, col = (int(place) for place in found.places[channel])
    return Activation(
        Unit(layer, channel, row, col),
        image,
        engine.info.images[image],
        float(found.clean_units[channel]),
        engine.layer(layer).field_of(channel).box(row, col),
    )
