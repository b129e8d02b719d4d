"""One worker for one engine: the newest request of a slot wins, the most urgent goes first."""

from __future__ import annotations

import asyncio
import logging
import math
import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Hashable, Iterable
from typing import Any

from .... import threads
from ....errors import Cancelled, TooManyRequests, ZfError
from . import beats
from .hand_back import running_loop
from .job import MOST, Job, Listener, Op, hand_over, take_over, to_drop
from .steps import IN_TURN, LAST, TURN, Away, Coming, Shared, Step, Steps, complete, paused

log = logging.getLogger("zfwidgets")

REST = 3.0
"""Seconds without a job after which the worker gives freed memory back."""


class Jobs:
    """Runs jobs one step at a time on one daemon thread, started when it is first needed.

    A job belongs to an owner and to a slot ``(view, slot)`` of that owner. A newer job in the
    same slot replaces it, waiting or running; asking again for the same changes nothing. Between
    two steps the most urgent job goes first, in order of arrival among equals.

    The listener of a job is called with ``("reply", result)``, ``("error", exception)`` or
    ``("superseded", None)`` once, before that maybe with ``("partial", result)`` and, at least
    every `heartbeat` seconds while the job waits or runs, with ``("progress", Progress)``. It is
    called from the worker, the heartbeat's thread or, when superseded, from the thread that asks
    for something else; it must be quick and must not set traits (see `HandBack`).

    What several jobs wait for (`Shared`) they move on together.

    Where threads can't start (Pyodide) jobs run one step at a time on the event loop of the thread
    that asks, so that newer requests still win; where no loop runs either, at once.

    Parameters
    ----------
    heartbeat
        Seconds of silence after which a waiting or running job gives a sign of life. Jobs of one
        owner that are equally far give theirs together, where their listeners can: see `beats`.
    pause
        Seconds between two partial results, or two reports of progress, of one job; what comes
        in between is left out.
    """

    def __init__(self, *, heartbeat: float = 1.0, pause: float = 0.1) -> None:
        self._heartbeat = heartbeat
        self._pause = pause
        self._changed = threads.ProcessLock()
        self._jobs: dict[tuple[Hashable, str, str], Job] = {}
        self._dropped: deque[Job] = deque()
        self._orders = 0
        self._moved: Step = None
        self._moved_at = -math.inf
        self._wakes = 0
        self._ended = False
        self._threads: dict[str, threading.Thread] = {}
        self._threadless = False
        self._inline = False
        self._scheduled: asyncio.TimerHandle | None = None

    # ------------------------------------------------------------------ asking

    def submit(
        self,
        owner: Hashable,
        view: str,
        slot: str,
        identity: Hashable,
        make: Callable[[], Steps],
        listener: Listener,
        *,
        priority: int = 1,
        delay: float = 0.0,
        bounded: bool = False,
    ) -> None:
        """Ask for a job; returns at once.

        Parameters
        ----------
        identity
            What is asked for: a job of the same slot with an equal identity is the same job.
        make
            Gives the job's generator, called on the worker. It yields `Progress`, or functions
            without arguments that give a partial result, and returns the result.
        priority
            Lower goes first.
        delay
            Seconds that the slot must be left alone before the job starts.
        bounded
            Whether it counts among the `MOST` of its owner, of which the oldest of the least urgent
            makes room for it: that is answered with `TooManyRequests`. Of two such jobs of one
            identity, whoever's, the more urgent goes on with what the other has begun.
        """
        place, now = (owner, view, slot), time.monotonic()
        with self._changed:
            old = self._jobs.get(place)
            if old is not None and old.identity == identity and not old.answered:
                old.priority = min(old.priority, priority)
                old.due = min(old.due, now + delay)
                self._changed.notify_all()
                return
            superseded = self._drop(old) if old is not None else False
            crowded_out = to_drop(self._jobs.values(), owner) if bounded else None
            if crowded_out is not None:
                self._drop(crowded_out)
            self._orders += 1
            job = Job(place, identity, make, listener, priority, self._orders, now + delay, now)
            job.bounded, job.asked = bounded, job.order
            self._jobs[place] = job
            self._ended = False
            threaded = self._start_threads()
            self._changed.notify_all()
        if superseded and old is not None:
            self._tell(old, "superseded", None)
        if crowded_out is not None:
            self._tell(crowded_out, "error", TooManyRequests(MOST))
        if not threaded:
            self._threadless = True
            self._go_on()

    def cancel(self, owner: Hashable, view: str | None = None, slot: str | None = None) -> None:
        """Stop an owner's jobs: one slot, all of a view, or all; they answer "superseded"."""
        if self._changed.foreign:
            return
        with self._changed:
            dropped = [
                job
                for job in list(self._jobs.values())
                if job.place[0] == owner
                and view in (None, job.place[1])
                and slot in (None, job.place[2])
                and self._drop(job)
            ]
            self._changed.notify_all()
        for job in dropped:
            self._tell(job, "superseded", None)

    def wait(self, owners: Collection[Hashable], timeout: float | None = None) -> bool:
        """Block until all jobs of some owners are answered.

        False when time runs out, or when all that are left wait for something that is paused.
        """
        if threading.current_thread() in self._threads.values():
            raise RuntimeError("A job's listener can't wait for jobs: nobody would run them.")
        self._rouse()  # what was paused may be there by now
        if self._threadless:
            end = math.inf if timeout is None else time.monotonic() + timeout
            self._run_inline(end, owners)
        with self._changed:
            left = 0.0 if self._threadless else timeout
            self._changed.wait_for(lambda: self._at_rest(owners), left)
            return not self._pending(owners)

    def wake(self) -> None:
        """What was paused goes on: all that wait for it look now."""
        self._rouse()
        if self._threadless:
            self._go_on()

    def _rouse(self) -> None:
        with self._changed:
            self._wakes += 1
            for job in self._jobs.values():
                if job.stalled:
                    job.stalled, job.due = False, time.monotonic()
            self._changed.notify_all()

    def stop(self) -> None:
        """End the threads and forget all jobs; a later `submit` starts anew."""
        if self._changed.foreign:
            return
        with self._changed:
            for job in list(self._jobs.values()):
                self._drop(job)
            self._ended = True
            self._changed.notify_all()

    def _pending(self, owners: Collection[Hashable]) -> bool:
        return any(owner in owners for owner, _, _ in self._jobs)

    def _at_rest(self, owners: Collection[Hashable]) -> bool:
        return all(job.stalled for job in self._jobs.values() if job.place[0] in owners)

    def _drop(self, job: Job) -> bool:
        """Forget a job, under the lock; whether it is still owed an answer."""
        job.stopped = True
        self._jobs.pop(job.place, None)
        if job.steps is not None:
            self._dropped.append(job)
        return not job.answered

    # ------------------------------------------------------------------ threads

    def _start_threads(self) -> bool:
        """Start worker and heartbeat unless they run; False where threads can't start."""
        for name, target in (("worker", self._work), ("heartbeat", self._beat)):
            thread = self._threads.pop(name, None)
            try:
                if thread is None or not thread.is_alive():
                    thread = threads.start(target, name, self.stop)
            except RuntimeError:  # "can't start new thread"
                break
            self._threads[name] = thread
        return "worker" in self._threads

    def _go_on(self) -> None:
        loop = running_loop()
        if loop is None:
            self._run_inline(math.inf)
        else:
            self._schedule(loop)

    def _run_inline(self, end: float, owners: Collection[Hashable] | None = None) -> None:
        """Run jobs on this thread until none is left, or none of ``owners``, or time is up."""
        with self._changed:
            if self._inline:  # asked for by a listener: the loop below is at work
                return
            self._inline = True
        try:
            while owners is None or self._pending(owners):
                job = self._next(inline=True)
                if job is None or time.monotonic() > end:
                    break
                self._advance(job)
            self._close_dropped()
        finally:
            self._inline = False

    def _schedule(self, loop: asyncio.AbstractEventLoop) -> None:
        """Have the event loop run the next step when it is due."""
        if self._scheduled is not None:
            self._scheduled.cancel()
            self._scheduled = None
        due = self._until(job.due for job in self._jobs.values())
        if due is not None or self._dropped:
            self._scheduled = loop.call_later(due or 0.0, self._step_on, loop)

    def _step_on(self, loop: asyncio.AbstractEventLoop) -> None:
        self._close_dropped()
        try:
            if not self._inline and (job := self._next()) is not None:
                self._advance(job)
                self._tell_alive(self._silent())
        finally:
            self._schedule(loop)

    def _work(self) -> None:
        worked = False  # since freed memory was given back
        while True:
            rested = False
            with self._changed:
                while (job := self._next()) is None and not self._dropped and not rested:
                    if self._ended or threads.ending():
                        del self._threads["worker"]
                        return
                    due = self._until(job.due for job in self._jobs.values())
                    idle = worked and due is None
                    rested = not self._changed.wait(REST if idle else due) and idle
            self._close_dropped()
            if job is not None:
                self._advance(job)
            elif rested:
                threads.give_back_memory()
            worked = not rested and (worked or job is not None)
            del job  # an idle worker keeps nobody's engine alive

    def _beat(self) -> None:
        while True:
            with self._changed:
                while not (silent := self._silent()):
                    if self._ended or threads.ending():
                        del self._threads["heartbeat"]
                        return
                    self._changed.wait(
                        self._until(beats.due(self._jobs.values(), self._heartbeat).values())
                    )
            self._tell_alive(silent)
            del silent  # nobody's engine is kept alive

    def _silent(self) -> list[Job]:
        return [] if threads.ending() else beats.silent(self._jobs.values(), self._heartbeat)

    def _tell_alive(self, silent: list[Job]) -> None:
        try:
            beats.tell(silent, self._moved)
        except Exception:
            log.exception("Signs of life couldn't be delivered")

    @staticmethod
    def _until(times: Iterable[float]) -> float | None:
        first = min(times, default=None)
        return None if first is None else max(0.0, first - time.monotonic())

    # ------------------------------------------------------------------ running

    def _next(self, *, inline: bool = False) -> Job | None:
        with self._changed:
            now = time.monotonic()
            ready = [
                job for job in self._jobs.values() if job.due <= now or (inline and not job.stalled)
            ]
            if threads.ending() and threading.current_thread() in self._threads.values():
                return None
            soon = now - self._moved_at >= TURN or complete(self._moved)
            last = IN_TURN if soon else LAST
            return min(ready, key=lambda job: self._rank(job, last), default=None)

    def _rank(self, job: Job, last: float) -> tuple[float, ...]:
        """Where a job stands: the smallest goes first; ``last`` is for what several wait for."""
        return last if job.shared and job.priority < LAST else job.priority, job.order

    def _close_dropped(self) -> None:
        while self._dropped:
            with self._changed:
                left = hand_over(self._dropped.popleft(), self._jobs.values())
            try:
                if left is not None:
                    left.close()
            except Exception:
                log.exception("A job that was stopped didn't clean up")

    def _advance(self, job: Job) -> None:
        """Run one step of a job and tell its listener."""
        try:
            if job.steps is None:
                with self._changed:
                    take_over(job, self._jobs.values())
            if job.steps is None:
                job.steps = job.make()
            wakes = self._wakes
            step = next(job.steps)
            self._place(job, step, wakes)
            if news := job.news(step, self._pause):
                self._tell(job, *news)
        except StopIteration as end:
            job.steps = None
            self._finish(job, "reply", end.value)
        except threads.Interrupted:
            raise
        except Cancelled:
            job.steps = None
            self._finish(job, "superseded", None)
        except BaseException as error:
            job.steps = None
            if not isinstance(error, ZfError):
                log.exception("A job failed: %s", job.identity)
            self._finish(job, "error", error)
            if self._inline and not isinstance(error, Exception):
                raise  # the user's Ctrl-C
        if job.stopped and job.steps is not None:
            self._dropped.append(job)
            self._close_dropped()

    def _place(self, job: Job, step: Step, wakes: int) -> None:
        """Where a job stands among the others after this step, begun after so many wakes."""
        with self._changed:
            job.shared = isinstance(step, Shared)
            job.stalled = paused(step) and wakes == self._wakes
            if job.shared:
                if step != self._moved:
                    self._moved, self._moved_at = step, time.monotonic()
                self._orders += 1
                job.order = self._orders
            if isinstance(step, Away | Coming):
                self._orders += 1
                job.order, job.due = self._orders, time.monotonic() + step.pause
            if job.stalled:
                job.due = time.monotonic() + TURN
                self._changed.notify_all()

    def _finish(self, job: Job, op: Op, value: Any) -> None:
        with self._changed:
            if job.stopped:
                return
            job.answered = True
        self._tell(job, op, value)
        with self._changed:
            if self._jobs.get(job.place) is job:
                del self._jobs[job.place]
            self._changed.notify_all()

    def _tell(self, job: Job, op: Op, value: Any) -> None:
        job.heard = time.monotonic()
        try:
            job.listener(op, value)
        except Exception:
            log.exception("The answer to %s couldn't be delivered", job.identity)
