"""The pass that builds an engine's index, while widgets wait for it and show what is known."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Sequence
from typing import Protocol

from ...engine.protocol import EngineProtocol
from ...records import Activation, ChannelSummary, Progress, Projection, TopActivations
from .jobs.steps import Shared, Steps

EVERY = 0.7
"""Seconds between two partial answers to one request, at least."""
SHARE = 8
"""So many times as long as it took to make one lies between it and the next."""
RATE = 500_000
"""Bytes a second of all partial answers: Jupyter's server drops messages beyond 1 MB/s."""
AGAIN = 5.0
"""Seconds after which a partial answer is sent whole again, and then twice as many: one that was
lost nobody asks for anew, as signs of life come."""


class Known(Protocol):
    """What answers are made of: an engine with its index, or what it knows so far."""

    def channels(self, layer: str) -> ChannelSummary:
        """Statistics of all channels of a layer."""

    def top(self, layer: str, channel: int, k: int = 9) -> TopActivations:
        """A channel's k strongest activations."""

    def project_all(
        self, activations: Sequence[Activation], rule: str = "deconvnet"
    ) -> tuple[Projection, ...]:
        """Projections of several units of one layer."""


class SoFar:
    """What an engine knows of the images that were looked at so far.

    Remembers projections: from one look to the next most patches stay.

    Attributes
    ----------
    images_seen
        How many images the last statistics or activations were over.
    """

    def __init__(self, engine: EngineProtocol) -> None:
        self._engine = engine
        self._projections: dict[tuple[str, Activation], Projection] = {}
        self.images_seen = 0

    def channels(self, layer: str) -> ChannelSummary:
        """See `EngineProtocol.channels`."""
        found = self._engine.channels(layer, so_far=True)
        self.images_seen = found.images_seen or 0
        return found

    def top(self, layer: str, channel: int, k: int = 9) -> TopActivations:
        """See `EngineProtocol.top`."""
        found = self._engine.top(layer, channel, k, so_far=True)
        self.images_seen = found.images_seen
        stay = set(found)
        self._projections = {k: p for k, p in self._projections.items() if k[1] in stay}
        return found

    def project_all(
        self, activations: Sequence[Activation], rule: str = "deconvnet"
    ) -> tuple[Projection, ...]:
        """See `EngineProtocol.project_all`."""
        new = [a for a in activations if (rule, a) not in self._projections]
        for activation, found in zip(new, self._engine.project_all(new, rule), strict=True):
            self._projections[rule, activation] = found
        return tuple(self._projections[rule, a] for a in activations)


class Building:
    """The pass over all images: one for an engine, moved on in turn by all who wait for its index.

    Nobody else moves it on, so that it rests while it is `paused`. What asks the engine itself,
    as ``engine.index()`` in a cell, doesn't heed that.

    Attributes
    ----------
    paused
        Whether the pass is to rest; may be set on any thread.
    progress
        How far it is.
    free_at
        When the next partial answer may be sent.
    """

    def __init__(self, engine: EngineProtocol) -> None:
        self.engine = engine
        self.paused = False
        self.free_at = 0.0
        self.progress = Progress(0, 0, None, "")
        self._steps: Generator[Progress, None, None] | None = None
        self._told: dict[object, Progress] = {}
        """What those who follow have told."""

    def wait(
        self, answer: Callable[[Known], Steps] | None = None, *, follow: bool = False
    ) -> Steps:
        """Wait until the index is there, and move the pass on meanwhile.

        ``answer`` makes an answer, which is given as a partial one of what is known so far: after
        each step of the pass, but not so often that it keeps the pass from going on. To
        ``follow`` is to tell of each step, whoever took it, before anybody takes the next.
        """
        looks = None if answer is None else _Looks(self, answer)
        me = object()
        try:
            yield from self._wait(me, looks, follow)
        finally:
            self._told.pop(me, None)
        self.rest()

    def _wait(self, me: object, looks: _Looks | None, follow: bool) -> Steps:
        while not self.engine.indexed:
            if looks is not None and looks.due:
                yield from looks.take()
            elif not self.paused and all(told is self.progress for told in self._told.values()):
                self._move()
            if follow:
                self._told[me] = self.progress
            yield Shared(**vars(self.progress), paused=self.paused)

    def _move(self) -> None:
        if self._steps is None:
            self._steps = self.engine.index_steps()
        try:
            self.progress = next(self._steps)
        except StopIteration:
            self._steps = None
        except BaseException:
            self._steps = None
            raise

    def rest(self) -> None:
        """Leave the pass, which keeps what it knows. To be called where its steps are taken."""
        steps, self._steps = self._steps, None
        if steps is not None:
            steps.close()


class _Looks:
    """One request's looks at what is known so far."""

    def __init__(self, building: Building, answer: Callable[[Known], Steps]) -> None:
        self._building, self._answer = building, answer
        self._so_far = SoFar(building.engine)
        self._images = len(building.engine.info.images)
        self._done = 0
        self._next = 0.0
        self._last: list[bytes] | None = None
        self._again, self._patience = 0.0, AGAIN

    @property
    def due(self) -> bool:
        """Whether there's something new, and it is time to say so: at first that's at once."""
        new, now = self._building.progress.done != self._done, time.monotonic()
        if self._last is None:
            return new
        return (new or now >= self._again) and now >= max(self._next, self._building.free_at)

    def take(self) -> Steps:
        """Make a partial answer, in steps that say nothing by themselves."""
        self._done, spent = self._building.progress.done, 0.0
        steps = self._answer(self._so_far)
        while True:
            began = time.monotonic()
            try:
                next(steps)
            except StopIteration as end:
                data, buffers = end.value
                break
            finally:
                spent += time.monotonic() - began
            yield None
        now = time.monotonic()
        self._next = now + max(EVERY, SHARE * spent)
        unchanged, self._last = buffers == self._last, buffers
        same = unchanged and now < self._again
        if not same:
            self._patience = 2 * self._patience if unchanged else AGAIN
            self._again = now + self._patience
        sent = [] if same else buffers
        self._building.free_at = max(now, self._building.free_at) + sum(map(len, sent)) / RATE
        so_far = {"images": self._so_far.images_seen, "of": self._images, "same": same}
        yield lambda: ({**data, "so_far": so_far}, sent)
