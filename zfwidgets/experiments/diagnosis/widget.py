"""Filters and diagnosis of one network, or of two side by side (paper, Fig. 6)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import ipywidgets
import numpy as np
from PIL import Image

from ...drawing.page import MARGIN, WIDTH, Page
from ...drawing.page_charts import bars as draw_bars
from ...drawing.page_charts import legend
from ...drawing.palette import SOFT, colour
from ...drawing.tables import small
from ...engine.protocol import EngineProtocol
from ...errors import InputError, needs_torch
from ...language.words import Words
from ...records import Progress
from ...stepwise import Growing
from ..shared.boxes import Experiment
from ..shared.charts import BarChart
from ..shared.layout import beside, controls
from ..shared.picture_wall import PictureWall, Wall, enlarged, paint_wall
from ..shared.recording import Recording, stored
from .findings import find
from .result import DiagnosisResult
from .texts import MEASURES, about_filter, about_first, about_second, bars, findings

Results = tuple["DiagnosisResult", ...]
FIRST = "pixels"
"""The measure that is shown first: the fault that the paper saw."""


class Diagnosis(Experiment["Results"]):
    """Shows a network's first filters and what is wrong with them, or two networks side by side.

    The first layer's filters on one scale, projections of the second layer, what is worth knowing
    of each layer with the remedy that the paper used, and a chart of every number by layer: the
    paper's Fig. 6 and section 4.1. What is measured and how: `zfwidgets.experiments.diagnosis`.
    Click a filter to read its numbers. It starts when it is made, on the engine's worker.

    `result` is a tuple of one `DiagnosisResult` a network.

    Parameters
    ----------
    engine
        ``zf.Engine(model, images)``; or a recording (`zfwidgets.experiments.recorded`) or results,
        alone: they are shown, without torch.
    other
        Another network's engine, to compare with.
    names
        What to call them; None: their classes' names.
    images
        How many images to measure aliasing and shift consistency on.
    projections
        How many channels of the second convolution to project.
    **layout
        ``layout``, as every ipywidget has it.

    Raises
    ------
    InputError
        For an engine that isn't on this machine, or a network without 2-d convolutions.

    Examples
    --------
    >>> diagnosis = zf.Diagnosis(zf.Engine(alexnet, photos), zf.Engine(zfnet, photos))
    >>> diagnosis.settle()
    >>> diagnosis.result[0].to_frame()
    """

    named = "diagnosis"

    def __init__(
        self,
        engine: EngineProtocol | Results | Recording[Results],
        other: EngineProtocol | None = None,
        *,
        names: Sequence[str] | None = None,
        images: int = 32,
        projections: int = 16,
        **layout: Any,
    ) -> None:
        recorded = stored(engine, tuple)
        if recorded is not None:
            self._names = _named([one.model for one in recorded[0]], names)
            # The page keeps pictures by these names, and has those of both.
            self._columns = [
                _Column(name, f"recorded {number}", self._words)
                for number, name in enumerate(self._names)
            ]
            live = None
        else:
            experiment = _experiment()
            engines: list[Any] = [engine] if other is None else [engine, other]
            for one in engines:
                experiment.check(one, images, projections)
            self._names = _named([one.info.model for one in engines], names)
            self._make = [
                partial(experiment.diagnose_steps, one, images=images, projections=projections)
                for one in engines
            ]
            self._columns = [
                _Column(name, one.info.fingerprint, self._words)
                for name, one in zip(self._names, engines, strict=True)
            ]
            live = engines[0]
        words = self._words
        self._measure = ipywidgets.Dropdown(
            options=[(words(f"diagnosis.{key}"), key) for key in MEASURES],
            value=FIRST,
            description=words("diagnosis.compare"),
        )
        self._measure.observe(self._remeasure, "value")
        self._chart = BarChart(words(f"diagnosis.{FIRST}.axis"))
        self._reading = ipywidgets.HTML()
        chart = [controls(self._measure), self._chart, self._reading]
        columns = beside(*[column.parts for column in self._columns])
        super().__init__(live, [columns, beside(chart)], recorded=recorded, **layout)
        self.add_class("zf-diagnosis")
        self._read_measure()

    # ------------------------------------------------------------------ running

    def _steps(self) -> Growing[Results]:
        done: Results = ()
        for name, make in zip(self._names, self._make, strict=True):
            newest: DiagnosisResult | None = None
            for step in make():
                if isinstance(step, Progress):
                    yield replace(step, what=f"{name}, {step.what}")
                else:
                    newest = step
                    yield (*done, newest)
            assert newest is not None
            done = (*done, newest)
        return done

    def _prepare(self, run: str, result: Results) -> None:
        for column, one in zip(self._columns, result, strict=False):
            column.keep(run, one)

    def _done(self, result: Results) -> str:
        number = sum(len(one.findings) for one in result)
        return self._words("diagnosis.done", number=number)

    # ------------------------------------------------------------------ drawing

    def _facts(self) -> str:
        return self._words("diagnosis.facts", names=self._all_names)

    @property
    def _all_names(self) -> str:
        return f" {self._words('diagnosis.and')} ".join(self._names)

    def _show(self, result: Results) -> None:
        for column, one in zip(self._columns, result, strict=False):
            column.show(self._run_name(), one)
        self._draw_chart()

    def _paint(self, result: Results | None, status: str) -> Callable[[], Image.Image]:
        title = self._words("diagnosis.picture", names=self._all_names)
        measure = self._measure.value
        return partial(_draw, title, self._names, result or (), measure, status, self._words)

    def _remeasure(self, _change: Any) -> None:
        self._read_measure()
        self._draw_chart()

    def _read_measure(self) -> None:
        measure = f"diagnosis.{self._measure.value}"
        self._chart.say(self._words(f"{measure}.axis"))
        self._reading.value = small(self._words(f"{measure}.reading"))

    def _draw_chart(self) -> None:
        if self._result:
            layers, values = bars(self._result, self._measure.value)
            self._chart.draw(layers, dict(zip(self._names, values, strict=False)))


class _Column:
    """What is shown of one network."""

    def __init__(self, name: str, fingerprint: str, words: Words) -> None:
        self._words = words
        self._result: DiagnosisResult | None = None
        self._filters = PictureWall(
            fingerprint, words("diagnosis.filters", name=name), size=44, choosable=True
        )
        self._filters.observe(self._read_filter, "chosen")
        self._filter = ipywidgets.HTML()
        self._projections = PictureWall(
            fingerprint, words("diagnosis.projections", name=name), size=88
        )
        self._findings = ipywidgets.HTML()
        self.parts = [
            self._filters,
            self._filter,
            self._projections,
            self._findings,
        ]

    def keep(self, run: str, result: DiagnosisResult) -> None:
        """Keep the pictures for when the page asks; on the worker."""
        self._filters.keep(_filter_wall(result), _wall_name(run, result, "filters"))
        self._projections.keep(
            _projection_wall(result, self._words), _wall_name(run, result, "projections")
        )

    def show(self, run: str, result: DiagnosisResult) -> None:
        """Show a result whose pictures are kept; on the kernel's main thread."""
        self._result = result
        words = self._words
        self._filters.note = about_first(result, words)
        self._projections.note = about_second(result, words)
        self._findings.value = findings(result, words)
        self._filters.wall = _wall_name(run, result, "filters")
        self._projections.wall = _wall_name(run, result, "projections")
        self._read_filter()

    def _read_filter(self, _change: Any = None) -> None:
        if self._result is not None:
            text = about_filter(self._result, self._filters.chosen, self._words)
            self._filter.value = small(text)


def _wall_name(run: str, result: DiagnosisResult, what: str) -> str:
    return f"{run}.{what}.{len(result.projections) if what == 'projections' else 0}"


def _filter_wall(result: DiagnosisResult) -> Wall:
    return Wall([enlarged(pixels) for pixels in result.filter_pictures()])


def _projection_wall(result: DiagnosisResult, words: Words) -> Wall:
    captions = [
        words(f"diagnosis.channel{'.zero' if found and found.blank else ''}", channel=int(channel))
        for channel, found in zip(result.channels, result.projections, strict=False)
    ]
    return Wall(result.projection_pictures(), captions)


def _draw(
    title: str, names: Sequence[str], results: Results, measure: str, status: str, words: Words
) -> Image.Image:
    """The static picture: filters, projections and findings of each network, and the chart."""
    page = Page(title, status)
    for name, result in zip(names, results, strict=False):
        page.line(name, 24)
        if result.filters is not None:
            wall = replace(_filter_wall(result), columns=16)
            paint_wall(page, wall, about_first(result, words), most=96)
        if result.projections:
            wall = replace(_projection_wall(result, words), columns=16, captions=())
            paint_wall(page, wall, about_second(result, words), most=32)
        found = find(result, words)
        for finding in found[:6]:
            page.paragraph(f"{finding.layer}: {finding.text}", 16)
        if len(found) > 6:
            page.line(words("diagnosis.more", number=len(found) - 6), 16, SOFT)
        page.y += 12
    if results:
        _draw_bars(page, names, results, measure, words)
    return page.finish()


def _draw_bars(
    page: Page, names: Sequence[str], results: Results, measure: str, words: Words
) -> None:
    """The chart of a measure by layer."""
    layers, values = bars(results, measure)
    title, axis = words(f"diagnosis.{measure}"), words(f"diagnosis.{measure}.axis")
    page.line(f"{title} ({axis})", 20)
    series = {name: np.asarray(one, np.float32) for name, one in zip(names, values, strict=False)}
    if not any(np.isfinite(one).any() for one in series.values()):
        return
    draw_bars(page, MARGIN, WIDTH // 2, layers, series, lambda value: words.fixed(value, 3))
    legend(page, MARGIN, WIDTH // 2, [(name, colour(at)) for at, name in enumerate(series)])


def _named(models: Sequence[str], names: Sequence[str] | None) -> list[str]:
    if names is None:
        twice = len(set(models)) < len(models)
        return [f"{name} ({i})" if twice else name for i, name in enumerate(models, 1)]
    if len(names) != len(models) or len(set(names)) < len(names):
        raise InputError(f"names is {names!r}: expected {len(models)} different names.")
    return [*names]


def _experiment() -> Any:
    """The computation, which needs torch; imported when a widget is made."""
    with needs_torch("zf.Diagnosis looks at the network's weights, and"):
        from . import diagnosing
    return diagnosing
