"""bqplot figures that follow a selection, to stand beside the widgets in ipywidgets boxes.

They are linked by traits alone: whatever changes the selection, a widget, another figure or your
own code, they follow. Numbers are computed on the engine's worker; traits are set on the kernel's
main thread. bqplot is imported when a figure is made.
"""

from __future__ import annotations

import html
import uuid
from collections import Counter
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import ipywidgets
import numpy as np
from numpy.typing import NDArray

from .drawing.palette import MARK, PALE, STRONG
from .engine.protocol import EngineProtocol
from .errors import InputError, optional
from .widgets import requests
from .widgets.base import EngineWidget
from .widgets.selection import Selection
from .widgets.wire import validation
from .widgets.wire.encode import Answer
from .widgets.wire.jobs import Op
from .widgets.wire.photos import public_name
from .widgets.wire.service import Need, Service, service_of
from .widgets.wire.source import identity

if TYPE_CHECKING:
    import bqplot

__all__ = ["activation_histogram", "class_bars"]


def class_bars(
    source: EngineWidget | Selection, engine: EngineProtocol | None = None, k: int = 5
) -> bqplot.Figure:
    """Bars of a photo's most probable classes, as it is (pale) and under the occluder.

    The classes are those of the photo as it is, so that bars move and don't change places. A
    click on a bar makes its class the selection's target; a second click gives the target back
    to the predicted class.

    Parameters
    ----------
    source
        A widget or `Selection` to follow. A widget's figure also follows it through `zf.link`.
    engine
        The selection's engine; needed only if it was made without one.
    k
        How many classes.

    Returns
    -------
    bqplot.Figure
        For ``ipywidgets.HBox`` and the like.

    Raises
    ------
    InputError
        If there is no engine, the network has no classes, or ``k`` isn't in 1 .. their number.
    MissingDependency
        Without bqplot.
    """
    bq = _bqplot()
    service = _service(source, engine)
    if service.engine.info.no_classes:
        raise InputError(f"There are no bars of classes: {service.engine.info.no_classes}")
    labels = _unique(service.engine.info.labels)
    validation.integer("k", k, 1, len(labels))
    names = bq.OrdinalScale(reverse=True)
    probability = bq.LinearScale(min=0.0, max=1.0)
    bars = bq.Bars(
        x=[],
        y=[[], []],
        scales={"x": names, "y": probability},
        orientation="horizontal",
        type="grouped",
        colors=[PALE, STRONG],
        padding=0.25,
    )
    figure = _figure(
        bq,
        [bars],
        [
            bq.Axis(scale=names, side="left", grid_lines="none"),
            bq.Axis(
                scale=probability,
                tick_values=np.linspace(0, 1, 5),
                tick_format=".0%",
                label="probability",
            ),
        ],
        {"top": 40, "bottom": 44, "left": 150, "right": 24},
    )
    shown: list[int] = []

    def ask(selection: Selection) -> list[Need]:
        return [requests.clean_prediction(selection), requests.prediction(selection)]

    def show(selection: Selection, asked: list[Need], answers: Mapping[str, Answer]) -> None:
        clean, under = (_floats(answers[identity(*need)], 0) for need in asked)
        shown[:] = np.argsort(-clean, kind="stable")[:k].tolist()
        with bars.hold_sync():
            bars.x = [f"> {labels[c]}" if c == selection.target else labels[c] for c in shown]
            bars.y = np.stack([clean[shown], under[shown]])
        figure.title = public_name(service.engine, asked[0][1]["image"])

    follower = _Follower(source, service, figure, ("photo", "occluder", "target"), ask, show)

    def clicked(_bars: Any, event: Mapping[str, Any]) -> None:
        index = event.get("data", {}).get("index")
        if isinstance(index, int) and 0 <= index < len(shown):
            again = follower.selection.target == shown[index]
            follower.selection.target = None if again else shown[index]

    bars.on_element_click(clicked)
    return figure


def activation_histogram(
    source: EngineWidget | Selection, engine: EngineProtocol | None = None, bins: int = 30
) -> bqplot.Figure:
    """How strongly the chosen channel fires over the images; a line marks the chosen photo.

    Each image counts once, with the channel's largest activation in it. Where the engine keeps
    a sample of the images only, the title says so, and a photo outside of it has no line.

    Parameters
    ----------
    source, engine
        As in `class_bars`.
    bins
        How many bars, 1 to 1000.
    """
    bq = _bqplot()
    service = _service(source, engine)
    validation.integer("bins", bins, 1, 1000)
    activation, images = bq.LinearScale(), bq.LinearScale(min=0.0)
    scales = {"x": activation, "y": images}
    bars = bq.Bars(x=[], y=[], scales=scales, colors=[STRONG], padding=0.05)
    mark = bq.Lines(x=[], y=[], scales=scales, colors=[MARK], stroke_width=3)
    figure = _figure(
        bq,
        [bars, mark],
        [
            # bqplot can't guess formats while there is nothing to show.
            bq.Axis(scale=activation, label="largest activation in an image", tick_format="~g"),
            bq.Axis(scale=images, side="left", label="images", tick_format="~g"),
        ],
        {"top": 40, "bottom": 48, "left": 60, "right": 24},
    )

    def ask(selection: Selection) -> list[Need]:
        if selection.unit is None:
            return []
        layer, channel = selection.unit
        return [("sample", {"layer": layer, "channel": channel})]

    def show(selection: Selection, asked: list[Need], answers: Mapping[str, Answer]) -> None:
        if not asked:
            figure.title = "Choose a layer and a channel"
            return
        answer = answers[identity(*asked[0])]
        photos, values = np.frombuffer(answer[1][0], "<i4"), _floats(answer, 1)
        counts, edges = np.histogram(values, bins)
        here = values[photos == selection.photo]
        with bars.hold_sync():
            bars.x = (edges[:-1] + edges[1:]) / 2
            bars.y = counts
        with mark.hold_sync():
            mark.x = np.repeat(here[:1], 2)
            mark.y = np.array([0, max(counts.max(), 1)])[: 2 * len(here)]
        fields = asked[0][1]
        sample = "" if answer[0]["complete"] else f" (a sample of {len(values)} images)"
        figure.title = f"{fields['layer']}, channel {fields['channel']}{sample}"

    _Follower(source, service, figure, ("unit", "photo"), ask, show)
    return figure


class _Follower:
    """Keeps a figure true to a selection.

    One question is under way at a time; what changed meanwhile is asked about when it is
    answered, so that a figure moves while an occluder is dragged, and never lags.
    """

    def __init__(
        self,
        source: EngineWidget | Selection,
        service: Service,
        figure: Any,
        names: tuple[str, ...],
        ask: Callable[[Selection], list[Need]],
        show: Callable[[Selection, list[Need], Mapping[str, Answer]], None],
    ) -> None:
        self.service, self.figure, self.names = service, figure, names
        self.ask, self.show = ask, show
        self.view = uuid.uuid4().hex
        self.asked: list[Need] | None = None
        self.selection: Selection = source if isinstance(source, Selection) else source.selection
        self.selection.observe(self.changed, list(names))
        if isinstance(source, EngineWidget):
            source.observe(self.moved, "selection")
        self.changed()

    def moved(self, change: Mapping[str, Any]) -> None:
        """The widget has another selection."""
        self.selection.unobserve(self.changed, list(self.names))
        self.selection = change["new"]
        self.selection.observe(self.changed, list(self.names))
        self.changed()

    def changed(self, _change: Any = None) -> None:
        """Ask for what the selection requests, unless a question is under way."""
        if self.figure.comm is None:  # closed
            self.selection.unobserve(self.changed, list(self.names))
            return
        if self.asked is not None:
            return
        asked = self.ask(self.selection)
        known = self.service.known(asked)
        if len(known) == len(asked):
            self.show(self.selection, asked, known)
            return
        self.asked = asked
        self.service.jobs.submit(
            id(self.selection),  # whoever settles a widget of this selection waits for us, too
            self.view,
            "figure",
            repr(asked),
            lambda: self.service.all(asked),
            self.listen,
            priority=1,
        )

    def listen(self, op: Op, value: Any) -> None:
        """Take an answer on the worker; show it on the kernel's main thread."""
        if op == "progress" and value.total:
            text = f"{value.what}: {value.done} of {value.total}"
            self.service.hand_back(lambda: self.say(text))
        elif op in ("reply", "error", "superseded"):
            self.service.hand_back(lambda: self.answered(op, value))

    def say(self, text: str) -> None:
        if self.asked is not None:
            self.figure.title = text

    def answered(self, op: Op, value: Any) -> None:
        asked, self.asked = self.asked or [], None
        if op == "error":
            self.figure.title = f"{type(value).__name__}: {value}"
        elif op == "reply":
            self.show(self.selection, asked, value)
        if self.ask(self.selection) != asked:
            self.changed()


def _service(source: Any, engine: EngineProtocol | None) -> Service:
    if not isinstance(source, EngineWidget | Selection):
        raise InputError(
            f"A figure follows a widget of zfwidgets or a Selection, not {type(source).__name__}."
        )
    engine = engine if engine is not None else source.engine
    if engine is None:
        raise InputError("This selection has no engine: pass engine=... as well.")
    return service_of(engine)


def _unique(labels: tuple[str, ...]) -> list[str]:
    """Labels as names of bars, of which no two may be equal (ImageNet has two cranes)."""
    counts = Counter(labels)
    return [name if counts[name] == 1 else f"{name} ({i})" for i, name in enumerate(labels)]


def _floats(answer: Answer, buffer: int) -> NDArray[np.float32]:
    return np.frombuffer(answer[1][buffer], "<f4")


def _figure(bq: Any, marks: list[Any], axes: list[Any], margin: dict[str, int]) -> Any:
    figure = bq.Figure(
        marks=marks,
        axes=axes,
        fig_margin=margin,
        padding_x=0.02,
        padding_y=0.0,
        animation_duration=0,
        title_style={"font-size": "14px"},
        layout=ipywidgets.Layout(width="440px", height="300px"),
    )
    figure._mime_ = partial(_in_marimo, figure)
    return figure


def _in_marimo(figure: Any) -> tuple[str, str]:
    """What marimo shows, which has no place for figures of bqplot: a sentence."""
    title = html.escape(figure.title or "A figure of zf.plots")
    return "text/html", (
        f"<p>{title}: this page shows no figures of bqplot, JupyterLab, Notebook 7 and Voila do. "
        "Its numbers are <code>figure.marks[0].x</code> and <code>.y</code>; the bars of classes "
        "stand in an Explorer, too.</p>"
    )


def _bqplot() -> Any:
    return optional("bqplot", "zf.plots needs bqplot: pip install bqplot")
