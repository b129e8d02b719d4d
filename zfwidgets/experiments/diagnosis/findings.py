"""What a diagnosis means, in words, with the remedies that the paper used."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from .layer_diagnosis import (
    ALIKE,
    DOMINATES,
    ConvolutionDiagnosis,
    RectifierDiagnosis,
    mean_of_known,
)
from .measures import WHITE

if TYPE_CHECKING:
    from .result import DiagnosisResult

Kind = Literal["dead", "duplicates", "dominating", "spectrum", "untrained", "aliasing"]

LITTLE_MID = WHITE[1] / 2
"""A first layer covers the mid frequencies little below half of what random weights have there."""
UNTRAINED = 0.9 * WHITE[2]
"""From this share of high frequencies on a first layer's filters look like random weights."""
ALIASED = 0.1
"""From this share of the response's variance on aliasing is worth knowing."""

SMALLER_FILTERS = (
    "The paper made the filters of layer 1 smaller, 7 x 7 instead of 11 x 11, and its stride 2 "
    "instead of 4 (section 4.1)"
)


@dataclass(frozen=True)
class Finding:
    """Something worth knowing about a layer.

    Attributes
    ----------
    layer
        Name of the layer.
    kind
        "dead", "duplicates", "dominating", "spectrum", "untrained" or "aliasing".
    text
        What was found, in a sentence or two.
    remedy
        What the paper did about it, or what else to do.
    """

    layer: str
    kind: Kind
    text: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.layer}: {self.text} {self.remedy}"


def find(result: DiagnosisResult) -> tuple[Finding, ...]:
    """What is worth knowing of a diagnosis, convolutions first, each in the network's order."""
    found: list[Finding] = []
    for layer in result.convolutions:
        first = layer.name == result.first
        found += [*_dominating(layer), *_duplicates(layer, first)]
        if first:
            found += _spectrum(layer)
        found += _aliasing(layer, first)
    for number, rectifier in enumerate(result.rectifiers):
        found += _dead(rectifier, result.images_seen, first=number == 0 and bool(result.first))
    return tuple(found)


def _dominating(layer: ConvolutionDiagnosis) -> Iterator[Finding]:
    over = layer.dominating
    if len(over):
        largest = float(layer.dominance[over[0]])
        radius = _rounded_down(DOMINATES * float(np.median(layer.rms)))
        yield Finding(
            layer.name,
            "dominating",
            f"{_count(len(over), len(layer), 'filter')} dominate{'s' * (len(over) == 1)}: the RMS "
            f"of filter {over[0]} is {largest:.1f} times the layer's median.",
            "The paper brings filters whose RMS passes a radius back to it after each step "
            "(section 3): zf.models.renormalize_filters_(model, radius). A radius of "
            f"{radius:g} would reach {'just this one' if len(over) == 1 else 'these'} here.",
        )


def _duplicates(layer: ConvolutionDiagnosis, first: bool) -> Iterator[Finding]:
    if layer.repeated:
        one, other, cosine = layer.duplicates[0]
        remedy = "Fewer channels may do as well; the paper says nothing of layers above the first."
        if first:
            remedy = f"{SMALLER_FILTERS}, and got more distinctive features (Fig. 6 c)."
        yield Finding(
            layer.name,
            "duplicates",
            f"{_count(layer.repeated, len(layer), 'filter')} ha{_s(layer.repeated)} a "
            f"near-duplicate (cosine {ALIKE} or more); {one} and {other} are most alike "
            f"({cosine:.2f}).",
            remedy,
        )


def _spectrum(layer: ConvolutionDiagnosis) -> Iterator[Finding]:
    low, mid, high = layer.coverage().values()
    shares = f"{low:.0%} of its filters' energy is low, {mid:.0%} mid, {high:.0%} high."
    if high >= UNTRAINED:
        yield Finding(
            layer.name,
            "untrained",
            f"Its filters' energy is spread over the frequencies as in random weights: {shares}",
            "Train it longer, or begin with smaller weights: what it has learned is drowned by "
            "the numbers that it began with.",
        )
    elif mid < LITTLE_MID:
        yield Finding(
            layer.name,
            "spectrum",
            f"Little coverage of the mid frequencies: {shares}",
            f"{SMALLER_FILTERS}.",
        )


def _aliasing(layer: ConvolutionDiagnosis, first: bool) -> Iterator[Finding]:
    share = mean_of_known(layer.aliasing)
    if share >= ALIASED:
        stride = max(layer.stride)
        remedy = f"Try a stride of {stride // 2}; the paper halved that of layer 1 (section 4.1)."
        if first and stride > 2:
            remedy = (
                f"{SMALLER_FILTERS}: layer 2's features were then without aliasing artifacts "
                "(Fig. 6 d, e)."
            )
        yield Finding(
            layer.name,
            "aliasing",
            f"{share:.0%} of its responses' variance lies above what a stride of {stride} can "
            "carry, and turns up as false structure; the response between the stride's places "
            f"follows from theirs with a correlation of {mean_of_known(layer.consistency):.2f}.",
            remedy,
        )


def _dead(layer: RectifierDiagnosis, images: int, first: bool) -> Iterator[Finding]:
    number = len(layer.dead)
    if number:
        remedy = (
            "Look at more images first: these may lack what "
            f"{'it waits' if number == 1 else 'they wait'} for."
        )
        if first:
            remedy = f"{SMALLER_FILTERS}, and got fewer dead features (Fig. 6 c)."
        yield Finding(
            layer.name,
            "dead",
            f"{_count(number, len(layer), 'channel')} {'is' if number == 1 else 'are'} dead: "
            f"nowhere above zero in {images} images.",
            remedy,
        )


def _count(number: int, total: int, what: str) -> str:
    return f"{number} of {total} {what}s"


def _rounded_down(value: float) -> float:
    """To three digits, so that what is above the value is above it."""
    step = 10.0 ** (np.floor(np.log10(value)) - 2) if value > 0 else 1.0
    return float(f"{np.floor(value / step) * step:.3g}")


def _s(number: int) -> str:
    return "s" if number == 1 else "ve"
