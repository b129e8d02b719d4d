"""What all widgets and plots of one engine share: its source of answers and its worker."""

from __future__ import annotations

import time
import weakref
from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import Any

from ...engine.protocol import EngineProtocol
from ...threads import ProcessLock
from .encode import Answer
from .jobs import Jobs, Listener
from .jobs.hand_back import HandBack
from .jobs.steps import Steps
from .source import Source, identity
from .validation import check_engine

Need = tuple[str, dict[str, Any]]
"""A request's kind and the fields of its key, without the fingerprint."""
OWN = "python"
"""The view of jobs that no page has asked for."""


class Workbench:
    """A worker, and the way back to the kernel's main thread; without engine."""

    def __init__(self) -> None:
        self.jobs = Jobs()
        self.hand_back = HandBack()
        self.hand_back.adopt_loop()
        weakref.finalize(self, self.jobs.stop).atexit = False

    def work(
        self,
        owner: Hashable,
        slot: str,
        make: Callable[[], Steps],
        listener: Listener,
        priority: int = 1,
    ) -> None:
        """Have the worker do something that no page asks for; the newest wins in its slot."""
        self.jobs.submit(owner, OWN, slot, object(), make, listener, priority=priority)

    def settle(self, owners: Iterable[Hashable], timeout: float) -> bool:
        """Wait until all of their jobs are done, on the main thread; False when time runs out."""
        owners, end = set(owners), time.monotonic() + timeout
        done, more = False, True
        while more:  # what is handed back may ask for more
            done = self.jobs.wait(owners, max(0.0, end - time.monotonic()))
            more = self.hand_back.run_waiting() and done
        return done


class Service(Workbench):
    """Answers one engine's requests: at once what is known, the rest on the worker."""

    def __init__(self, engine: EngineProtocol) -> None:
        super().__init__()
        self.engine = engine
        make = getattr(engine, "make_source", None)  # a report has answers, not only records
        self.source: Source = Source(engine) if make is None else make()

    def ask(
        self,
        owner: Hashable,
        view: str,
        slot: str,
        need: Need,
        listener: Listener,
        *,
        priority: int = 1,
    ) -> None:
        """Ask for an answer, newest wins in ``(owner, view, slot)``; see `Jobs.submit`."""
        kind, fields = need
        known = self.source.cached(kind, fields)
        if known is not None:
            listener("reply", known)
            # Only now: who asked for this before, and asks again, mustn't hear that it was stopped.
            self.jobs.cancel(owner, view, slot)
            return
        self.jobs.submit(
            owner,
            view,
            slot,
            identity(kind, fields),
            lambda: self.source.answer(kind, fields, so_far=True),
            listener,
            priority=priority,
            bounded=True,
        )

    @property
    def paused(self) -> bool:
        """Whether the pass that builds the index rests."""
        return self.source.building.paused and not self.engine.indexed

    def pause(self) -> None:
        """Let the pass that builds the index rest; what it knows is kept."""
        building = self.source.building
        building.paused = True

        def rest() -> Steps:
            yield from ()
            building.rest()

        self.jobs.submit("service", "index", "rest", "rest", rest, lambda *_: None, priority=0)

    def resume(self) -> None:
        """Let the pass go on."""
        self.source.building.paused = False
        self.jobs.wake()

    def key(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        """A key as it crosses the wire."""
        return {"fingerprint": self.engine.info.fingerprint, **fields}

    def known(self, needs: Iterable[Need]) -> dict[str, Answer]:
        """What is known already, by `identity`."""
        answers = {identity(*need): self.source.cached(*need) for need in needs}
        return {what: answer for what, answer in answers.items() if answer is not None}

    def all(self, needs: Iterable[Need]) -> Steps:
        """Compute answers one after the other, in steps; returns them by `identity`."""
        answers: dict[str, Answer] = {}
        for need in needs:
            answers[identity(*need)] = yield from self.source.answer(*need)
        return answers


_services: weakref.WeakValueDictionary[int, Service] = weakref.WeakValueDictionary()
_lock = ProcessLock(renewed=True)


def service_of(engine: Any) -> Service:
    """The service of an engine: one, for as long as a widget or plot uses it.

    Raises
    ------
    InputError
        If ``engine`` isn't an engine.
    """
    check_engine(engine)
    with _lock:
        # A service holds its engine, so that the id is its engine's while the service lives.
        service = _services.get(id(engine))
        if service is None:
            service = _services[id(engine)] = Service(engine)
    service.hand_back.adopt_loop()
    return service
