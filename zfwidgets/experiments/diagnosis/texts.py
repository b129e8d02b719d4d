"""What a diagnosis shows in words and bars."""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from .layer_diagnosis import mean_of_known

if TYPE_CHECKING:
    from .result import DiagnosisResult


@dataclass(frozen=True)
class Measure:
    """A number that each layer has.

    Attributes
    ----------
    title, axis
        What the list of measures and the chart's axis call it.
    reading
        How to read it.
    of
        The number of a convolution or, where ``rectifiers``, of a rectifier; NaN where there is
        none.
    without
        What a convolution without a stride has by definition, where the measure is of strides;
        only layers with a stride in one of the networks are shown then.
    first
        Whether only the layer that sees the pixels is shown.
    """

    title: str
    axis: str
    reading: str
    of: Callable[[Any], float]
    rectifiers: bool = False
    without: float | None = None
    first: bool = False


def _spectrum(band: str) -> Callable[[Any], float]:
    def of(layer: Any) -> float:
        return float(layer.coverage()[band])

    return of


_BANDS = "Mean over the layer's filters, in cycles per pixel of the layer's input"
MEASURES = {
    "pixels": Measure(
        "aliasing of the first layer",
        "share of variance",
        "Share of the first layer's responses that lies at frequencies above 1 / (2 stride), and "
        "turns up as false structure; 0 is best. It is what the paper saw in AlexNet. Strides "
        "further up have theirs: choose aliasing.",
        lambda layer: mean_of_known(layer.aliasing),
        without=0.0,
        first=True,
    ),
    "aliasing": Measure(
        "aliasing",
        "share of variance",
        "Layers with a stride: share of the responses' variance at frequencies above 1 / (2 "
        "stride), which turns up as false structure; 0 is best, and what a layer without a stride "
        "has.",
        lambda layer: mean_of_known(layer.aliasing),
        without=0.0,
    ),
    "consistency": Measure(
        "shift consistency",
        "correlation",
        "Layers with a stride: correlation of the response between the stride's places with what "
        "these lead to expect; 1 is best, and what a layer without a stride has; 0 means that it "
        "can't be told.",
        lambda layer: mean_of_known(layer.consistency),
        without=1.0,
    ),
    "beyond": Measure(
        "filter energy beyond the stride's limit",
        "share of energy",
        "Layers with a stride: share of the filters' own energy above 1 / (2 stride) cycles per "
        "pixel; images have less there than filters of random weights.",
        lambda layer: mean_of_known(layer.beyond),
        without=0.0,
    ),
    "dead": Measure(
        "dead channels",
        "share of channels",
        "Layers behind a rectifier: share of channels that are above zero nowhere in any image.",
        lambda layer: len(layer.dead) / len(layer),
        rectifiers=True,
    ),
    "duplicates": Measure(
        "near-duplicates",
        "share of filters",
        "Share of filters whose weights have a cosine of 0.95 or more with another one's.",
        lambda layer: layer.repeated / len(layer),
    ),
    "dominance": Measure(
        "largest RMS / median",
        "times the median",
        "RMS of the layer's strongest filter over the layer's median; above 2 it dominates.",
        lambda layer: float(np.nanmax(layer.dominance, initial=0.0)),
    ),
    "low": Measure(
        "energy at low frequencies",
        "share of energy",
        f"{_BANDS}: below 1/6. Random weights have 0.09.",
        _spectrum("low"),
    ),
    "mid": Measure(
        "energy at mid frequencies",
        "share of energy",
        f"{_BANDS}: from 1/6 to 1/3. Random weights have 0.26.",
        _spectrum("mid"),
    ),
    "high": Measure(
        "energy at high frequencies",
        "share of energy",
        f"{_BANDS}: from 1/3. Random weights have 0.65.",
        _spectrum("high"),
    ),
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


def about_first(result: DiagnosisResult) -> str:
    """What the first layer's filters are, and how to read their pictures."""
    if result.filters is None:
        return "The first convolution doesn't see pixels: its filters are no pictures."
    layer = result.convolutions[0]
    rows, columns = layer.shape[1:]
    stride = " x ".join(map(str, dict.fromkeys(layer.stride)))
    return (
        f"{layer.name}: {len(layer)} filters of {rows} x {columns}, stride {stride}. Weights "
        f"around mid-grey, all on one scale: black -{result.filter_scale:.3g}, white "
        f"+{result.filter_scale:.3g}."
    )


def about_second(result: DiagnosisResult) -> str:
    """What the projections are."""
    if not result.projections:
        return ""
    return (
        f"{result.second}: the strongest projections of evenly spaced channels, in "
        f"{result.images_seen} images; signed pixels around mid-grey, each on its own scale. "
        "Empty: never above zero."
    )


def about_filter(result: DiagnosisResult, number: int) -> str:
    """One filter of the first layer in numbers."""
    layer = result.convolutions[0]
    if result.filters is None:
        return ""
    if not 0 <= number < len(layer):
        return "Choose a filter to read its numbers."
    low, mid, high = layer.spectrum[number]
    text = (
        f"Filter {number}: RMS {layer.rms[number]:.3g}, {layer.dominance[number]:.2f} times the "
        f"median; energy {low:.0%} low, {mid:.0%} mid, {high:.0%} high"
    )
    if layer.nearest[number] >= 0:
        text += f"; most like filter {layer.nearest[number]}, cosine {layer.likeness[number]:.2f}"
    if layer.aliasing is not None and layer.consistency is not None:
        text += (
            f"; aliasing {layer.aliasing[number]:.0%}, shift consistency "
            f"{layer.consistency[number]:.2f}"
        )
    return f"{text}."


def findings(result: DiagnosisResult) -> str:
    """Findings and remedies in HTML."""
    rows = [
        f"<li><b>{html.escape(f.layer)}</b>: {html.escape(f.text)} "
        f"<em>{html.escape(f.remedy)}</em></li>"
        for f in result.findings
    ]
    if not rows:
        return "Nothing stands out." if result.complete else ""
    return f'<ul style="margin:0;padding-left:1.2em;line-height:1.4">{"".join(rows)}</ul>'
