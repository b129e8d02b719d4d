"""What a diagnosis shows in words and bars."""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...language.words import Words
from .findings import find, percent
from .layer_diagnosis import mean_of_known
from .result import DiagnosisResult


@dataclass(frozen=True)
class Measure:
    """A number that each layer has.

    The number's title, axis and reading are texts of ``diagnosis.NAME``.

    Attributes
    ----------
    of
        The number of a convolution or, where ``rectifiers``, of a rectifier; NaN where there is
        none.
    without
        What a convolution without a stride has by definition, where the measure is of strides;
        only layers with a stride in one of the networks are shown then.
    first
        Whether only the layer that sees the pixels is shown.
    """

    of: Callable[[Any], float]
    rectifiers: bool = False
    without: float | None = None
    first: bool = False


def _spectrum(band: str) -> Callable[[Any], float]:
    def of(layer: Any) -> float:
        return float(layer.coverage()[band])

    return of


MEASURES = {
    "pixels": Measure(lambda layer: mean_of_known(layer.aliasing), without=0.0, first=True),
    "aliasing": Measure(lambda layer: mean_of_known(layer.aliasing), without=0.0),
    "consistency": Measure(lambda layer: mean_of_known(layer.consistency), without=1.0),
    "beyond": Measure(lambda layer: mean_of_known(layer.beyond), without=0.0),
    "dead": Measure(lambda layer: len(layer.dead) / len(layer), rectifiers=True),
    "duplicates": Measure(lambda layer: layer.repeated / len(layer)),
    "dominance": Measure(lambda layer: float(np.nanmax(layer.dominance, initial=0.0))),
    "low": Measure(_spectrum("low")),
    "mid": Measure(_spectrum("mid")),
    "high": Measure(_spectrum("high")),
}


def bars(results: Sequence[DiagnosisResult], measure: str) -> tuple[list[str], list[list[float]]]:
    """Names of the layers that have a number, of all networks in turn, and the numbers of each."""
    what = MEASURES[measure]
    layers: list[Sequence[Any]] = [
        result.rectifiers if what.rectifiers else result.convolutions for result in results
    ]
    if what.first:
        layers = [one[:1] for one in layers]
    names = dict.fromkeys(
        layer.name for one in layers for layer in one if what.without is None or layer.strided
    )
    found = [{layer.name: _number(layer, what) for layer in one} for one in layers]
    return [*names], [[one.get(name, float("nan")) for name in names] for one in found]


def _number(layer: Any, measure: Measure) -> float:
    if measure.without is not None and not layer.strided:
        return measure.without
    return measure.of(layer)


def about_first(result: DiagnosisResult, words: Words) -> str:
    """What the first layer's filters are, and how to read their pictures."""
    if result.filters is None:
        return words("diagnosis.no_filters")
    layer = result.convolutions[0]
    rows, columns = layer.shape[1:]
    return words(
        "diagnosis.first",
        layer=layer.name,
        filters=len(layer),
        rows=rows,
        columns=columns,
        stride=" x ".join(map(str, dict.fromkeys(layer.stride))),
        scale=float(result.filter_scale),
    )


def about_second(result: DiagnosisResult, words: Words) -> str:
    """What the projections are."""
    if not result.projections:
        return ""
    return words("diagnosis.second", layer=result.second, images=result.images_seen)


def about_filter(result: DiagnosisResult, number: int, words: Words) -> str:
    """One filter of the first layer in numbers."""
    layer = result.convolutions[0]
    if result.filters is None:
        return ""
    if not 0 <= number < len(layer):
        return words("diagnosis.choose")
    low, mid, high = map(percent, layer.spectrum[number])
    said = [
        words(
            "diagnosis.filter",
            filter=number,
            rms=float(layer.rms[number]),
            dominance=words.fixed(layer.dominance[number], 2),
            low=low,
            mid=mid,
            high=high,
        )
    ]
    if layer.nearest[number] >= 0:
        cosine = words.fixed(layer.likeness[number], 2)
        said.append(words("diagnosis.filter.like", other=int(layer.nearest[number]), cosine=cosine))
    if layer.aliasing is not None and layer.consistency is not None:
        consistency = words.fixed(layer.consistency[number], 2)
        share = percent(layer.aliasing[number])
        said.append(words("diagnosis.filter.aliasing", share=share, consistency=consistency))
    return f"{'; '.join(said)}."


def findings(result: DiagnosisResult, words: Words) -> str:
    """Findings and remedies in HTML."""
    rows = [
        f"<li><b>{html.escape(f.layer)}</b>: {html.escape(f.text)} "
        f"<em>{html.escape(f.remedy)}</em></li>"
        for f in find(result, words)
    ]
    if not rows:
        return words("diagnosis.nothing") if result.complete else ""
    return f'<ul class="zf-findings">{"".join(rows)}</ul>'
