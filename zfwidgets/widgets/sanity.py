"""The sanity check as a widget: a curve, and the projection of each of its points."""

from __future__ import annotations

import html
import time
import uuid
from functools import partial
from typing import TYPE_CHECKING, Any

import ipywidgets
from PIL import Image

from ..engine.protocol import EngineProtocol
from ..errors import MissingDependency
from ..records import Progress
from . import sanity_pictures
from .base import PICTURE_PRIORITY
from .jobs import Op, Steps
from .sanity_curve import MEASURES, OTHER, SAME, STRONG, Chart, Curve
from .sanity_pictures import StepPictures
from .service import service_of
from .two_outputs import TwoOutputs

if TYPE_CHECKING:
    from ..experiments.sanity.records import SanityResult
    from ..records import Unit

PRIORITY = 6
"""After all that a view of the engine asks for: a step of ours waits for an interaction."""


class SanityCheck(TwoOutputs, ipywidgets.VBox):
    """Shows whether a projection depends on what the network has learned.

    The unit is projected again and again while the network's parameters are randomised, module by
    module, from the unit's own layer down to the first (Adebayo et al. 2018). The curve shows how
    alike each picture and the trained network's are; two lines show how alike pictures of
    unrelated units are. Click a point, or move the slider, to see its picture. It starts when it
    is made, on the engine's worker: the kernel stays free, and what the user asks other widgets
    goes first. What is randomised, how, and what is compared: `zfwidgets.experiments.sanity`.

    The widget is an ipywidgets box: put it into others, observe its children's traits. Displayed
    by itself it leaves a static picture in the notebook, for where no kernel answers.

    Parameters
    ----------
    engine
        ``zf.Engine(model, images)``.
    unit
        A `zfwidgets.records.Unit`, or (layer, channel).
    image
        An index, or an image of your own; None means the one that excites the channel most.
    rule
        "deconvnet", "guided" or "gradient".
    seed
        Of the random parameters and the choice of unrelated units.
    **layout
        ``layout``, as every ipywidget has it.

    Raises
    ------
    InputError
        For an engine that isn't on this machine, an unknown layer, channel or rule.
    MissingDependency
        Without SciPy, scikit-image or bqplot.

    Examples
    --------
    >>> check = zf.SanityCheck(engine, ("features.7", 42))
    >>> check.settle()
    >>> check.result.to_frame()
    """

    def __init__(
        self,
        engine: EngineProtocol,
        unit: Unit | tuple[str, int],
        image: Any = None,
        rule: str = "deconvnet",
        *,
        seed: int = 0,
        **layout: Any,
    ) -> None:
        sanity = _experiment()
        self.unit = sanity.check(engine, unit, rule)
        self._chart = Chart(self._choose)
        self._service = service_of(engine)
        self._owner = uuid.uuid4().hex
        self._make = lambda: sanity.sanity_steps(self._engine, self.unit, image, rule, seed=seed)
        self._result: SanityResult | None = None
        self._newest: tuple[int, SanityResult] | None = None  # run and result, of the worker
        self._failure: BaseException | None = None
        self._run, self._running = 0, False

        self._title = ipywidgets.HTML(html.escape(self._describe()))
        self._measure = ipywidgets.Dropdown(
            options=[(text, name) for name, text in MEASURES.items()], description="compare by"
        )
        self._measure.observe(self._remeasure, "value")
        self._step = ipywidgets.IntSlider(
            min=0, max=0, description="randomised", continuous_update=True, readout=False
        )
        self._step.observe(self._draw_step, "value")
        self._pictures = StepPictures(
            engine.info.fingerprint, layout=ipywidgets.Layout(width="auto")
        )
        self._bar = ipywidgets.IntProgress(min=0, max=1, layout=ipywidgets.Layout(width="160px"))
        self._status = ipywidgets.HTML()
        self._button = ipywidgets.Button(description="Stop")
        self._button.on_click(self._toggle)
        curve = [self._measure, self._chart.figure, ipywidgets.HTML(_CURVES)]
        shown = [self._pictures, ipywidgets.HTML(_PICTURES)]
        super().__init__(
            [
                self._title,
                ipywidgets.HBox(
                    [ipywidgets.VBox(part, layout=_half()) for part in (curve, shown)],
                    layout=ipywidgets.Layout(flex_flow="row wrap"),
                ),
                self._step,
                ipywidgets.HBox([self._bar, self._button, self._status]),
            ],
            **layout,
        )
        self.add_class("zf-sanity")
        self.start()

    @property
    def _engine(self) -> EngineProtocol:
        return self._service.engine

    @property
    def result(self) -> SanityResult | None:
        """The record as far as it is computed; None before the first picture."""
        return self._result

    # ------------------------------------------------------------------ running

    def start(self) -> None:
        """Begin from the trained network; the same seed gives the same result."""
        self._failure = None
        self._run += 1
        run = self._run
        self._say_running(True, "waiting")
        self._service.jobs.submit(
            self._owner,
            "python",
            "sanity",
            uuid.uuid4().hex,
            lambda: self._steps(run),
            lambda op, value: self._hear(run, op, value),
            priority=PRIORITY,
        )

    def stop(self) -> None:
        """Stop after the step that is running; what is computed stays."""
        self._service.jobs.cancel(self._owner, "python", "sanity")

    def settle(self, timeout: float = 600.0) -> bool:
        """Wait until it is done or stopped; False when time runs out. Raises what failed."""
        end = time.monotonic() + timeout
        done, more = False, True
        while more:  # when it is done, its static picture is drawn
            done = self._service.jobs.wait({self._owner}, max(0.0, end - time.monotonic()))
            more = self._service.hand_back.run_waiting() and done
        if self._failure is not None:
            raise self._failure
        return done

    def snapshot(self, timeout: float = 600.0) -> Image.Image:
        """The static picture: the curve and the steps' pictures, RGB, once it is done or stopped.

        Parameters
        ----------
        timeout
            Seconds to wait at most; what isn't computed then isn't in the picture.
        """
        self.settle(timeout)
        self._show_picture(self._paint_known())
        assert self._picture is not None
        return self._picture

    def close(self) -> None:
        """Stop, and remove the widget and its parts from the front end."""
        if hasattr(self, "_service"):
            self._service.jobs.cancel(self._owner)
        self._picture_id = None
        for part in (*_descendants(self), self):
            ipywidgets.Widget.close(part)

    def _steps(self, run: int) -> Steps:
        steps = self._make()
        while True:
            try:
                step = next(steps)
            except StopIteration as end:
                return end.value
            if isinstance(step, Progress):
                yield step
            else:
                self._pictures.keep(self._check(run), step)
                self._newest = run, step
                yield partial(_same, step)

    def _hear(self, run: int, op: Op, value: Any) -> None:
        """Take news on the worker; show them on the kernel's main thread."""
        self._service.hand_back(lambda: self._take(run, op, value))

    def _take(self, run: int, op: Op, value: Any) -> None:
        if self.comm is None or run != self._run:  # closed, or started again meanwhile
            return
        if op in ("progress", "superseded") and self._newest and self._newest[0] == run:
            # Partial results in quick succession are left out; nothing that is done may be.
            self._update(self._newest[1])
        if op == "progress":
            self._bar.max, self._bar.value = max(value.total, 1), value.done
            self._say_running(True, _progress_text(value))
        elif op == "error":
            self._failure = value
            self._say_running(False, f"{type(value).__name__}: {value}")
        elif op == "superseded":
            done = 0 if self._result is None else len(self._result.steps) - 1
            self._say_running(False, f"stopped after {done} modules")
        else:
            self._update(value)
            if op == "reply":
                self._bar.value = self._bar.max
                self._say_running(False, f"done: {len(value.modules)} modules")

    def _check(self, run: int) -> str:
        """What the page calls a run of this check."""
        return f"{self._owner}.{run}"

    def _update(self, result: SanityResult) -> None:
        if result is self._result:
            return
        follow = self._step.value == self._step.max  # unless the user looks at an earlier one
        self._result = result
        self._title.value = html.escape(self._describe())
        self._step.max = len(result.steps) - 1
        if follow:
            self._step.value = self._step.max
        self._pictures.check = self._check(self._run)
        self._draw_curve()

    def _say_running(self, running: bool, text: str) -> None:
        self._running, self._said = running, text
        self._button.description = "Stop" if running else "Start again"
        self._status.value = html.escape(text)
        if not running:
            self._draw_picture()

    def _toggle(self, _button: Any) -> None:
        if self._running:
            self.stop()
        else:
            self.start()

    # ------------------------------------------------------------------ drawing

    def _describe(self) -> str:
        unit = self.unit if self._result is None else self._result.activation.unit
        text = f"{unit.layer}, channel {unit.channel}"
        if self._result is None:
            return text
        image, rule = self._result.activation.image_name, self._result.rule
        return f"{text}, row {unit.row}, col {unit.col} in {image}: {rule}"

    def _choose(self, step: int) -> None:
        self._step.value = min(step, self._step.max)

    def _remeasure(self, _change: Any) -> None:
        self._draw_curve()
        self._draw_picture()

    def _draw_curve(self) -> None:
        if self._result is not None:
            self._chart.draw(Curve.of(self._result, self._measure.value))
            self._draw_step()

    def _draw_step(self, _change: Any = None) -> None:
        with self._pictures.hold_sync():
            self._pictures.step, self._pictures.measure = self._step.value, self._measure.value
        self._chart.point_out(self._step.value)

    def _draw_picture(self) -> None:
        """Have the worker draw the static picture, if there is a place for it."""
        if self._picture_id is None or self._running:
            return
        asked = (self._describe(), self._result, self._measure.value, self._said)

        def steps() -> Steps:
            yield from ()
            return sanity_pictures.draw(*asked)

        self._service.jobs.submit(
            self._owner,
            "python",
            "picture",
            uuid.uuid4().hex,
            steps,
            self._picture_drawn,
            priority=PICTURE_PRIORITY,
        )

    def _picture_drawn(self, op: Op, value: Any) -> None:
        if op == "error":
            self._failure = value
        elif op == "reply":
            self._service.hand_back(lambda: self._show_picture(value))

    def _paint_known(self) -> Image.Image:
        return sanity_pictures.draw(self._describe(), self._result, self._measure.value, self._said)


def _half() -> ipywidgets.Layout:
    """Beside each other where there is room, below each other where there isn't."""
    return ipywidgets.Layout(flex="1 1 320px", min_width="0", max_width="500px")


_PICTURES = (
    "<small>Signed pixels around mid-grey inside the receptive field,<br>each picture on its own "
    "scale.</small>"
)
_CURVES = (
    f'<small><b style="color:{STRONG}">&#8213;</b> this unit; each step randomises one more module'
    f'<br><b style="color:{SAME}">- - -</b> trained pictures of other units, same place, same photo'
    f'<br><b style="color:{OTHER}">&#183;&#183;&#183;</b> the same in other photos (medians)'
    "</small>"
)


def _same(value: Any) -> Any:
    return value


def _progress_text(progress: Progress) -> str:
    left = progress.seconds_left
    text = f"{progress.what}: {progress.done} of {progress.total}" if progress.total else "waiting"
    return text if left is None else f"{text}, {left:.0f} s left"


def _descendants(widget: Any) -> list[ipywidgets.Widget]:
    found: list[ipywidgets.Widget] = []
    for child in getattr(widget, "children", ()):
        found += [*_descendants(child), child]
    return found


def _experiment() -> Any:
    """The computation, which needs torch and more; imported when a widget is made."""
    try:
        from ..experiments.sanity import check as sanity
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise
        raise MissingDependency(
            "zf.SanityCheck changes a copy of the network and needs torch where it runs: "
            "pip install torch"
        ) from error
    return sanity
