"""A question as a widget: the prediction first, then the picture with the truth."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from contextlib import closing
from datetime import datetime, timezone
from typing import Any

import traitlets

from ..engine.protocol import EngineProtocol
from ..errors import InputError
from ..language.words import Words
from ..records import Progress
from ..widgets.answering import Answering, asked
from ..widgets.base import EngineWidget
from ..widgets.selection import Selection
from ..widgets.wire.encode import Answer
from ..widgets.wire.jobs import Op
from ..widgets.wire.jobs.steps import Shared, Steps
from ..widgets.wire.service import service_of
from .attempts import Attempt
from .exercises.channels import FindChannel, judged
from .exercises.task import Exercise, Finding, Task
from .given import SHOW, checked, checked_seconds
from .pictures import task_answer

PRIORITY = 4
"""After what a view of the engine asks for at once, before what is computed ahead."""


class Question(Answering):
    """Asks one question about a network, and checks the answer against the engine.

    The right answer is computed when the question is made. What was answered can't be changed
    afterwards; `reset` asks again.

    Parameters
    ----------
    engine
        ``zf.Engine(model, images)``, or whatever answers like one; an Explorer is taken too, whose
        channel a question "find" looks at.
    exercise
        What is asked: one of `zfwidgets.lessons`, such as ``StrongestPhoto("features.7")``.
    before
        Text that stands above the question.
    language
        Language of the words, ``"en"`` or ``"de"``; None: that of the Explorer, or of
        `zfwidgets.set_language`.
    projector
        Whether letters are large enough for the back of a classroom.
    **layout
        ``layout``, as every ipywidget has it.

    Raises
    ------
    InputError
        For an engine, exercise or language that isn't possible. What turns out when the question
        is made, its place says, and `settle` raises.

    Examples
    --------
    >>> question = zf.Question(engine, zf.lessons.StrongestPhoto("features.10", 50))
    >>> question.settle()
    >>> question.answer(2)  # as a click does
    >>> question.correct
    """

    page_module = "question"
    page_may_set = frozenset(("given", "checks"))

    fingerprint = traitlets.Unicode(read_only=True).tag(sync=True)
    """Fingerprint of the engine."""
    question = traitlets.Unicode().tag(sync=True)
    """Names this try at the question; another one after `reset`."""
    kind = traitlets.Unicode("choice").tag(sync=True)
    """How it is answered: "choice", "estimate" or "find"."""
    phase = traitlets.Enum(["making", "asked", "answered", "failed"], "making").tag(sync=True)
    """How far it is."""
    message = traitlets.Unicode().tag(sync=True)
    """How far the making is, or why there is no question."""
    given: Any = traitlets.Any(None, allow_none=True).tag(sync=True)
    """The answer, [value, seconds or null], once it is given."""
    checks = traitlets.Int(0, min=0).tag(sync=True)
    """How often it was asked to look at the channel that is chosen."""
    says = traitlets.List(traitlets.Unicode()).tag(sync=True)
    """What is said of the answer."""
    correct = traitlets.Bool(None, allow_none=True).tag(sync=True)
    """Whether the answer is right; None before it is given."""
    chosen = traitlets.Unicode().tag(sync=True)
    """The channel that is chosen in the Explorer."""
    before = traitlets.Unicode().tag(sync=True)
    """Text above the question."""
    place = traitlets.Unicode().tag(sync=True)
    """Which one it is on its worksheet."""
    words = traitlets.Dict().tag(sync=True)
    """What the page says itself."""
    language = traitlets.Unicode("en").tag(sync=True)
    """Language of the words."""
    projector = traitlets.Bool(False).tag(sync=True)
    """Whether letters are large."""

    def __init__(
        self,
        engine: EngineProtocol | EngineWidget,
        exercise: Exercise,
        *,
        before: str = "",
        language: str | None = None,
        projector: bool = False,
        **layout: Any,
    ) -> None:
        self._words = spoken(engine, language)
        self._widget = engine if isinstance(engine, EngineWidget) else None
        self._service = service_of(engine.engine if isinstance(engine, EngineWidget) else engine)
        if not callable(getattr(exercise, "steps", None)):
            raise InputError(
                f"exercise must be one of zfwidgets.lessons, such as StrongestPhoto(), not "
                f"{exercise!r}."
            )
        if isinstance(exercise, FindChannel) and self._widget is None:
            raise InputError(
                "FindChannel asks for a channel that is chosen in an Explorer: pass the Explorer "
                "in place of the engine."
            )
        self._exercise = exercise
        self._followed: Selection | None = None
        self._owner = uuid.uuid4().hex
        self._task: Task | None = None
        self._asked: Answer | None = None
        self._revealed: Answer | None = None
        self._failure: BaseException | None = None
        self._taken: list[Any] | None = None  # while traits are held back, they have the new values
        self._attempts: list[Attempt] = []
        self._begun = 0
        self._listeners: list[Callable[[], None]] = []
        self._worksheet, self._number = "", 1
        self.set_trait("fingerprint", self.engine.info.fingerprint)
        page = self._words.page
        super().__init__(
            before=before,
            language=self._words.language,
            projector=projector,
            words=page,
            **layout,
        )
        self.question = f"{self._owner}.0"
        self.observe(self._answered, "given")
        self.observe(self._look, "checks")
        if self._widget is not None:
            self._widget.observe(self._follow, "selection")
            self._follow(None)
        self._make()

    def __repr__(self) -> str:
        """What a notebook shows where the question can't live."""
        asked = self.message if self._task is None else self._task.ask
        return f"Question: {asked}"

    # ------------------------------------------------------------------ what was answered

    @property
    def engine(self) -> EngineProtocol:
        """The engine that knows the answer."""
        return self._service.engine

    @property
    def exercise(self) -> Exercise:
        """What is asked."""
        return self._exercise

    @property
    def task(self) -> Task:
        """The question with its answer, once it is made; raises `InputError` before."""
        if self._task is None:
            raise InputError("The question is being made: call settle() to wait for it.")
        return self._task

    @property
    def attempts(self) -> tuple[Attempt, ...]:
        """All answers so far, those before a `reset` too."""
        return tuple(self._attempts)

    def answer(self, value: float) -> bool:
        """Answer, as a click in the page does; once.

        Parameters
        ----------
        value
            Number of the option, from 0 on; or what is estimated.

        Returns
        -------
        bool
            Whether it is right.
        """
        if self.task.kind == "find":
            raise InputError("This asks for a channel: choose it in the Explorer, then check().")
        if self.given is not None:
            raise InputError("This question is answered: reset() asks it again.")
        try:
            self.given = [value, None]
        except traitlets.TraitError as error:
            raise InputError(str(error)) from None
        return bool(self.correct)

    def check(self) -> bool:
        """Look whether the channel that is chosen in the Explorer is one that is asked for."""
        if self.task.kind != "find":
            raise InputError("This question has answers to choose from: use answer().")
        self.checks += 1
        return bool(self.correct)

    def reset(self) -> None:
        """Ask again; what was answered stays among the `attempts`."""
        self._taken = None
        self._begun += 1
        with self.hold_sync():
            self.given, self.correct, self.says, self.checks = None, None, [], 0
            self.question = f"{self._owner}.{self._begun}"
            if self.phase == "answered":
                self.phase = "asked"
        if self.phase == "failed":
            self._make()

    def settle(self, timeout: float = 600.0) -> bool:
        """Wait until the question is made; False when time runs out. Raises what failed."""
        done = self._service.settle({self._owner}, timeout)
        if self._failure is not None:
            raise self._failure
        return done

    def close(self) -> None:
        """Stop, and remove it from the front end."""
        if self.comm is not None and hasattr(self, "_owner"):
            self._service.jobs.cancel(self._owner)
            if self._widget is not None and self._followed is not None:
                self._widget.unobserve(self._follow, "selection")
                self._followed.unobserve(self._follow, "unit")
        super().close()

    # ------------------------------------------------------------------ making it

    def _make(self) -> None:
        self._failure = None
        self.phase, self.message = "making", self._words("making")

        def steps() -> Steps:
            if self._exercise.indexed and not self.engine.indexed:
                with closing(self._service.source.building.wait()) as index:
                    yield from (step for step in index if isinstance(step, Shared))
            task = yield from self._exercise.steps(self.engine, self._words)
            return task, task_answer(task, False), task_answer(task, True)

        self._service.work(self._owner, "question", steps, self._hear, PRIORITY)

    def _hear(self, op: Op, value: Any) -> None:
        """Take news on the worker; show them on the kernel's main thread."""
        self._service.hand_back(lambda: self._take(op, value))

    def _take(self, op: Op, value: Any) -> None:
        if self.comm is None:
            return
        if isinstance(value, Progress):
            counted = f" {value.done} / {value.total}" if value.total > 1 else ""
            self.message = f"{value.what}{counted}"
        elif op == "error":
            self._failure = value
            with self.hold_sync():
                self.phase, self.message = "failed", f"{type(value).__name__}: {value}"
        elif op == "reply":
            self._task, self._asked, self._revealed = value
            with self.hold_sync():
                self.kind, self.phase, self.message = self._task.kind, "asked", ""

    def _find(self, message: Mapping[str, Any]) -> Answer:
        key = asked(message, "exercise")
        revealed = key.get("revealed") is True
        answer = self._revealed if revealed else self._asked
        if answer is None or key.get("question") != self.question:
            raise InputError("This question isn't made, or was asked again: run the cell again.")
        if revealed and self._taken is None:
            raise InputError("The answer is shown when the question is answered.")
        return answer

    # ------------------------------------------------------------------ taking answers

    @traitlets.validate("given")
    def _check_given(self, proposal: Any) -> list[Any] | None:
        """What was answered stays."""
        given, task = proposal["value"], self._task
        if given is None and self._taken is None:
            return None
        if self._taken is not None:
            if given == self._taken:
                return self._taken
            raise traitlets.TraitError("The question is answered: the answer stays.")
        if task is None:
            raise traitlets.TraitError("The question isn't made yet.")
        if not isinstance(given, list | tuple) or len(given) != 2:
            raise traitlets.TraitError(f"An answer is [value, seconds], not {given!r}.")
        return [checked(task, given[0]), checked_seconds(given[1])]

    def _answered(self, change: Any) -> None:
        if change["new"] is None or self._task is None or self._taken is not None:
            return
        self._taken = change["new"]
        value, seconds = change["new"]
        if value == SHOW:
            self._note(self._words("answer.shown"), False, seconds, self._task.truth)
        elif self._task.kind != "find":
            correct = self._task.right(value)
            told = self._verdict(correct, value)
            self._note(self._task.in_words(value), correct, seconds, f"{told} {self._task.truth}")

    def _verdict(self, correct: bool, value: float) -> str:
        assert self._task is not None  # it was answered
        if self._task.kind == "choice":
            return self._words("verdict.right" if correct else "verdict.wrong")
        key = "verdict.close" if correct else "verdict.far"
        return self._words(key, given=round(value))

    def _note(self, answer: str, correct: bool, seconds: float | None, says: str) -> None:
        """Keep an answer, and show what is so."""
        self._keep(answer, correct, seconds)
        with self.hold_sync():
            self.says, self.correct, self.phase = [says], correct, "answered"

    def _keep(self, answer: str, correct: bool, seconds: float | None) -> None:
        now = datetime.now(timezone.utc)
        name = type(self._exercise).__name__
        number = 1 + len(self._attempts)
        given = (self._worksheet, self._number, name, number, answer, self.expected)
        self._attempts.append(Attempt(*given, correct, seconds, now))

    @property
    def expected(self) -> str:
        """What is right, as text."""
        task = self.task
        if task.kind == "find":
            return " ".join(str(channel) for _, channel in sorted(task.units))
        return task.in_words(task.answer if task.kind == "choice" else round(task.answer))

    # ------------------------------------------------------------------ a channel to be found

    def _follow(self, _change: Any) -> None:
        assert self._widget is not None  # else nothing calls this
        if self._followed is not self._widget.selection:  # it was linked to other widgets
            if self._followed is not None:
                self._followed.unobserve(self._follow, "unit")
            self._followed = self._widget.selection
            self._followed.observe(self._follow, "unit")
        unit = self._followed.unit
        self.chosen = "" if unit is None else f"{unit[0]} : {unit[1]}"

    def _look(self, change: Any) -> None:
        if self._task is None or self._task.kind != "find" or self._taken is not None:
            return
        if change["new"] <= change["old"] or self._widget is None:
            return
        unit = self._widget.selection.unit
        finding: Finding = judged(self._task, self._words, unit)
        answer = "" if unit is None else f"{unit[0]}:{unit[1]}"
        if not finding.correct:
            if unit is not None:
                self._keep(answer, False, None)
            self.says = [finding.says]
            for listener in self._listeners:
                listener()
            return
        self._taken = [unit[1] if unit else 0, None]
        self.given = self._taken
        self._note(answer, True, None, f"{finding.says} {self._task.truth}")

    def of_worksheet(self, name: str, number: int, place: str, heard: Callable[[], None]) -> None:
        """Become a question of a worksheet.

        Parameters
        ----------
        name, number
            Name of the worksheet, and which of its questions this is.
        place
            How that is said.
        heard
            Called after each answer.
        """
        self._worksheet, self._number, self.place = name, number, place
        self._listeners.append(heard)
        self.observe(lambda _: heard(), "phase")


def spoken(engine: EngineProtocol | EngineWidget, language: str | None) -> Words:
    """The words of a language; None: of the one that the widget speaks, or of `set_language`."""
    if language is None and isinstance(engine, EngineWidget):
        language = engine.language
    return Words(language)
