"""What the experiments' widgets have in common: a result that grows, and the steps behind it.

An experiment's widget is an ipywidgets box of charts (`charts`) and pictures (`picture_wall`).
Nothing is computed on the kernel's main thread, and traits are set on no other.
"""

from __future__ import annotations

import html
import uuid
from collections.abc import Callable, Sequence
from functools import cached_property, partial
from typing import Any, ClassVar, Generic, TypeVar

import ipywidgets
from PIL import Image

from ...engine.protocol import EngineProtocol
from ...errors import InputError
from ...language.words import Words
from ...records import Progress
from ...stepwise import Growing, Pace
from ...widgets.base import PICTURE_PRIORITY
from ...widgets.boxes import LiveBox
from ...widgets.hosts import marimo
from ...widgets.routing import keep_routes
from ...widgets.static_picture.unattended import inside
from ...widgets.wire.jobs import Op
from ...widgets.wire.jobs.steps import Steps
from ...widgets.wire.service import OWN, Service, Workbench, service_of
from .going import Going, progress_text
from .head import Head

Result = TypeVar("Result")

PRIORITY = 6
"""After all that a view of the engine asks for: a step of ours waits for an interaction."""


class ResultBox(LiveBox, Generic[Result]):
    """A box that shows a result, and leaves a static picture of it in the notebook.

    Subclasses say what is shown: `_facts`, `_show`, `_paint`.

    Parameters
    ----------
    engine
        Engine whose worker draws and computes; None: a worker of its own draws what is there.
    parts
        What is in the box.
    stored
        What is said above a result that was computed before, so that it isn't taken for a live
        one; "": it is live.
    **layout
        ``layout``, as every ipywidget has it.
    """

    named: ClassVar[str] = ""
    """What the keys of its words begin with (`zfwidgets.language.words`); "": its class's name."""

    def __init__(
        self,
        engine: EngineProtocol | None,
        parts: Sequence[ipywidgets.Widget],
        *,
        stored: str = "",
        **layout: Any,
    ) -> None:
        self._service: Workbench = Workbench() if engine is None else service_of(engine)
        self._owner = uuid.uuid4().hex
        self._result: Result | None = None
        self._failure: BaseException | None = None
        self._said = stored
        words, named = self._words, self.named
        self._head = Head(
            name=words(f"{named}.name") if named else type(self).__name__,
            facts=self._facts(),
            about=[words(f"{named}.about")] if named else [],
            recorded=stored,
            language=words.language,
        )
        super().__init__([self._head, *parts], **layout)
        self.add_class("zf-experiment")
        keep_routes(self)

    # What subclasses say

    def _show(self, result: Result) -> None:
        """Show a result, on the kernel's main thread."""
        raise NotImplementedError

    def _paint(self, result: Result | None, status: str) -> Callable[[], Image.Image]:
        """How to draw the static picture; read traits now, as it is drawn on the worker."""
        raise NotImplementedError

    def _facts(self) -> str:
        """What it is done with, for the first line."""
        return ""

    def _describe(self) -> str:
        return self._facts() or self._head.name

    # What is common

    @cached_property
    def _words(self) -> Words:
        """Words of all that it says; in the language of the moment at which it is made."""
        return Words()

    @property
    def engine(self) -> EngineProtocol:
        """The engine behind it; raises `InputError` where there is none."""
        if not isinstance(self._service, Service):
            raise InputError(
                "This shows a result that was stored, or trains networks of its own: there is no "
                "engine behind it."
            )
        return self._service.engine

    @property
    def result(self) -> Result | None:
        """The record as far as it is computed; None before there is any."""
        return self._result

    def settle(self, timeout: float = 600.0) -> bool:
        """Wait until it is done or stopped; False when time runs out. Raises what failed."""
        done = self._service.settle({self._owner}, timeout)  # and its static picture is drawn
        if self._failure is not None:
            raise self._failure
        return done

    def snapshot(self, timeout: float = 600.0) -> Image.Image:
        """The static picture, RGB, once it is done or stopped.

        Parameters
        ----------
        timeout
            Seconds to wait at most; what isn't computed then isn't in the picture.
        """
        self.settle(timeout)
        picture = self._paint_known()
        self._show_picture(picture)
        return picture

    def _complete_picture(self, timeout: float) -> bool:
        done = self.settle(timeout)
        if not done:
            self._show_picture(self._paint_known())
        return done

    def close(self) -> None:
        """Stop, and remove the widget and its parts from the front end."""
        if hasattr(self, "_service"):
            self._service.jobs.cancel(self._owner)
        self._picture_id = None
        for part in inside(self):
            part.close()
        super().close()

    @property
    def _closed(self) -> bool:
        return self.comm is None or marimo.has_closed(self.comm)

    def _update(self, result: Result) -> None:
        """Take a newer result and show it, on the kernel's main thread."""
        if result is not self._result:
            self._result = result
            self._head.facts = self._facts()
            self._show(result)

    def _paint_known(self) -> Image.Image:
        return self._paint(self._result, self._said)()

    def _draw_picture(self) -> None:
        """Have the worker draw the static picture, if there is a place for it."""
        if not self.displayed:
            return
        paint = self._paint(self._result, self._said)

        def steps() -> Steps:
            yield from ()
            return paint()

        self._service.work(self._owner, "picture", steps, self._picture_drawn, PICTURE_PRIORITY)

    def _picture_drawn(self, op: Op, value: Any) -> None:
        if op == "error":
            self._failure = value
        elif op == "reply":
            self._service.hand_back(lambda: self._show_picture(value))


class Experiment(ResultBox[Result]):
    """A `ResultBox` whose result is computed in steps, which can be stopped and gone on with.

    It starts when it is made, on the engine's worker: the kernel stays free, and what the user
    asks other widgets goes first. Subclasses add `_steps`, and maybe `_prepare` and `_done`.

    Parameters
    ----------
    engine
        Engine whose worker computes; None: a worker of its own.
    parts
        What is in the box, below the line with progress and button.
    start
        Whether to start at once.
    recorded
        What `recording.stored` has found: it is shown, and nothing is computed.
    **layout
        ``layout``, as every ipywidget has it.
    """

    again: ClassVar[str] = "experiment.again"
    """Key of what the button says when nothing runs that can be gone on with."""
    goes_on: ClassVar[bool] = True
    """Whether a start takes up the steps that were stopped; else `_steps` are made anew."""
    _recorded = False
    _going: Going[Result] | None = None  # of the worker

    def __init__(
        self,
        engine: EngineProtocol | None,
        parts: Sequence[ipywidgets.Widget],
        *,
        start: bool = True,
        recorded: tuple[Result, str, Any] | None = None,
        **layout: Any,
    ) -> None:
        self._recorded = recorded is not None
        self._newest: tuple[int, Result] | None = None  # run and result, of the worker
        self._run, self._turn, self._running = 0, 0, False
        self._halted = False
        self._bar = ipywidgets.IntProgress(min=0, max=1)
        self._status = ipywidgets.HTML()
        self._button = ipywidgets.Button(description=self._words("experiment.start"))
        self._button.on_click(self._toggle)
        self._footer = ipywidgets.HBox([self._bar, self._status, self._button])
        self._footer.add_class("zf-running")
        stored = recorded[1] if recorded else ""
        super().__init__(engine, [self._footer, *parts], stored=stored, **layout)
        if recorded is not None:
            self._footer.layout.display = "none"
            self._prepare(self._run_name(), recorded[0])
            self._update(recorded[0])
        elif start:
            self.start()

    # What subclasses say

    def _steps(self) -> Growing[Result]:
        """The computation, on the worker: yields how far it is, and results so far."""
        raise NotImplementedError

    def _prepare(self, run: str, result: Result) -> None:
        """Encode what the page will ask for of a result, on the worker; `run` names the run."""

    def _done(self, result: Result) -> str:
        """What the last line says at the end."""
        return self._words("experiment.done")

    def _stopped(self, result: Result | None) -> str:
        """What the last line says after a stop."""
        return self._words("experiment.stopped" if result is None else "experiment.stopped.kept")

    @property
    def running(self) -> bool:
        """Whether it computes."""
        return self._running

    def start(self) -> None:
        """Begin, or go on; on the engine's worker. Raises `InputError` where a record is shown."""
        if self._recorded:
            raise InputError(
                "This shows a result that was computed before, which can't be gone on with: make "
                f"{type(self).__name__} with what is to be computed."
            )
        self._failure = None
        if not (self.goes_on and self._halted):
            self._run += 1
        self._turn, self._halted = self._turn + 1, False
        run, turn = self._run, self._turn
        self._say_running(True, self._words("experiment.waiting"))
        self._service.work(
            self._owner,
            "experiment",
            lambda: self._reported(run),
            lambda op, value: self._hear(run, turn, op, value),
            PRIORITY,
        )

    def stop(self) -> None:
        """Stop after the step that is running; what is computed stays, and `start` goes on."""
        self._halted = self._halted or self._running
        self._service.jobs.cancel(self._owner, OWN, "experiment")

    def _forget(self) -> None:
        """Let go of what was computed, and of what is on its way: it is of something else."""
        self.stop()
        self._run += 1  # what is still heard of the old run isn't taken
        self._turn, self._halted = self._turn + 1, False
        self._result = self._newest = self._failure = None
        self._bar.value = 0

    def close(self) -> None:
        """Stop, and remove the widget and its parts from the front end."""
        super().close()
        if self._going is not None:  # what was stopped cleans up where it ran
            self._service.work(self._owner, "end", self._end_going, _ignore)

    def _end_going(self) -> Steps:
        yield from ()
        going, self._going = self._going, None
        if going is not None:
            going.steps.close()

    def _run_name(self, run: int | None = None) -> str:
        """What the page calls a run."""
        return f"{self._owner}.{self._run if run is None else run}"

    def _reported(self, run: int) -> Steps:
        if self._going is None or self._going.run != run:
            yield from self._end_going()
            self._going = Going(run, self._steps())
        going, pace = self._going, Pace()
        try:
            for step in going.steps:
                if isinstance(step, Progress):
                    yield pace.told(step) if going.stopped else step
                else:
                    self._prepare(self._run_name(run), step)
                    self._newest = run, step
                    yield partial(_same, step)
        except GeneratorExit:
            going.stopped = True
            raise
        except BaseException:
            self._going = None
            raise
        self._going, result = None, going.driven.result
        if self._newest is None or self._newest[1] is not result:
            self._prepare(self._run_name(run), result)
        return result

    def _hear(self, run: int, turn: int, op: Op, value: Any) -> None:
        """Take news on the worker; show them on the kernel's main thread."""
        self._service.hand_back(lambda: self._take(run, turn, op, value))

    def _take(self, run: int, turn: int, op: Op, value: Any) -> None:
        if self._closed:
            self._service.jobs.cancel(self._owner)
        if self._closed or turn != self._turn:  # started again meanwhile
            return
        if op in ("progress", "superseded", "error") and self._newest and self._newest[0] == run:
            # Partial results in quick succession are left out; nothing that is done may be.
            self._update(self._newest[1])
        if op == "progress":
            self._bar.max, self._bar.value = max(value.total, 1), value.done
            self._say_running(True, progress_text(value, self._words))
        elif op == "error":
            self._failure, self._halted = value, False
            self._say_running(False, f"{type(value).__name__}: {value}")
            self._footer.add_class("zf-failed")
        elif op == "superseded":
            self._say_running(False, self._stopped(self._result))
        else:
            self._update(value)
            if op == "reply":
                self._halted = False
                self._bar.value = self._bar.max
                self._say_running(False, self._done(value))

    def _say_running(self, running: bool, text: str) -> None:
        self._running, self._said = running, text
        self._footer.remove_class("zf-failed")
        (self._footer.add_class if running else self._footer.remove_class)("zf-under-way")
        again = "experiment.go_on" if self.goes_on and self._halted else self.again
        self._button.description = self._words("experiment.stop" if running else again)
        self._status.value = html.escape(text)
        if not running:
            self._draw_picture()

    def _draw_picture(self) -> None:
        if not self._running:
            super()._draw_picture()

    def _toggle(self, _button: Any) -> None:
        if self._running:
            self.stop()
        else:
            self.start()


def _same(value: Any) -> Any:
    return value


def _ignore(_op: Any, _value: Any) -> None:
    """Nobody waits for it."""
