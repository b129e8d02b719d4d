"""An experiment of your own, whole: how much contrast does a network need?

Photos fade to their own mean; drawn is how probable the class of the whole photo stays. In a
notebook, with this file beside it::

    from contrast import Contrast
    Contrast(zf.Engine(model, photos), [0, 5, 7])

An experiment has three parts: a *record* (what was found, NumPy only), *steps* (what computes it,
a bit at a time) and a *widget* (what shows it while it grows).
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, replace
from functools import partial

import ipywidgets
import numpy as np
from numpy.typing import NDArray
from PIL import Image

import zfwidgets as zf
from zfwidgets.drawing.page import Page
from zfwidgets.errors import InputError
from zfwidgets.experiments.shared.boxes import Experiment
from zfwidgets.experiments.shared.charts import LineChart
from zfwidgets.experiments.shared.running import run
from zfwidgets.records import Progress

CONTRASTS = (1.0, 0.8, 0.6, 0.4, 0.3, 0.2, 0.1, 0.0)


@dataclass(frozen=True)
class ContrastResult:
    """How probable the class of each whole photo stays as its contrast fades.

    Attributes
    ----------
    names, classes
        Names of the photos, and their most probable classes at full contrast.
    contrasts
        (contrasts,) float64: shares of the full contrast, from 1 to 0.
    probability
        (photos, contrasts) float32: probability of that class, 0..1; NaN where it isn't computed.
    """

    names: tuple[str, ...]
    classes: tuple[str, ...]
    contrasts: NDArray[np.float64]
    probability: NDArray[np.float32]

    @property
    def needed(self) -> NDArray[np.float64]:
        """(photos,) float64: the least contrast at which half of the probability is left."""
        enough = self.probability >= self.probability[:, :1] / 2
        return np.where(enough, self.contrasts, np.inf).min(1)


Steps = Generator[Progress | ContrastResult, None, ContrastResult]


def contrast_steps(engine: zf.Engine, images: Sequence[int]) -> Steps:
    """Measure photo by photo; yields how far it is, and results so far."""
    if not images:
        raise InputError("images is empty: name the photos that are to fade.")
    unchanged = [engine.predict(image) for image in images]
    names = tuple(prediction.image_name for prediction in unchanged)
    targets = [prediction.top(1)[0][0] for prediction in unchanged]
    classes = tuple(prediction.top(1)[0][1] for prediction in unchanged)
    unknown = np.full((len(images), len(CONTRASTS)), np.nan, np.float32)
    result = ContrastResult(names, classes, np.array(CONTRASTS), unknown)
    for row, image in enumerate(images):
        pixels = engine.session.tensor(image)
        mean = pixels.mean((1, 2), keepdim=True)
        known = result.probability.copy()
        for column, contrast in enumerate(CONTRASTS):
            yield Progress(row * len(CONTRASTS) + column, known.size, None, "fading")
            faded = engine.predict(mean + contrast * (pixels - mean))
            known[row, column] = faded.probabilities[targets[row]]
        result = replace(result, probability=known)
        yield result
    return result


def measure_contrast(
    engine: zf.Engine, images: Sequence[int], *, progress: bool = True
) -> ContrastResult:
    """Measure how much contrast the class of each photo needs, with a progress bar."""
    return run(contrast_steps(engine, images), "Contrast", progress, _how_far)


class Contrast(Experiment[ContrastResult]):
    """Photos fade, and their classes with them.

    Parameters
    ----------
    engine
        ``zf.Engine(model, images)``.
    images
        Indices of the photos.
    """

    def __init__(self, engine: zf.Engine, images: Sequence[int]) -> None:
        self._measured = partial(contrast_steps, engine, images)
        self._chart = LineChart("share of the contrast", "probability", span=(0.0, 1.0))
        title = ipywidgets.HTML("<b>How much contrast does each photo's class need?</b>")
        super().__init__(engine, [title, self._chart])

    def _steps(self) -> Steps:
        return self._measured()

    def _describe(self) -> str:
        return "Contrast" if self.result is None else f"Contrast of {', '.join(self.result.names)}"

    def _show(self, result: ContrastResult) -> None:
        self._chart.draw(result.contrasts, dict(zip(result.names, result.probability, strict=True)))

    def _paint(self, result: ContrastResult | None, status: str) -> Callable[[], Image.Image]:
        return partial(_draw, result, status)


def _draw(result: ContrastResult | None, status: str) -> Image.Image:
    page = Page()
    page.line("How much contrast does each photo's class need?", 26)
    page.line(status, 18)
    for row in (
        () if result is None else zip(result.names, result.classes, result.needed, strict=True)
    ):
        page.line("{}: half of “{}” is left at {:.0%} of the contrast".format(*row), 20)
    return page.finish()


def _how_far(result: ContrastResult) -> str:
    done = int(np.isfinite(result.probability).all(1).sum())
    return f"{done} of {len(result.names)} photos are done"
