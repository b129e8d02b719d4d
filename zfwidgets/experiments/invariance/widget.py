"""Invariance as a widget: transformed photos, how far features move, and the class."""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import ipywidgets
import numpy as np
from PIL import Image

from ...drawing.charts import LineChart
from ...drawing.page import WIDTH, Page
from ...engine.protocol import EngineProtocol
from ...stepwise import Growing
from ..shared.boxes import Experiment, needs_torch
from ..shared.picture_wall import PictureWall, Wall
from ..shared.recording import stored
from .curves import InvarianceResult
from .drawing import common_span

if TYPE_CHECKING:
    from ..shared.recording import Recording
    from .curves import InvarianceCurves
    from .transforms import Transform

OPENED_AT = 1 / 3
"""How far the photos are moved when a transform is first shown, of the way to its last value."""
CHART = {"flex": "1 1 280px", "min_width": "0", "max_width": "420px"}


class Invariance(Experiment["InvarianceResult"]):
    """Shifts, scales and rotates photos, and shows how far features and class move.

    The paper's Fig. 5: for each transform a chart for each layer with a line a photo (distance of
    its features to those of the untransformed photo), one of the probability of its class, and the
    photos as the network sees them at the slider's value. Move the slider, or click a point. How
    photos are transformed: `zfwidgets.experiments.invariance.transforms`. It starts when it is
    made, on the engine's worker.

    Parameters
    ----------
    engine
        ``zf.Engine(model, images)``. Or a recording (`zfwidgets.experiments.recorded`) or result,
        alone: it is shown, without torch.
    images
        Photos by index or name, or images of your own; None: the engine's first five.
    transforms
        Names ("vertical", "horizontal", "scale", "rotation", each over the paper's range), or
        `zfwidgets.experiments.Transform` objects; None: the paper's three, without "horizontal".
    layers
        Layers whose features are compared; None: a low, a middle and the last rectifier.
    classes
        By photo the class whose probability is shown; None: its label where it is known, else the
        class predicted for the untransformed photo. The legend says which.
    baseline
        What is seen where the transformed photo isn't.
    disc
        Whether only the largest disc about the centre is shown.
    **layout
        ``layout``, as every ipywidget has it.

    Raises
    ------
    InputError
        For an engine that isn't on this machine; an unknown image, layer, class, transform or
        baseline.
    MissingDependency
        Without bqplot.

    Examples
    --------
    >>> moves = zf.Invariance(engine, ["coffee", "kitten"])
    >>> moves.settle()
    >>> moves.result["rotation"].symmetry(4)
    """

    def __init__(
        self,
        engine: EngineProtocol | InvarianceResult | Recording[InvarianceResult],
        images: Sequence[Any] | None = None,
        transforms: Sequence[str | Transform] | None = None,
        *,
        layers: Sequence[str] | None = None,
        classes: Sequence[int | str | None] | None = None,
        baseline: str | float = "grey",
        disc: bool = False,
        **layout: Any,
    ) -> None:
        recorded = stored(engine, InvarianceResult)
        live: Any = engine if recorded is None else None
        if recorded is None:
            job = _experiment().Job.of(live, images, transforms, layers, classes, baseline, disc)
            self._make = job.steps
            names, layers = [transform.name for transform in job.transforms], job.layers
        else:
            names, layers = [one.name for one in recorded[0].curves], recorded[0].layers
        self._transform = ipywidgets.Dropdown(options=names, description="transform")
        self._measure = ipywidgets.Dropdown(
            options=[("distance / norm", True), ("distance", False)], description="distances"
        )
        self._value = ipywidgets.SelectionSlider(options=[("", 0)], description="value")
        self._photos = PictureWall(
            "recorded" if live is None else live.info.fingerprint,
            "Photos as the network sees them",
            size=120,
        )
        self._charts = [LineChart("", layer, self._choose, height="240px") for layer in layers]
        self._class_chart = LineChart(
            "", "probability", self._choose, span=(0.0, 1.0), height="240px"
        )
        charts = [
            ipywidgets.VBox([ipywidgets.HTML(f"<b>{html.escape(title)}</b>"), chart.figure])
            for title, chart in zip(
                [*layers, "probability of its class"],
                [*self._charts, self._class_chart],
                strict=True,
            )
        ]
        for chart in charts:
            chart.layout = ipywidgets.Layout(**CHART)
        self._legend, self._reading = ipywidgets.HTML(), ipywidgets.HTML()
        row = ipywidgets.Layout(flex_flow="row wrap")
        parts = [
            ipywidgets.HBox([self._transform, self._measure, self._value], layout=row),
            self._photos,
            self._legend,
            ipywidgets.HBox(charts, layout=row),
            self._reading,
        ]
        for control in (self._transform, self._measure):
            control.observe(self._redraw, "value")
        self._value.observe(self._point_out, "value")
        super().__init__(live, parts, recorded=recorded, **layout)
        self.add_class("zf-invariance")

    # ------------------------------------------------------------------ running

    def _steps(self) -> Growing[InvarianceResult]:
        steps: Growing[InvarianceResult] = self._make()
        return steps

    def _done(self, result: InvarianceResult) -> str:
        return f"done: {len(result.curves)} transforms of {len(result.image_names)} photos"

    def _stopped(self, result: InvarianceResult | None) -> str:
        done, total = 0, 0
        if result is not None:
            done, total = result.done, len(result.curves) * len(result.image_names)
        return f"stopped after {done} of {total} photos, over all transforms"

    # ------------------------------------------------------------------ drawing

    def _describe(self) -> str:
        result = self._result
        if result is None:
            return "Invariance"
        transforms = ", ".join(curves.name for curves in result.curves)
        return f"Invariance to {transforms} of {', '.join(result.image_names)}"

    def _show(self, result: InvarianceResult) -> None:
        self._redraw()

    def _paint(self, result: InvarianceResult | None, status: str) -> Callable[[], Image.Image]:
        return partial(_draw, self._describe(), result, status, self._measure.value)

    @property
    def _curves(self) -> InvarianceCurves | None:
        return None if self._result is None else self._result[self._transform.value]

    def _redraw(self, _change: Any = None) -> None:
        """Show the chosen transform as far as it is computed."""
        result, curves = self._result, self._curves
        if result is None or curves is None:
            return
        across = f"{curves.name} ({curves.unit})" if curves.unit else curves.name
        distances = curves.relative if self._measure.value else curves.distance
        up = "distance / norm" if self._measure.value else "distance"
        names, span = result.image_names, common_span(result) if self._measure.value else None
        for place, chart in enumerate(self._charts):
            chart.say(across, up)
            chart.reach(span)
            lines = dict(zip(names, distances[:, place], strict=True))
            chart.draw(curves.values, lines)
        self._class_chart.say(across, "probability")
        lines = dict(zip(names, curves.probability, strict=True))
        self._class_chart.draw(curves.values, lines)
        self._legend.value = self._class_chart.legend.value + _classes(result)
        self._reading.value = _reading(result, curves)
        self._set_slider(curves)
        self._point_out()
        self._draw_picture()

    def _set_slider(self, curves: InvarianceCurves) -> None:
        options = [(f"{value:g}", number) for number, value in enumerate(curves.values)]
        if tuple(options) != tuple(self._value.options):
            still = 1.0 if curves.name == "scale" else 0.0
            opened = still + OPENED_AT * (float(curves.values.max()) - still)
            off = np.where(curves.values == still, np.inf, np.abs(curves.values - opened))
            self._value.options = options
            self._value.value = int(off.argmin())
            self._value.description = curves.unit or curves.name

    def _choose(self, value: float) -> None:
        if self._curves is not None:
            self._value.value = int(np.abs(self._curves.values - value).argmin())

    def _point_out(self, _change: Any = None) -> None:
        """Mark the slider's value in all charts, and show the photos there."""
        result, curves, number = self._result, self._curves, self._value.value
        if result is None or curves is None or number is None or number >= len(curves.values):
            return
        for chart in (*self._charts, self._class_chart):
            chart.point_out(float(curves.values[number]))
        done = sum(pictures is not None for pictures in curves.pictures)
        name = f"{self._run_name()}.{curves.name}.{number}.{done}"
        self._photos.note = (
            f"{curves.name} {curves.values[number]:g} {curves.unit}: what the network gets, with "
            "the probability of the photo's class, and the class it predicts."
        )
        self._photos.show(_photos(result, curves, number), name)


def _photos(result: InvarianceResult, curves: InvarianceCurves, number: int) -> Wall:
    pictures = [None if made is None else made[number] for made in curves.pictures]
    details = []
    for photo, picture in enumerate(pictures):
        predicted = int(curves.predicted[photo, number])
        known = picture is not None and predicted >= 0
        text = f"{curves.probability[photo, number]:.2f}, {result.labels[predicted]}"
        details.append(text if known else "")
    return Wall(pictures, result.image_names, details=details)


def _classes(result: InvarianceResult) -> str:
    """Which class each photo's probability is of."""
    if not any(result.class_is):
        return ""
    texts = [
        f"{name}: {label} ({'its label' if what == 'true' else 'predicted untransformed'})"
        for name, label, what in zip(
            result.image_names, result.class_names, result.class_is, strict=True
        )
    ]
    return f"<br><small>Class of {html.escape('; '.join(texts))}</small>"


ORDERS = (2, 4)


def _reading(result: InvarianceResult, curves: InvarianceCurves) -> str:
    """How to read the charts, and how much of a rotation's curves repeats."""
    text = (
        "Euclidean distance of a layer's features to those of the untransformed photo, one line a "
        "photo; divided by the norm of the untransformed features where it says so. Outside of "
        f"the photo: {result.baseline}."
    )
    out = _small(html.escape(text))
    orders = [order for order in ORDERS if len(curves.values) % order == 0]
    if not curves.full_turn or not orders:
        return out
    angles = len(curves.values)
    alone = ", ".join(
        f"{(angles / order - 1) / (angles - 1):.2f} at {360 // order}°" for order in orders
    )
    lines = []
    cell = 'style="padding:1px 10px;text-align:left"'
    wide = f"{cell} colspan={len(orders)}"
    layers = "".join(f"<th {wide}>{html.escape(layer)}</th>" for layer in result.layers)
    every = "".join(f"<th {cell}>{360 // order}°</th>" for order in orders)
    lines += [f"<th></th>{layers}", f"<th {cell}>every</th>{every * len(result.layers)}"]
    shares = [curves.symmetry(order) for order in orders]
    for photo, name in enumerate(result.image_names):
        cells = [html.escape(name)]
        for layer in range(len(result.layers)):
            cells += [_share(share[photo, layer]) for share in shares]
        lines.append("".join(f"<td {cell}>{text}</td>" for text in cells))
    table = "".join(f"<tr>{line}</tr>" for line in lines)
    what = (
        "Rotation symmetry: which share of a curve's ups and downs repeats. 1: all; a curve that "
        f"only dips at 0° has {alone}."
    )
    if not result.disc:
        what += " The frame's own symmetry counts too; disc=True leaves its corners out."
    return f"{out}<br>{_small(html.escape(what) + f'<table>{table}</table>')}"


def _small(content: str) -> str:
    return f'<small style="display:inline-block;line-height:1.4">{content}</small>'


def _share(value: float) -> str:
    return f"{value:.2f}" if np.isfinite(value) else "–"


def _draw(title: str, result: InvarianceResult | None, status: str, relative: bool) -> Image.Image:
    """The static picture."""
    page = Page(title, status, 26)
    if result is None:
        return page.missing()
    sheet = result.to_pil(relative=relative)
    room = page.image.height - page.y - 28
    width = min(WIDTH - 56, round(sheet.width * room / sheet.height))
    height = round(sheet.height * width / sheet.width)
    page.picture(28, page.y, sheet, width, height)
    page.y += height
    return page.finish()


def _experiment() -> Any:
    """The computation, which needs torch; imported when a widget is made."""
    with needs_torch("zf.Invariance shows the network transformed photos"):
        from . import measuring
    return measuring
