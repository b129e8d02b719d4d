"""A worksheet: questions, the score, and what was answered."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

import traitlets

from ..engine.protocol import EngineProtocol
from ..errors import InputError
from ..language.words import Words
from ..widgets.answering import Answering, asked
from ..widgets.base import EngineWidget
from ..widgets.boxes import LiveBox
from ..widgets.routing import keep_routes
from ..widgets.selection import Selection
from ..widgets.wire.encode import Answer
from ..widgets.wire.service import service_of
from .attempts import Attempt, Score, as_csv, write_csv
from .exercises.task import Exercise
from .handout import handout_page
from .question import Question
from .still import StillLesson
from .vocabulary import spoken


class Board(Answering):
    """What stands above a worksheet's questions, and below them.

    Parameters
    ----------
    part
        "head" or "foot".
    words
        Words of the language.
    find
        Answers what the page asks for.
    """

    page_module = "worksheet"
    page_may_set = frozenset(("resets", "projector"))

    fingerprint = traitlets.Unicode(read_only=True).tag(sync=True)
    """Fingerprint of the engine."""
    worksheet = traitlets.Unicode(read_only=True).tag(sync=True)
    """Names the worksheet."""
    part = traitlets.Enum(["head", "foot"], "head").tag(sync=True)
    """Where it stands."""
    title = traitlets.Unicode().tag(sync=True)
    """What the worksheet is called."""
    intro = traitlets.Unicode().tag(sync=True)
    """What it is about."""
    says = traitlets.Unicode().tag(sync=True)
    """The score."""
    answered = traitlets.Int(0).tag(sync=True)
    """How many questions are answered."""
    asked = traitlets.Int(0).tag(sync=True)
    """How many there are."""
    resets = traitlets.Int(0, min=0).tag(sync=True)
    """How often the page asked to start again."""
    projector = traitlets.Bool(False).tag(sync=True)
    """Whether letters are large."""
    words = traitlets.Dict().tag(sync=True)
    """What the page says itself."""
    language = traitlets.Unicode("en").tag(sync=True)
    """Language of the words."""

    def __init__(self, sheet: Worksheet, part: str, name: str, **traits: Any) -> None:
        self._sheet = sheet
        self.set_trait("worksheet", name)
        super().__init__(part=part, **traits)

    def _find(self, message: Mapping[str, Any]) -> Answer:
        key = asked(message, "worksheet")
        if key.get("worksheet") != self.worksheet:
            raise InputError("This worksheet was made anew: run the cell again.")
        words, sheet = self._sheet.words, self._sheet
        glossary = [list(one) for one in words.glossary.items()]
        data = {"glossary": glossary, "csv": as_csv(sheet.attempts), "name": f"{sheet.name}.csv"}
        return data, []


class Worksheet(StillLesson, LiveBox):
    """Questions about a network that check themselves, with a score that is said kindly.

    Each question is a `zfwidgets.Question`: the answer first, then the picture with the truth.
    Every answer is kept, with those before "Start again".

    Parameters
    ----------
    engine
        ``zf.Engine(model, images)``, or whatever answers like one; an Explorer where questions ask
        for a channel that is chosen in it.
    questions
        What is asked: exercises of `zfwidgets.lessons`, or pairs of a text that stands above the
        question and an exercise.
    title, intro
        What the worksheet is called, and what it is about.
    name
        Name of the worksheet in the file of answers, and of that file.
    language
        Language of the words, ``"en"`` or ``"de"``, which the Explorer speaks then, too; None: that
        of the Explorer, or of `zfwidgets.set_language`.
    projector
        Whether letters are large enough for the back of a classroom.
    answers
        File that is written after each answer, as `to_csv` does; None: only when that is called.
    **layout
        ``layout``, as every ipywidget has it.

    Raises
    ------
    InputError
        For an engine, question or language that isn't possible.

    Examples
    --------
    >>> sheet = zf.lessons.seeing(zf.Explorer(engine))
    >>> sheet.settle()
    >>> sheet[0].answer(1)
    >>> sheet.score.right
    >>> sheet.to_csv("answers.csv")
    """

    def __init__(
        self,
        engine: EngineProtocol | EngineWidget,
        questions: Sequence[Exercise | tuple[str, Exercise]],
        *,
        title: str = "",
        intro: str = "",
        name: str = "worksheet",
        language: str | None = None,
        projector: bool = False,
        answers: str | Path | None = None,
        **layout: Any,
    ) -> None:
        if not questions:
            raise InputError("A worksheet needs a question: pass exercises of zfwidgets.lessons.")
        self._words, self._name = spoken(engine, language), name
        self._widget = engine if isinstance(engine, EngineWidget) else None
        self._file = None if answers is None else Path(answers)
        same: dict[str, Any] = {"language": self._words.language, "projector": projector}
        self._questions = tuple(
            Question(engine, exercise, before=before, **same)
            for before, exercise in (
                one if isinstance(one, tuple) else ("", one) for one in questions
            )
        )
        about = {
            "title": title or self._words.page["worksheet"],
            "words": self._words.page,
            "asked": len(self._questions),
            **same,
        }
        sheet = uuid4().hex
        self._service, self._owner = service_of(self.engine), sheet
        self._head = Board(self, "head", sheet, intro=intro, **about)
        self._foot = Board(self, "foot", sheet, **about)
        self._boards = (self._head, self._foot)
        for board in self._boards:
            board.observe(self._reset_by_page, "resets")
            board.observe(self._enlarged, "projector")
        for number, question in enumerate(self._questions, 1):
            place = self._words("place", number=number, of=len(self._questions))
            question.of_worksheet(name, number, place, self._heard)
        super().__init__([self._head, *self._questions, self._foot], **layout)
        if self._widget is not None:
            self._widget.language = self._words.language
        self.add_class("zf-lesson-box")
        keep_routes(self)
        self._say()

    # ------------------------------------------------------------------ its questions

    def __repr__(self) -> str:
        """What a notebook shows where the worksheet can't live."""
        if not hasattr(self, "_boards"):
            return "Worksheet"
        return f"Worksheet: {self._describe()}"

    def _describe(self) -> str:
        return f"{self.title} {self._foot.says}"

    def _shows(self) -> Sequence[Question]:
        return self._questions

    def _heading(self) -> tuple[str, str, str]:
        return self.title, self.intro, self._foot.says

    def __len__(self) -> int:
        return len(self._questions)

    def __getitem__(self, number: int) -> Question:
        return self._questions[number]

    def __iter__(self) -> Iterator[Question]:
        return iter(self._questions)

    @property
    def engine(self) -> EngineProtocol:
        """The engine that knows the answers."""
        return self._questions[0].engine

    @property
    def selection(self) -> Selection | None:
        """Selection of the Explorer in which channels are chosen; None where there is none."""
        return self._widget.selection if self._widget is not None else None

    @property
    def name(self) -> str:
        """Name of the worksheet in the file of answers."""
        return self._name

    @property
    def title(self) -> str:
        """What the worksheet is called."""
        return self._head.title

    @property
    def intro(self) -> str:
        """What it is about."""
        return self._head.intro

    @property
    def words(self) -> Words:
        """Words of the worksheet's language."""
        return self._words

    @property
    def projector(self) -> bool:
        """Whether letters are large; can be set."""
        return bool(self._head.projector)

    @projector.setter
    def projector(self, large: bool) -> None:
        for part in (*self._boards, *self._questions):
            part.projector = large

    def settle(self, timeout: float = 600.0) -> bool:
        """Wait until all questions are made; False when time runs out. Raises what failed."""
        return all(question.settle(timeout) for question in self._questions)

    # ------------------------------------------------------------------ what was answered

    @property
    def attempts(self) -> tuple[Attempt, ...]:
        """All answers so far in the order in which they were given."""
        found = (attempt for question in self._questions for attempt in question.attempts)
        return tuple(sorted(found, key=lambda attempt: attempt.time))

    @property
    def score(self) -> Score:
        """How many questions are right; those that could not be made don't count."""
        answered = [question for question in self._questions if question.phase == "answered"]
        right = sum(bool(question.correct) for question in answered)
        failed = sum(question.phase == "failed" for question in self._questions)
        return Score(right, len(answered), len(self._questions) - failed)

    def reset(self) -> None:
        """Ask all questions again, as "Start again" does; the `attempts` stay."""
        for question in self._questions:
            question.reset()
        self._say()

    def to_csv(self, path: str | Path) -> None:
        """Write all answers as a CSV file, one line an attempt: whole, or not at all.

        The columns are those of `zfwidgets.lessons.Attempt`.

        Parameters
        ----------
        path
            Where; what is there is replaced.
        """
        write_csv(self.attempts, Path(path))

    def handout(self, path: str | Path, *, answers: bool = False) -> None:
        """Write the worksheet as a page to be printed: one HTML file that needs nothing else.

        Parameters
        ----------
        path
            Where; what is there is replaced.
        answers
            Whether it has the right answers: the teacher's version.

        Raises
        ------
        InputError
            A question isn't made yet: call `settle` first.
        """
        handout_page(self, Path(path), answers)

    def close(self) -> None:
        """Stop, and remove the worksheet and its questions from the front end."""
        if self.comm is not None and hasattr(self, "_boards"):
            self._service.jobs.cancel(self._owner)
            for part in (*self._boards, *self._questions):
                part.close()
        super().close()

    def _heard(self) -> None:
        self._say()
        if self._file is not None and self.attempts:
            self.to_csv(self._file)

    def _say(self) -> None:
        score = self.score
        for board in self._boards:
            with board.hold_sync():
                board.says, board.answered = score.in_words(self._words), score.answered
                board.asked = score.asked

    def _reset_by_page(self, change: Any) -> None:
        if change["new"] > change["old"]:
            self.reset()

    def _enlarged(self, change: Any) -> None:
        self.projector = change["new"]
