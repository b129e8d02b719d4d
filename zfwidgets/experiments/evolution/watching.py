"""Watching a training from inside its loop, without disturbing it.

Between two steps the weights are copied; on a thread of its own the copies are put into the
engine's copy of the model, and looked at (paper, section 4 and Fig. 4). The model is only read:
trained with and without watching it ends with the same bits.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

from torch import nn

from ...errors import InputError, TrainingDiverged
from ...threads import OneOnly, ProcessLock
from .gate import Gate
from .health import Health, not_finite
from .looking import Looking, Weights
from .losses import Losses
from .moments import EvolutionRecord, Moment
from .pending import Pending
from .schedule import Schedule

Batch = TypeVar("Batch")

PAUSE = 0.2
"""Seconds between two times that listeners are told how far it is."""


class Watch(OneOnly):
    """A training that is watched; made by `zfwidgets.watch`.

    `step`, `epoch`, `each` and `finish` belong to the training loop, all else may be called from
    any thread.

    Attributes
    ----------
    engine
        The `zfwidgets.Engine` of the model as it was when watching began.
    finished
        Whether the loop has said that it is over, and all is looked at.
    """

    def __init__(
        self, model: nn.Module, looking: Looking, schedule: Schedule, pending: int
    ) -> None:
        self.engine = looking.engine
        self._model, self._looking, self._schedule = model, looking, schedule
        self._pending = Pending(self._look, pending) if pending else None
        self._lock = ProcessLock()
        self._moments: list[Moment] = []
        self._missed: list[int] = []
        self._losses = Losses()
        self._steps = self._epochs = 0
        self._taken = -1
        self._wanted = False
        self._failure: Exception | None = None
        self._ended = ""
        self.finished = False
        self._listeners: list[Callable[[], None]] = []
        self._pumps: list[Callable[[], Any]] = []
        self._told = 0.0
        self._gate = Gate(self._tell)
        self._health = Health(model, self.engine.session.network.module)
        self._fingerprint = self.engine.info.fingerprint
        if schedule.after_step(0):
            self._take()

    def __repr__(self) -> str:
        return (
            f"<zfwidgets.Watch {self.engine.info.model}, {self.when}, {len(self._moments)} looks>"
        )

    # ------------------------------------------------------------------ what is there

    @property
    def record(self) -> EvolutionRecord:
        """What was seen so far."""
        with self._lock:
            moments, missed = tuple(self._moments), tuple(self._missed)
        return EvolutionRecord(
            self.engine.info.model,
            self._looking.units,
            self._looking.rule.name,
            self._looking.images,
            self._fingerprint,
            moments,
            self._losses.all(),
            missed,
            self._ended,
        )

    @property
    def steps(self) -> int:
        """Steps done."""
        return self._steps

    @property
    def at(self) -> tuple[int, float | None]:
        """How far the training is: steps, and epochs where these are known."""
        return self._steps, self._schedule.epoch(self._steps, self._epochs)

    @property
    def when(self) -> str:
        """How far the training is, in words."""
        _, epoch = self.at
        return f"step {self._steps}" + ("" if epoch is None else f", epoch {epoch:.3g}")

    @property
    def ended(self) -> str:
        """Why watching ended early; "" if it didn't."""
        return self._ended

    # ------------------------------------------------------------------ for the loop

    def step(self, loss: Any = None, model: nn.Module | None = None) -> None:
        """Say that a step of the optimizer is done; looks if it is time to.

        Waits here while the watch is paused.

        Parameters
        ----------
        loss
            Loss of this step, a number or a tensor without dimensions: for the record, and so
            that a loss that isn't finite is found at once.
        model
            The model that the loop trains: makes sure that it is the one that is watched.

        Raises
        ------
        TrainingDiverged
            The loss, the weights or the activations aren't finite any more; names the step. What
            was seen before is the error's ``record``, and the watch's.
        InputError
            The loop trains another model, or one whose weights have other names or shapes.
        """
        if model is not None:
            self._health.check_same(model)
        self._steps += 1
        due = self._wanted or self._schedule.after_step(self._steps)
        if not self._ended:
            self._losses.add(loss)
            self._check_finite(due)
        if due and not self._ended:
            self._take()
        now = time.monotonic()
        if now - self._told > PAUSE:
            self._tell()
        for pump in self._pumps:
            pump()
        self._raise_failure()
        self._gate.pass_through()

    def epoch(self) -> None:
        """Say that an epoch is over; looks if it is time to. Steps have been told before."""
        self._epochs += 1
        if not self._ended and self._schedule.after_epoch(self._epochs):
            self._take()
        self._tell()
        self._raise_failure()

    def each(self, batches: Iterable[Batch]) -> Iterator[Batch]:
        """Go through the batches of an epoch; each counts as a step once the loop's body is done.

        ``for images, labels in watch.each(loader): ...``
        """
        for batch in batches:
            yield batch
            self.step()
        self.epoch()

    def finish(self, timeout: float | None = None, *, last: bool = True) -> EvolutionRecord:
        """Look at the trained network, wait until all is looked at, and return the record.

        Parameters
        ----------
        timeout
            Seconds to wait at most; what isn't done then isn't in the record.
        last
            Whether to look now if that isn't done already. Not if ``at`` says when to look.
        """
        if last and not self._ended and self._schedule.open_ended:
            self._take()
        if self._steps:
            self._health.check_trained(self._steps, self._looking.copied(self._model), 1)
        self.finished = self.wait(timeout)
        self._tell()
        self._raise_failure()
        return self.record

    def __enter__(self) -> Watch:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self.finish()
        else:
            self.finished = self.wait()
            self._tell()

    def lightning(self) -> Any:
        """Make a callback for a Lightning trainer that calls `step` and `epoch`.

        Raises
        ------
        MissingDependency
            Without Lightning.
        """
        from .lightning import callback

        return callback(self)

    # ------------------------------------------------------------------ from anywhere

    def snapshot(self) -> None:
        """Look after the next step too."""
        self._wanted = True

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until all that was copied is looked at; False when time runs out."""
        return self._pending is None or self._pending.wait(timeout)

    def pause(self) -> None:
        """Let the loop wait after its next step, if it runs in a thread; see `note`."""
        self._gate.close()

    def resume(self) -> None:
        """Let the loop go on."""
        self._gate.open()

    def advance(self, steps: int = 1) -> None:
        """Let the loop do so many steps more, then wait."""
        if steps < 1:
            raise InputError(f"steps is {steps}: expected 1 or more.")
        self._gate.advance(steps)

    @property
    def paused(self) -> bool:
        """Whether the loop waits, or will after its next step."""
        return self._gate.closed

    @property
    def waiting(self) -> bool:
        """Whether the loop waits now."""
        return self._gate.waiting

    @property
    def note(self) -> str:
        """Why the loop can't be paused, once that was tried; else ""."""
        return self._gate.note

    def listen(self, tell: Callable[[], None], pump: Callable[[], Any] | None = None) -> None:
        """Call ``tell`` when there is news, on any thread; it must be quick.

        Parameters
        ----------
        tell
            Called without arguments after each look, each change of state, and now and then
            while the training goes on.
        pump
            Called after each step on the loop's own thread: if that is the kernel's main one,
            nothing else can show news there.
        """
        self._listeners.append(tell)
        if pump is not None:
            self._pumps.append(pump)

    def unlisten(self, tell: Callable[[], None], pump: Callable[[], Any] | None = None) -> None:
        """Call neither any more."""
        self._listeners = [one for one in self._listeners if one != tell]
        self._pumps = [one for one in self._pumps if one != pump]

    # ------------------------------------------------------------------ how

    def _tell(self) -> None:
        self._told = time.monotonic()
        for tell in [*self._listeners]:
            tell()

    def _take(self) -> None:
        """Copy the weights, and have them looked at."""
        if self._taken == self._steps:
            return
        self._wanted = False
        weights = self._looking.copied(self._model)
        self._taken = self._steps
        if bad := not_finite(weights):
            self._diverge(f"The weights aren't finite ({bad})")
            return
        self._health.check_trained(self._steps, weights)
        epoch = self._schedule.epoch(self._steps, self._epochs)
        item = self._steps, epoch, weights
        if self._pending is None:
            self._look(item)
        elif (dropped := self._pending.put(item)) is not None:
            with self._lock:
                self._missed.append(dropped[0])

    def _look(self, item: tuple[int, float | None, Weights]) -> None:
        if self._failure is not None:
            return
        step, epoch, weights = item
        try:
            moment = self._looking.look(weights, step, epoch)
        except Exception as error:  # noqa: BLE001 (raised in the loop)
            self._fail(error)
        else:
            with self._lock:
                self._moments.append(moment)
        self._tell()

    def _check_finite(self, due: bool) -> None:
        """Find out at once what isn't finite, where it doesn't make a GPU wait."""
        bad = self._losses.first_not_finite(due)
        if bad is not None:
            step, loss = bad
            self._diverge(f"The loss of step {step} is {loss}")
        elif not self._health.finite():
            self._diverge("The weights aren't finite")

    def _diverge(self, what: str) -> None:
        self.wait()  # what was copied before is good
        until = f"until step {self._moments[-1].step}" if self._moments else "but it is empty"
        self._fail(
            TrainingDiverged(
                f"{what} (seen after step {self._steps}): the training has diverged. Take a "
                f"smaller rate. What was looked at before is kept: watch.record has it, {until}."
            )
        )

    def _fail(self, error: Exception) -> None:
        if self._failure is None and not self._ended:
            self._ended = f"{type(error).__name__}: {error}"
            if isinstance(error, TrainingDiverged):
                error.record = self.record
            self._failure = error
            self._tell()

    def _raise_failure(self) -> None:
        """Raise what went wrong, once; then the training goes on unwatched if it is let."""
        if self._failure is not None:
            error, self._failure = self._failure, None
            raise error
