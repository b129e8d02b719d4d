"""The sanity check as a widget: a curve, and the projection of each of its points."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import ipywidgets
from PIL import Image

from ...drawing.tables import small
from ...engine.protocol import EngineProtocol
from ...errors import needs_torch
from ...language.words import Words
from ...records import Unit
from ...stepwise import Growing
from ..shared.boxes import Experiment
from ..shared.charts import LineChart
from ..shared.layout import beside, controls
from . import widget_pictures
from .curve import CONTROLS, Curve
from .result import SanityResult
from .similarity import MEASURES
from .widget_pictures import StepPictures

SAID = {kind: f"sanity.curve.{kind.split()[0]}" for kind in CONTROLS}
"""What the lines of unrelated units are called."""


class SanityCheck(Experiment["SanityResult"]):
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
        Seed of the random parameters and of the choice of unrelated units.
    **layout
        ``layout``, as every ipywidget has it.

    Raises
    ------
    InputError
        For an engine that isn't on this machine, an unknown layer, channel or rule.
    MissingDependency
        Without SciPy or scikit-image.

    Examples
    --------
    >>> check = zf.SanityCheck(engine, ("features.7", 42))
    >>> check.settle()
    >>> check.result.to_frame()
    """

    named = "sanity"

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
        self._unit: Unit = sanity.check(engine, unit, rule)
        words = self._words
        self._chart = LineChart(
            words("sanity.across"), words("sanity.up"), self._choose, height=280
        )
        self._make = lambda: sanity.sanity_steps(self.engine, self._unit, image, rule, seed=seed)
        self._measure = ipywidgets.Dropdown(
            options=[(words(f"sanity.{name}"), name) for name in MEASURES],
            description=words("sanity.compare"),
        )
        self._measure.observe(self._remeasure, "value")
        self._step = ipywidgets.IntSlider(
            min=0, max=0, description=words("sanity.step"), continuous_update=True, readout=False
        )
        self._step.observe(self._draw_step, "value")
        self._pictures = StepPictures(
            engine.info.fingerprint, layout=ipywidgets.Layout(width="auto")
        )
        curve = [controls(self._measure, self._step), self._chart]
        shown = [self._pictures, ipywidgets.HTML(small(words("sanity.pictures.note")))]
        super().__init__(engine, [beside(curve, shown)], **layout)
        self.add_class("zf-sanity")

    @property
    def unit(self) -> Unit:
        """The unit that is projected."""
        return self._unit

    # ------------------------------------------------------------------ running

    def _steps(self) -> Growing[SanityResult]:
        steps: Growing[SanityResult] = self._make()
        return steps

    def _prepare(self, run: str, result: SanityResult) -> None:
        self._pictures.keep(run, result)

    def _done(self, result: SanityResult) -> str:
        return self._words("sanity.done", number=len(result.modules))

    def _stopped(self, result: SanityResult | None) -> str:
        done = 0 if result is None else len(result.steps) - 1
        return self._words("sanity.stopped", number=done)

    # ------------------------------------------------------------------ drawing

    def _facts(self) -> str:
        return _describe(self._unit, self._result, self._words)

    def _show(self, result: SanityResult) -> None:
        follow = self._step.value == self._step.max  # unless the user looks at an earlier one
        self._step.max = len(result.steps) - 1
        if follow:
            self._step.value = self._step.max
        self._pictures.check = self._run_name()
        self._draw_curve()

    def _paint(self, result: SanityResult | None, status: str) -> Callable[[], Image.Image]:
        return partial(
            widget_pictures.draw, self._facts(), result, self._measure.value, status, self._words
        )

    def _choose(self, step: float) -> None:
        self._step.value = min(round(step), self._step.max)

    def _remeasure(self, _change: Any) -> None:
        self._draw_curve()
        self._draw_picture()

    def _draw_curve(self) -> None:
        if self._result is not None:
            curve, words = Curve.of(self._result, self._measure.value), self._words
            self._chart.reach((curve.low, 1.0))
            self._chart.draw(
                curve.steps,
                {words("sanity.curve.unit"): curve.values},
                levels={words(SAID[kind]): value for kind, value in curve.controls.items()},
                across=(0, max(curve.end, 1)),
            )
            self._draw_step()

    def _draw_step(self, _change: Any = None) -> None:
        with self._pictures.hold_sync():
            self._pictures.step, self._pictures.measure = self._step.value, self._measure.value
        self._chart.point_out(self._step.value)


def _describe(unit: Unit, result: SanityResult | None, words: Words) -> str:
    if result is None:
        return words("sanity.facts", layer=unit.layer, channel=unit.channel)
    unit = result.activation.unit
    return words(
        "sanity.facts.in",
        layer=unit.layer,
        channel=unit.channel,
        row=unit.row,
        column=unit.col,
        photo=result.activation.image_name,
        rule=result.rule,
    )


def _experiment() -> Any:
    """The computation, which needs torch and more; imported when a widget is made."""
    with needs_torch("zf.SanityCheck changes a copy of the network, and"):
        from . import check as sanity
    return sanity
