"""The server's one computing thread: clients take turns, equal questions are computed once."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Generator, Hashable, Iterable, Mapping
from typing import Any, Protocol

from ... import threads
from ...records import Progress, QuantileRows
from ...widgets.wire.jobs import Jobs
from ...widgets.wire.jobs.job import Job
from ...widgets.wire.jobs.steps import Step, Steps
from ..messages.codec import encode
from ..messages.methods import Method
from .answers import Answers

IDLE_PRIORITY = 1000
"""Priority of what is done while nobody asks."""
NOBODY = "nobody"
REMEMBERED = 1000
"""Clients whose last turn is known."""

Question = Generator[Any, None, Any]


class FairQueue(Jobs):
    """Jobs of many owners: between two steps the owner goes on who has waited longest for a turn.

    Among one owner's jobs the most urgent goes first, as in `Jobs`.
    """

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        self._turns = itertools.count(1)
        self._served: dict[Hashable, int] = {}

    def _rank(self, job: Job, last: float) -> tuple[float, ...]:
        idle = job.priority >= IDLE_PRIORITY
        return idle, self._served.get(job.place[0], 0), *super()._rank(job, last)

    def _advance(self, job: Job) -> None:
        owner = job.place[0]
        self._served.pop(owner, None)
        self._served[owner] = next(self._turns)
        while len(self._served) > REMEMBERED:
            del self._served[next(iter(self._served))]
        super()._advance(job)

    @property
    def waiting(self) -> int:
        """Jobs that wait or run."""
        return len(self._jobs)


class Told(bytes):
    """What is known so far, as bytes; ``same``: only that it is what was last told."""

    same = False

    @classmethod
    def of(cls, value: Any) -> Told:
        """A value as bytes."""
        found = cls(encode(value))
        if isinstance(value, tuple) and value and isinstance(value[0], dict):
            found.same = bool(value[0].get("so_far", {}).get("same"))
        return found


class Ready(bytes):
    """An answer that another process has made bytes of; ``lasts``: whether it may be kept."""

    lasts = True

    def __new__(cls, content: bytes, lasts: bool) -> Ready:
        """Bytes, and whether they may be kept."""
        found = super().__new__(cls, content)
        found.lasts = lasts
        return found


class RemoteCompute(Protocol):
    """Other processes that hold the same engine."""

    def takes(self, method: Method, checked: Mapping[str, Any]) -> bool:
        """Whether they compute such questions."""

    def steps(self, method: Method, checked: Mapping[str, Any]) -> Question:
        """The steps to an answer; returns it as `Ready`."""


class Computation:
    """One question's steps, which all who ask it move on in turn; on the computing thread alone."""

    def __init__(self, make: Callable[[], Question]) -> None:
        self._make = make
        self._steps: Question | None = None
        self._told: Step = None
        self.users = 0
        self.version = 0
        self.over = self.lasts = False
        self.content = b""
        self.error: BaseException | None = None

    def advance(self) -> bool:
        """Take the next step; whether that was the last, to the answer."""
        try:
            if self._steps is None:
                self._steps = self._make()
            step = next(self._steps)
        except StopIteration as end:
            value, self.over = end.value, True
            ready = isinstance(value, Ready)
            self.content = bytes(value) if ready else encode(value)
            self.lasts = value.lasts if ready else lasts(value)
            return True
        except threads.Interrupted:
            raise
        except Exception as error:  # noqa: BLE001 -- all who ask are told
            self.error, self.over = error, True
        else:
            self.version += 1
            self._told = self._tell(step)
        return False

    def step(self) -> Step:
        """What the last step told: how far it is, or what gives the result so far as bytes."""
        return self._told

    def _tell(self, step: Any) -> Step:
        if step is None or isinstance(step, Progress):
            return step
        made: list[Told] = []

        def content() -> Told:
            if not made:
                made.append(Told.of(step() if callable(step) else step))
            return made[0]

        return content

    def close(self) -> None:
        """Leave it where it is."""
        if self._steps is not None:
            self._steps.close()


def lasts(value: Any) -> bool:
    """Whether an answer holds no place of a photo that couldn't be read: it may come back."""
    data = value[0] if isinstance(value, tuple) and value else None
    if isinstance(data, dict):
        return not data.get("lost")
    parts = value.parts if isinstance(value, QuantileRows) else ()
    return not any(getattr(one, "unreadable", ()) for one in (value, *parts))


class Work:
    """Computes answers as bytes, each once, and keeps them.

    Parameters
    ----------
    answers
        Where they are kept.
    generation
        Gives another number whenever images are others than before.

    Attributes
    ----------
    computed
        How many answers were computed.
    preparing, prepared
        Whether answers are computed ahead, and how many of those there are.
    """

    def __init__(self, answers: Answers, generation: Callable[[], int]) -> None:
        self.answers = answers
        self.jobs = FairQueue()
        self.computed = self.prepared = 0
        self.preparing = False
        self._generation = generation
        self._known = generation()
        self._running: dict[bytes, Computation] = {}

    def known(self, key: bytes) -> bytes | None:
        """An answer that is kept; computes nothing."""
        return None if self._renewed() else self.answers.get(key)

    def _renewed(self) -> bool:
        generation = self._generation()
        if generation == self._known:
            return False
        self._known = generation
        self.answers.clear()
        return True

    def unchanged(self, change: Callable[[], Any]) -> Any:
        """Do what counts as a change of images, but is none of those that all see."""
        before = self._generation()
        found = change()
        if self._known == before:
            self._known = self._generation()
        return found

    def steps(self, key: bytes, make: Callable[[], Question], keep: bool) -> Steps:
        """A job's steps to an answer; returns its bytes. On the computing thread alone."""
        known = self.known(key) if keep else None
        if known is not None:
            return known
        one = self._running.setdefault(key, Computation(make))
        one.users += 1
        seen = 0
        try:
            while True:
                if one.version == seen and not one.over:
                    self.computed += one.advance()
                if one.over:
                    break
                seen = one.version
                yield one.step()
            if one.error is not None:
                raise one.error
            if keep and one.lasts and not self._renewed():
                self.answers.put(key, one.content)
            return one.content
        finally:
            one.users -= 1
            if one.over or not one.users:
                if self._running.get(key) is one:
                    del self._running[key]
                one.close()

    def prepare(self, plan: Iterable[tuple[bytes, Callable[[], Question]]]) -> None:
        """Compute answers ahead while nobody asks, as long as there's room for them."""
        self.preparing = True

        def steps() -> Steps:
            try:
                yield from each()
            finally:
                self.preparing = False

        def each() -> Steps:
            for key, make in plan:
                if self.answers.full:
                    return
                self._renewed()
                if not self.answers.has(key):
                    try:
                        yield from self.steps(key, make, True)
                    except Exception:  # noqa: BLE001 -- who asks for it is told
                        continue
                self.prepared += 1
                yield None

        def nobody(*_: Any) -> None:
            pass

        self.jobs.submit(NOBODY, "prepare", "", object(), steps, nobody, priority=IDLE_PRIORITY)
