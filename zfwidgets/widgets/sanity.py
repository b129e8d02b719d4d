"""The sanity check as a widget: a curve, and the projection of each of its points."""

from __future__ import annotations

import html
import io
import uuid
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import ipywidgets
import numpy as np
from PIL import Image

from ..engine.protocol import EngineProtocol
from ..errors import MissingDependency
from ..records import Pixels, Progress
from .jobs import Op, Steps
from .service import service_of

if TYPE_CHECKING:
    from ..experiments.records import SanityResult
    from ..records import Unit

PRIORITY = 6
"""After all that a view of the engine asks for: a step of ours waits for an interaction."""
SIDE = 220
"""Pixels that the longer side of a picture has at least on screen."""
MEASURES = {
    "rank correlation": "rank",
    "rank correlation of absolute values": "rank_absolute",
    "structural similarity": "ssim",
}
STRONG, SAME, OTHER, MARK = "#0b6bcb", "#7a5195", "#8c959f", "#c2410c"


class SanityCheck(ipywidgets.VBox):
    """Shows whether a projection depends on what the network has learned.

    The unit is projected again and again while the network's parameters are randomised, module by
    module, from the unit's own layer down to the first (Adebayo et al. 2018). The curve shows how
    alike each picture and the trained network's are; two lines show how alike pictures of
    unrelated units are. Click a point, or move the slider, to see its picture. It starts when it
    is made, on the engine's worker: the kernel stays free, and what the user asks other widgets
    goes first. What is randomised, how, and what is compared: `zfwidgets.experiments.sanity`.

    The widget is an ipywidgets box: put it into others, observe its children's traits.

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
        bq, sanity = _bqplot(), _experiment()
        self.unit = sanity.check(engine, unit, rule)
        self._service = service_of(engine)
        self._owner = uuid.uuid4().hex
        self._make = lambda: sanity.sanity_steps(self._engine, self.unit, image, rule, seed=seed)
        self._result: SanityResult | None = None
        self._newest: SanityResult | None = None  # of the worker, which may be ahead of the page
        self._failure: BaseException | None = None
        self._run, self._running = 0, False
        self._shown: tuple[int, int] | None = None

        self._title = ipywidgets.HTML()
        self._measure = ipywidgets.Dropdown(
            options=list(MEASURES.items()), description="compare by"
        )
        self._measure.observe(self._draw_curve, "value")
        self._step = ipywidgets.IntSlider(
            min=0, max=0, description="randomised", continuous_update=True, readout=False
        )
        self._step.observe(self._draw_step, "value")
        self._figure = self._make_figure(bq)
        self._trained, self._picture = ipywidgets.Image(), ipywidgets.Image()
        self._caption, self._note = ipywidgets.HTML(), ipywidgets.HTML()
        self._bar = ipywidgets.IntProgress(min=0, max=1, layout=ipywidgets.Layout(width="160px"))
        self._status = ipywidgets.HTML()
        self._button = ipywidgets.Button(description="Stop")
        self._button.on_click(self._toggle)
        pictures = [
            ipywidgets.VBox([ipywidgets.HTML("<b>trained</b>"), self._trained]),
            ipywidgets.VBox([self._caption, self._picture]),
        ]
        shown = [ipywidgets.HBox(pictures), self._note, ipywidgets.HTML(_PICTURES)]
        curve = [self._measure, self._figure, ipywidgets.HTML(_CURVES)]
        super().__init__(
            [
                self._title,
                ipywidgets.HBox(
                    [ipywidgets.VBox(curve), ipywidgets.VBox(shown)],
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
        self._failure, self._newest = None, None
        self._run += 1
        run = self._run
        self._say_running(True, "waiting")
        self._service.jobs.submit(
            self._owner,
            "python",
            "sanity",
            uuid.uuid4().hex,
            self._steps,
            lambda op, value: self._hear(run, op, value),
            priority=PRIORITY,
        )

    def stop(self) -> None:
        """Stop after the step that is running; what is computed stays."""
        self._service.jobs.cancel(self._owner)

    def settle(self, timeout: float = 600.0) -> bool:
        """Wait until it is done or stopped; False when time runs out. Raises what failed."""
        done = self._service.jobs.wait({self._owner}, timeout)
        self._service.hand_back.run_waiting()
        if self._failure is not None:
            raise self._failure
        return done

    def close(self) -> None:
        """Stop, and remove the widget and its parts from the front end."""
        if hasattr(self, "_service"):
            self._service.jobs.cancel(self._owner)
        for part in (*_descendants(self), self):
            ipywidgets.Widget.close(part)

    def _steps(self) -> Steps:
        steps = self._make()
        while True:
            try:
                step = next(steps)
            except StopIteration as end:
                return end.value
            if isinstance(step, Progress):
                yield step
            else:
                self._newest = step
                yield partial(_same, step)

    def _hear(self, run: int, op: Op, value: Any) -> None:
        """Take news on the worker; show them on the kernel's main thread."""
        self._service.hand_back(lambda: self._take(run, op, value))

    def _take(self, run: int, op: Op, value: Any) -> None:
        if self.comm is None or run != self._run:  # closed, or started again meanwhile
            return
        if op in ("progress", "superseded"):
            # Partial results in quick succession are left out; nothing that is done may be.
            self._update(self._newest)
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

    def _update(self, result: SanityResult | None) -> None:
        if result is not None and result is not self._result:
            self._result = result
            self._draw_curve()

    def _say_running(self, running: bool, text: str) -> None:
        self._running = running
        self._button.description = "Stop" if running else "Start again"
        self._status.value = html.escape(text)

    def _toggle(self, _button: Any) -> None:
        if self._running:
            self.stop()
        else:
            self.start()

    # ------------------------------------------------------------------ drawing

    def _make_figure(self, bq: Any) -> Any:
        steps, alike = bq.LinearScale(min=0.0), bq.LinearScale(min=0.0, max=1.0)
        scales = {"x": steps, "y": alike}
        line = {"x": [], "y": [], "scales": scales}
        self._curve = bq.Lines(**line, colors=[STRONG])
        self._lines = {
            "same photo": bq.Lines(**line, colors=[SAME], line_style="dashed"),
            "other photo": bq.Lines(**line, colors=[OTHER], line_style="dotted"),
        }
        self._points = bq.Scatter(
            x=[],
            y=[],
            scales=scales,
            colors=[STRONG],
            default_size=48,
            names=[],
            display_names=False,
            tooltip=bq.Tooltip(fields=["name", "y"], formats=["", ".2f"]),
        )
        self._points.on_element_click(self._clicked)
        self._mark = bq.Scatter(
            x=[],
            y=[],
            scales=scales,
            colors=[MARK],
            default_size=120,
            marker="circle",
            fill=False,
            stroke=MARK,
            stroke_width=3,
            enable_hover=False,
        )
        return bq.Figure(
            marks=[*self._lines.values(), self._curve, self._mark, self._points],
            axes=[
                bq.Axis(scale=steps, label="modules randomised, from the unit down",
                        tick_format="d", grid_lines="none"),
                bq.Axis(scale=alike, side="left", label="like the trained picture",
                        tick_format=".1f"),
            ],
            fig_margin={"top": 16, "bottom": 48, "left": 56, "right": 16},
            animation_duration=0,
            layout=ipywidgets.Layout(width="480px", height="340px"),
        )  # fmt: skip

    def _clicked(self, _points: Any, event: Mapping[str, Any]) -> None:
        index = event.get("data", {}).get("index")
        if isinstance(index, int):
            self._step.value = min(index, self._step.max)

    def _draw_curve(self, _change: Any = None) -> None:
        result = self._result
        if result is None:
            return
        unit, measure = result.activation.unit, self._measure.value
        self._title.value = html.escape(
            f"{unit.layer}, channel {unit.channel}, row {unit.row}, col {unit.col} in "
            f"{result.activation.image_name}: {result.rule}"
        )
        values = result.curve(measure).astype(float)
        known = np.isfinite(values)
        lowest = float(min(values[known], default=0.0))
        numbers = np.arange(len(values))
        for mark in (self._curve, self._points):
            with mark.hold_sync():
                mark.x, mark.y = numbers[known], values[known]
        self._points.names = [_name(result, int(number)) for number in numbers[known]]
        end = len(result.modules)
        for kind, line in self._lines.items():
            found = result.control(kind, measure)
            found = found[np.isfinite(found)]
            with line.hold_sync():
                line.x = [0, end] if len(found) else []
                line.y = [float(np.median(found))] * 2 if len(found) else []
            lowest = min(lowest, float(np.median(found)) if len(found) else 0.0)
        self._figure.axes[0].scale.max = max(end, 1)
        self._figure.axes[0].tick_values = np.arange(0, end + 1, max(1, round(end / 10)))
        self._figure.axes[1].scale.min = min(0.0, np.floor(lowest * 10) / 10)
        follow = self._step.value == self._step.max  # unless the user looks at an earlier one
        self._step.max = len(values) - 1
        if follow:
            self._step.value = self._step.max
        if not self._trained.value:
            _show(self._trained, np.asarray(result.steps[0].to_pil()))
        self._draw_step()

    def _draw_step(self, _change: Any = None) -> None:
        result = self._result
        if result is None:
            return
        number = min(self._step.value, len(result.steps) - 1)
        step = result.steps[number]
        value = getattr(step.similarity, self._measure.value)
        with self._mark.hold_sync():
            self._mark.x = [number] if np.isfinite(value) else []
            self._mark.y = [value] if np.isfinite(value) else []
        self._note.value = f"<i>{html.escape(step.note)}</i>"
        alike = f"{value:.2f}" if np.isfinite(value) else "can't be compared"
        self._caption.value = f"<b>{html.escape(_name(result, number))}</b>: {alike}"
        if self._shown != (number, id(step)):
            self._shown = (number, id(step))
            _show(self._picture, np.asarray(step.to_pil()))


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


def _name(result: SanityResult, number: int) -> str:
    return f"{number}: {result.steps[number].module}" if number else "0: trained"


def _progress_text(progress: Progress) -> str:
    left = progress.seconds_left
    text = f"{progress.what}: {progress.done} of {progress.total}" if progress.total else "waiting"
    return text if left is None else f"{text}, {left:.0f} s left"


def _show(place: ipywidgets.Image, pixels: Pixels) -> None:
    """Put pixels on screen, enlarged by a whole number so that each stays one square."""
    picture = Image.fromarray(pixels)
    factor = max(1, -(-SIDE // max(picture.size)))
    picture = picture.resize(
        (picture.width * factor, picture.height * factor), Image.Resampling.NEAREST
    )
    stream = io.BytesIO()
    picture.save(stream, "PNG")
    with place.hold_sync():
        place.width, place.height = str(picture.width), str(picture.height)
        place.value = stream.getvalue()


def _descendants(widget: Any) -> list[ipywidgets.Widget]:
    found: list[ipywidgets.Widget] = []
    for child in getattr(widget, "children", ()):
        found += [*_descendants(child), child]
    return found


def _experiment() -> Any:
    """The computation, which needs torch and more; imported when a widget is made."""
    try:
        from ..experiments import sanity
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise
        raise MissingDependency(
            "zf.SanityCheck changes a copy of the network and needs torch where it runs: "
            "pip install torch"
        ) from error
    return sanity


def _bqplot() -> Any:
    try:
        import bqplot
    except ImportError as error:
        raise MissingDependency("zf.SanityCheck needs bqplot: pip install bqplot") from error
    return bqplot
