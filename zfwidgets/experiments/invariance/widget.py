"""Invariance as a widget: transformed photos, how far features move, and the class."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import ipywidgets
import numpy as np
from PIL import Image

from ...drawing.page import WIDTH, Page
from ...drawing.tables import small, table_html
from ...engine.protocol import EngineProtocol
from ...errors import needs_torch
from ...language.words import Words
from ...records import Progress
from ...stepwise import Driven, Growing
from ..shared.boxes import Experiment
from ..shared.charts import LineChart
from ..shared.layout import beside, controls, heading
from ..shared.picture_wall import PictureWall, Wall
from ..shared.recording import Recording, stored
from .curves import InvarianceCurves, InvarianceResult
from .drawing import across_text, common_span, draw
from .transforms import Transform

OPENED_AT = 1 / 3
"""How far the photos are moved when a transform is first shown, of the way to its last value."""


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

    Examples
    --------
    >>> moves = zf.Invariance(engine, ["coffee", "kitten"])
    >>> moves.settle()
    >>> moves.result["rotation"].symmetry(4)
    """

    named = "invariance"

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
            job = _experiment().Job(live, images, transforms, layers, classes, baseline, disc)
            self._make = job.steps
            names, layers = [transform.name for transform in job.transforms], job.layers
        else:
            names, layers = [one.name for one in recorded[0].curves], recorded[0].layers
        words = self._words
        self._transform = ipywidgets.Dropdown(
            options=[(words.named("invariance", name), name) for name in names],
            description=words("invariance.transform"),
        )
        measures = [(words("invariance.relative"), True), (words("invariance.distance"), False)]
        self._measure = ipywidgets.Dropdown(
            options=measures, description=words("invariance.measure")
        )
        self._value = ipywidgets.SelectionSlider(
            options=[("", 0)], description=words("invariance.value")
        )
        self._photos = PictureWall(
            "recorded" if live is None else live.info.fingerprint,
            words("invariance.photos"),
            size=120,
        )
        look: dict[str, Any] = {"choose": self._choose, "height": 190}
        self._charts = [LineChart("", "", label=layer, **look) for layer in layers]
        self._class_chart = LineChart(
            "",
            words("invariance.probability"),
            span=(0.0, 1.0),
            label=words("invariance.class"),
            **look,
        )
        titles = [*layers, words("invariance.class")]
        drawn = zip(titles, [*self._charts, self._class_chart], strict=True)
        self._classes, self._reading = ipywidgets.HTML(), ipywidgets.HTML()
        parts = [
            controls(self._transform, self._measure, self._value),
            self._photos,
            self._classes,
            beside(*[[heading(title), chart] for title, chart in drawn], narrow=True),
            self._reading,
        ]
        for control in (self._transform, self._measure):
            control.observe(self._redraw, "value")
        self._value.observe(self._point_out, "value")
        super().__init__(live, parts, recorded=recorded, **layout)
        self.add_class("zf-invariance")

    # ------------------------------------------------------------------ running

    def _steps(self) -> Growing[InvarianceResult]:
        words = self._words
        driven: Driven[Any, InvarianceResult] = Driven(self._make())
        for step in driven:
            if isinstance(step, Progress):
                transform, _, photo = step.what.partition(" of ")
                named = words.named("invariance", transform)
                what = words("invariance.step", transform=named, photo=photo)
                yield replace(step, what=what)
            else:
                yield step
        return driven.result

    def _done(self, result: InvarianceResult) -> str:
        photos = len(result.image_names)
        return self._words("invariance.done", transforms=len(result.curves), photos=photos)

    def _stopped(self, result: InvarianceResult | None) -> str:
        done, total = 0, 0
        if result is not None:
            done, total = result.done, len(result.curves) * len(result.image_names)
        return self._words("invariance.stopped", done=done, total=total)

    # ------------------------------------------------------------------ drawing

    def _facts(self) -> str:
        result, words = self._result, self._words
        if result is None:
            return ""
        transforms = [words.named("invariance", curves.name) for curves in result.curves]
        photos = ", ".join(result.image_names)
        return words("invariance.facts", transforms=", ".join(transforms), photos=photos)

    def _show(self, result: InvarianceResult) -> None:
        self._redraw()

    def _paint(self, result: InvarianceResult | None, status: str) -> Callable[[], Image.Image]:
        return partial(_draw, self._facts(), result, status, self._measure.value, self._words)

    @property
    def _curves(self) -> InvarianceCurves | None:
        return None if self._result is None else self._result[self._transform.value]

    def _redraw(self, _change: Any = None) -> None:
        """Show the chosen transform as far as it is computed."""
        result, curves = self._result, self._curves
        if result is None or curves is None:
            return
        words = self._words
        across = across_text(curves, words)
        distances = curves.relative if self._measure.value else curves.distance
        up = words("invariance.relative" if self._measure.value else "invariance.distance")
        names, span = result.image_names, common_span(result) if self._measure.value else None
        for place, chart in enumerate(self._charts):
            chart.say(across, up)
            chart.reach(span)
            lines = dict(zip(names, distances[:, place], strict=True))
            chart.draw(curves.values, lines)
        self._class_chart.say(across, words("invariance.probability"))
        lines = dict(zip(names, curves.probability, strict=True))
        self._class_chart.draw(curves.values, lines)
        self._classes.value = _classes(result, words)
        self._reading.value = _reading(result, curves, words)
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
            unit = self._words.named("invariance.unit", curves.unit)
            self._value.description = unit or self._words.named("invariance", curves.name)

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
        words = self._words
        self._photos.note = words(
            "invariance.photos.note",
            transform=words.named("invariance", curves.name),
            value=float(curves.values[number]),
            unit=words.named("invariance.unit", curves.unit),
        )
        self._photos.show(_photos(result, curves, number, words), name)


def _photos(result: InvarianceResult, curves: InvarianceCurves, number: int, words: Words) -> Wall:
    pictures = [None if made is None else made[number] for made in curves.pictures]
    details = []
    for photo, picture in enumerate(pictures):
        predicted = int(curves.predicted[photo, number])
        known = picture is not None and predicted >= 0
        sure = words.fixed(curves.probability[photo, number], 2)
        text = f"{sure}, {result.labels[predicted]}"
        details.append(text if known else "")
    return Wall(pictures, result.image_names, details=details)


def _classes(result: InvarianceResult, words: Words) -> str:
    """Which class each photo's probability is of."""
    if not any(result.class_is):
        return ""
    texts = [
        words(f"invariance.class.{what}", photo=name, label=label)
        for name, label, what in zip(
            result.image_names, result.class_names, result.class_is, strict=True
        )
    ]
    return small(words("invariance.classes", classes="; ".join(texts)))


ORDERS = (2, 4)


def _reading(result: InvarianceResult, curves: InvarianceCurves, words: Words) -> str:
    """How to read the charts, and how much of a rotation's curves repeats."""
    out = small(words("invariance.reading", baseline=result.baseline))
    orders = [order for order in ORDERS if len(curves.values) % order == 0]
    if not curves.full_turn or not orders:
        return out
    angles = len(curves.values)
    alone = ", ".join(
        words(
            "invariance.symmetry.at",
            share=words.fixed((angles / order - 1) / (angles - 1), 2),
            angle=360 // order,
        )
        for order in orders
    )
    what = words("invariance.symmetry", alone=alone)
    if not result.disc:
        what += f" {words('invariance.frame')}"
    heads = [words("invariance.every")]
    heads += [f"{layer} {360 // order}°" for layer in result.layers for order in orders]
    shares = [curves.symmetry(order) for order in orders]
    rows = [
        [
            name,
            *(
                _share(share[photo, n], words)
                for n in range(len(result.layers))
                for share in shares
            ),
        ]
        for photo, name in enumerate(result.image_names)
    ]
    return f"{out}{small(what)}{table_html(heads, rows)}"


def _share(value: float, words: Words) -> str:
    return words.fixed(value, 2) if np.isfinite(value) else "–"


def _draw(
    facts: str, result: InvarianceResult | None, status: str, relative: bool, words: Words
) -> Image.Image:
    """The static picture."""
    page = Page(f"{words('invariance.name')}   {facts}", status, 26)
    if result is None:
        return page.missing(words("experiment.missing"))
    sheet = draw(result, words, relative=relative)
    room = page.image.height - page.y - 28
    width = min(WIDTH - 56, round(sheet.width * room / sheet.height))
    height = round(sheet.height * width / sheet.width)
    page.picture(28, page.y, sheet, width, height)
    page.y += height
    return page.finish()


def _experiment() -> Any:
    """The computation, which needs torch; imported when a widget is made."""
    with needs_torch("zf.Invariance shows the network transformed photos, and"):
        from . import measuring
    return measuring
