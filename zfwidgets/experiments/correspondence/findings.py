"""What a correspondence experiment says, in sentences made from its numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from .rows import random_row

if TYPE_CHECKING:
    from .signs import CorrespondenceResult

CHANCE = 0.05
"""A part differs from random masks where at most this share of draws would do as well."""
FEWEST = 19
"""Random draws below which no share can be that small: the part itself counts as one."""

Verdict = Literal["fewer", "more", "alike"]


def find(result: CorrespondenceResult) -> tuple[str, ...]:
    """A sentence for each layer, and what follows from all; none before there are random masks.

    Each part is compared with random masks of its own sizes. It takes the part more alike, or less,
    where (1 + draws that do as well) / (1 + draws) is 0.05 or less.
    """
    parts = [part for part in result.parts if result.random.get(part)]
    if not parts:
        return ()
    draws = min(len(result.random[part]) for part in parts)
    if draws < FEWEST:
        means = [_too_few(result, place, parts) for place in range(len(result.layers))]
        few = f"{draws} random mask{'' if draws == 1 else 's'} of each size"
        return (*means, f"{few}: too few to tell a part from them, {FEWEST} are the fewest.")
    verdicts = [
        {part: _verdict(result, place, part) for part in parts}
        for place in range(len(result.layers))
    ]
    layers = [_layer(result, place, found) for place, found in enumerate(verdicts)]
    return (*layers, _conclusion(result, parts, verdicts))


def _verdict(result: CorrespondenceResult, place: int, part: str) -> Verdict:
    draws = len(result.random[part])
    for shares, verdict in ((result.not_above(part), "fewer"), (result.not_below(part), "more")):
        if (1 + round(float(shares[place]) * draws)) / (1 + draws) <= CHANCE:
            return "fewer" if verdict == "fewer" else "more"
    return "alike"


def _layer(result: CorrespondenceResult, place: int, found: dict[str, Verdict]) -> str:
    said = []
    for verdict, words in (
        ("fewer", "fewer signs differ than for random masks: "),
        ("more", "more signs differ than for random masks: "),
        ("alike", "can't be told from random masks: "),
    ):
        parts = [part for part in found if found[part] == verdict]
        if parts:
            text = words + ", ".join(_numbers(result, place, part) for part in parts)
            if verdict == "more":
                text += _why_more(result, place, parts)
            said.append(text)
    return f"{result.layers[place]}: {'; '.join(said)}."


def _too_few(result: CorrespondenceResult, place: int, parts: list[str]) -> str:
    numbers = ", ".join(_numbers(result, place, part) for part in parts)
    return f"{result.layers[place]}: {numbers}."


def _numbers(result: CorrespondenceResult, place: int, part: str) -> str:
    own, other = float(result.mean(part)[place]), float(_random(result, part, "mean")[place])
    return f"{part} ({own:.3f} against {other:.3f})"


def _why_more(result: CorrespondenceResult, place: int, parts: list[str]) -> str:
    """That these masks change more units, if they do: each that only one photo's has differs."""
    own = [float(result.changed(part)[place]) for part in parts]
    other = [float(_random(result, part, "changed")[place]) for part in parts]
    if any(round(mine, 3) <= round(rand, 3) for mine, rand in zip(own, other, strict=True)):
        return ""
    return f" (these masks change more units, too: {_range(own)} of them against {_range(other)})"


def _range(values: list[float]) -> str:
    low, high = f"{min(values):.3f}", f"{max(values):.3f}"
    return low if low == high else f"{low} to {high}"


def _random(result: CorrespondenceResult, part: str, what: str) -> list[float]:
    return [float(value) for value in getattr(result, what)(random_row(part))]


def _conclusion(
    result: CorrespondenceResult, parts: list[str], verdicts: list[dict[str, Verdict]]
) -> str:
    """Whether any layer takes all parts, or some, more alike than random masks."""
    known = [
        layer
        for layer, found in zip(result.layers, verdicts, strict=True)
        if set(found.values()) == {"fewer"}
    ]
    if known:
        return f"So {', '.join(known)} takes each of these parts more alike than random masks."
    number = len(parts) * len(verdicts)
    some = sum(one == "fewer" for found in verdicts for one in found.values())
    against = sum(one == "more" for found in verdicts for one in found.values())
    return (
        f"So no layer takes all of {', '.join(parts)} more alike than random masks: of {number} "
        f"comparisons {some} {'says' if some == 1 else 'say'} more alike, {against} less alike "
        f"(by chance about {2 * CHANCE * number:.0f} would say one or the other), and the others "
        "can't tell."
    )
