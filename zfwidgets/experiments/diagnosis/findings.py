"""What a diagnosis means, in words, with the remedies that the paper used."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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
    from ...language.words import Words
    from .result import DiagnosisResult

Kind = Literal["dead", "duplicates", "dominating", "spectrum", "untrained", "aliasing"]

LITTLE_MID = WHITE[1] / 2
"""A first layer covers the mid frequencies little below half of what random weights have there."""
UNTRAINED = 0.9 * WHITE[2]
"""From this share of high frequencies on a first layer's filters look like random weights."""
ALIASED = 0.1
"""From this share of the response's variance on aliasing is worth knowing."""


@dataclass(frozen=True)
class Finding:
    """Something worth knowing about a layer.

    Attributes
    ----------
    layer
        Name of the layer; of several, with commas between, where they say the same.
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


def find(result: DiagnosisResult, words: Words) -> tuple[Finding, ...]:
    """What is worth knowing of a diagnosis, convolutions first, each in the network's order."""
    found: list[Finding] = []
    for layer in result.convolutions:
        first = layer.name == result.first
        found += [*_dominating(layer, words), *_duplicates(layer, first, words)]
        if first:
            found += _spectrum(layer, words)
        found += _aliasing(layer, first, words)
    own = int(bool(result.first))  # the first layer has a remedy of its own
    found += _dead(result.rectifiers[:own], result.images_seen, True, words)
    found += _dead(result.rectifiers[own:], result.images_seen, False, words)
    return tuple(found)


def _dominating(layer: ConvolutionDiagnosis, words: Words) -> Iterator[Finding]:
    over = layer.dominating
    if len(over):
        radius = _rounded_down(DOMINATES * float(np.median(layer.rms)))
        text = words(
            f"{_FIND}dominate",
            number=len(over),
            total=len(layer),
            filter=int(over[0]),
            times=words.fixed(float(layer.dominance[over[0]]), 1),
        )
        remedy = words(f"{_FIND}radius", number=len(over), radius=radius)
        yield Finding(layer.name, "dominating", text, remedy)


def _duplicates(layer: ConvolutionDiagnosis, first: bool, words: Words) -> Iterator[Finding]:
    if layer.repeated:
        one, other, cosine = layer.duplicates[0]
        text = words(
            f"{_FIND}duplicate",
            number=int(layer.repeated),
            total=len(layer),
            alike=ALIKE,
            one=int(one),
            other=int(other),
            cosine=words.fixed(cosine, 2),
        )
        remedy = _smaller("distinct", words) if first else words(f"{_FIND}fewer")
        yield Finding(layer.name, "duplicates", text, remedy)


def _spectrum(layer: ConvolutionDiagnosis, words: Words) -> Iterator[Finding]:
    low, mid, high = layer.coverage().values()
    percents = {"low": percent(low), "mid": percent(mid), "high": percent(high)}
    shares = words(f"{_FIND}shares", **percents)
    if high >= UNTRAINED:
        text, remedy = words(f"{_FIND}untrained", shares=shares), words(f"{_FIND}longer")
        yield Finding(layer.name, "untrained", text, remedy)
    elif mid < LITTLE_MID:
        text = words(f"{_FIND}spectrum", shares=shares)
        yield Finding(layer.name, "spectrum", text, _smaller("stop", words))


def _aliasing(layer: ConvolutionDiagnosis, first: bool, words: Words) -> Iterator[Finding]:
    share = mean_of_known(layer.aliasing)
    if share >= ALIASED:
        stride = max(layer.stride)
        remedy = words(f"{_FIND}stride", stride=stride // 2)
        if first and stride > 2:
            remedy = _smaller("artifacts", words)
        text = words(
            f"{_FIND}aliasing",
            share=percent(share),
            stride=stride,
            consistency=words.fixed(mean_of_known(layer.consistency), 2),
        )
        yield Finding(layer.name, "aliasing", text, remedy)


def _dead(
    layers: Sequence[RectifierDiagnosis], images: int, first: bool, words: Words
) -> Iterator[Finding]:
    """Channels that are dead, of all layers in one finding: it is the same of each."""
    layers = [layer for layer in layers if len(layer.dead)]
    if not layers:
        return
    number = sum(len(layer.dead) for layer in layers)
    counts = [words(f"{_FIND}of", number=len(layer.dead), total=len(layer)) for layer in layers]
    text = words(f"{_FIND}dead", counts=", ".join(counts), number=number, images=images)
    remedy = words(f"{_FIND}look", number=number)
    if first:
        remedy = _smaller("fewer_dead", words)
    yield Finding(", ".join(layer.name for layer in layers), "dead", text, remedy)


def compare(one: DiagnosisResult, other: DiagnosisResult, words: Words) -> tuple[str, ...]:
    """What sets two networks apart in what the paper saw: `DiagnosisResult.beside`."""
    return tuple(
        text
        for text in (_aliasing_below(one, other, words), *_aliasing_above(one, other, words))
        if text
    ) + _mid(one, other, words)


def _aliasing_below(one: DiagnosisResult, other: DiagnosisResult, words: Words) -> str:
    """Say which network's first layer aliases, if that is known of both."""
    both = sorted((one, other), key=lambda result: -_lost(result.convolutions[0]))
    shares = [_lost(result.convolutions[0]) for result in both]
    if not all(map(np.isfinite, shares)):
        return ""
    values = {
        name: value
        for at, result, share in zip("ab", both, shares, strict=True)
        for name, value in (
            (at, result.model),
            (f"layer_{at}", result.convolutions[0].name),
            (f"stride_{at}", max(result.convolutions[0].stride)),
            (f"share_{at}", percent(share)),
        )
    }
    seen = [share >= ALIASED for share in shares]
    which = "neither" if not any(seen) else "both" if all(seen) else "one"
    return words(f"{_BESIDE}first.{which}", **values)


def _aliasing_above(one: DiagnosisResult, other: DiagnosisResult, words: Words) -> Iterator[str]:
    """Layers above the first that alias: a stride there has the same fault."""
    for result in (one, other):
        for layer in result.convolutions[1:]:
            if _lost(layer) >= ALIASED:
                yield words(
                    f"{_BESIDE}above",
                    model=result.model,
                    layer=layer.name,
                    stride=max(layer.stride),
                    share=percent(_lost(layer)),
                )


def _mid(one: DiagnosisResult, other: DiagnosisResult, words: Words) -> tuple[str, ...]:
    """How much of the mid frequencies both first layers cover."""
    if not (one.first and other.first):
        return ()
    shares = [result.convolutions[0].coverage()["mid"] for result in (one, other)]
    if not all(map(np.isfinite, shares)):
        return ()
    little = [share < LITTLE_MID for share in shares]
    which = "neither" if not any(little) else "both" if all(little) else "one"
    return (
        words(
            f"{_BESIDE}mid.{which}",
            a=one.model,
            b=other.model,
            share_a=percent(shares[0]),
            share_b=percent(shares[1]),
            which=(one, other)[little[1] and not little[0]].model,
            white=percent(WHITE[1]),
        ),
    )


def _lost(layer: ConvolutionDiagnosis) -> float:
    """Share of its responses that a layer's stride can't carry; NaN before it is measured."""
    return mean_of_known(layer.aliasing) if layer.strided else 0.0


_BESIDE = "diagnosis.beside."
_FIND = "diagnosis.find."


def _smaller(what: str, words: Words) -> str:
    """What the paper did to the first layer, and what came of it."""
    return words(f"{_FIND}{what}", smaller=words(f"{_FIND}smaller"))


def percent(share: float) -> str:
    """A share in whole percent."""
    return f"{100 * share:.0f}"


def _rounded_down(value: float) -> float:
    """To three digits, so that what is above the value is above it."""
    step = 10.0 ** (np.floor(np.log10(value)) - 2) if value > 0 else 1.0
    return float(f"{np.floor(value / step) * step:.3g}")
