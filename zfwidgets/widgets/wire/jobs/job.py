"""One job of a worker: what is asked for, and where it stands."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

from ....records import Progress
from .steps import CALM, IDLE, Coming, Shared, Step, Steps, paused

Op = Literal["reply", "partial", "progress", "error", "superseded"]
Listener = Callable[[Op, Any], None]

MOST = 256
"""Bounded jobs of one owner that may wait or run: several times what the pages of a widget ask for
while they wait for the index."""


@dataclass(eq=False)
class Job:
    """A job; see `Jobs.submit`."""

    place: tuple[Hashable, str, str]
    identity: Hashable
    make: Callable[[], Steps]
    listener: Listener
    priority: int
    order: int
    due: float
    heard: float
    bounded: bool = False
    asked: int = 0
    progress: Progress = IDLE
    steps: Steps | None = None
    stopped: bool = False
    answered: bool = False
    shared: bool = False
    stalled: bool = False
    told: dict[str, float] = field(default_factory=dict)

    def news(self, step: Step, pause: float) -> tuple[Op, Any] | None:
        """What the listener is told of a step; None for what isn't new, or comes too soon.

        The first partial result goes out at once, news of progress only of what takes long; then
        there are ``pause`` seconds between two of a kind.
        """
        if step is None or isinstance(step, Coming) or step == self.progress:
            return None  # the heartbeat says again what isn't new
        op: Op = "progress" if isinstance(step, Progress) else "partial"
        turned = paused(step) != paused(self.progress)
        if isinstance(step, Progress):
            self.progress = step
        now = time.monotonic()
        last = self.told.setdefault(op, now if op == "progress" else -math.inf)
        pause *= CALM if isinstance(step, Shared) else 1
        if self.stopped or (now - last < pause and not turned):
            return None
        self.told[op] = now
        return op, step if isinstance(step, Progress) else step()


def to_drop(jobs: Iterable[Job], owner: Hashable) -> Job | None:
    """Which job of an owner makes room for one more; None if there is room."""
    own = [job for job in jobs if job.bounded and job.place[0] == owner and not job.answered]
    return None if len(own) < MOST else max(own, key=lambda job: (job.priority, -job.asked))


def _alike(one: Job, job: Job) -> bool:
    """Whether two jobs compute the same answer."""
    return one is not job and one.bounded and job.bounded and one.identity == job.identity


def take_over(job: Job, jobs: Iterable[Job]) -> None:
    """Go on with what another job for the same has begun; that one is answered by what is kept."""
    begun = next((one for one in jobs if one.steps is not None and _alike(one, job)), None)
    if begun is not None:
        job.steps, begun.steps = begun.steps, None


def hand_over(dropped: Job, jobs: Iterable[Job]) -> Steps | None:
    """Give what a job that is dropped has begun to one that waits for the same; else return it."""
    steps, dropped.steps = dropped.steps, None
    heir = next((one for one in jobs if one.steps is None and _alike(one, dropped)), None)
    if heir is None:
        return steps
    heir.steps = steps
    return None
