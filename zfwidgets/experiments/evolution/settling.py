"""What an evolution's numbers say, in words: when layers have settled, which maps went silent."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .moments import EvolutionRecord

FEW = 5
"""Epochs that count as "a few"."""
NAMED = 8
"""Maps that a sentence names at most."""


def findings(record: EvolutionRecord) -> tuple[str, ...]:
    """When each layer has settled, in which order, how soon; and what isn't active at a moment.

    Returns
    -------
    tuple of str
        A sentence each; nothing on settling before the second moment.
    """
    return (*_settling(record), *_inactive(record))


def _settling(record: EvolutionRecord) -> Iterator[str]:
    if len(record.moments) < 2:
        return
    layers = record.layers
    steps = [record.settled(layer) for layer in layers]
    order = [math.inf if step is None else step for step in steps]
    together = {
        step: [name for name, own in zip(layers, order, strict=True) if own == step]
        for step in sorted(set(order))
    }
    moments = {moment.step: moment for moment in record.moments}
    parts = [
        f"{', '.join(names)} "
        + ("not before the end" if step == math.inf else f"at {moments[int(step)].when}")
        for step, names in together.items()
    ]
    last = record.moments[-1]
    yield f"Settled, of {last.when}: {'; '.join(parts)}."
    if math.inf in together and len(together) == 1:
        return
    if order != sorted(order):
        yield "Layers did not settle in order: a lower one settled after one above it."
    elif all(len(names) == 1 for step, names in together.items() if step != math.inf):
        yield "The lower a layer, the sooner it settled."
    else:
        yield (
            "No layer settled before one below it; which of those named together was first can't "
            "be told, as nothing was looked at in between."
        )
    if last.epoch is None or last.epoch <= FEW:
        return
    soon = [
        name
        for name, step in zip(layers, steps, strict=True)
        if step is not None and (moments[step].epoch or 0) <= FEW
    ]
    if layers[0] in soon:
        yield f"Within a few epochs ({FEW}) settled {', '.join(soon)}, as the paper's lower layers."
    else:
        few = f"Within a few epochs ({FEW}) settled {', '.join(soon) if soon else 'no layer'}"
        yield f"{few}, unlike in the paper, whose lower layers converge by then."


def _inactive(record: EvolutionRecord) -> Iterator[str]:
    found = [
        f"{layer} {channel} {moment.when if moment.step == 0 else f'at {moment.when}'}"
        for number, (layer, channel) in enumerate(record.units)
        for moment in record.moments
        if moment.strongest[number].levels is None
    ]
    if found:
        more = f", and {len(found) - NAMED} more" if len(found) > NAMED else ""
        yield (
            "Not active, above zero in none of the pictures, and so without a projection: "
            f"{'; '.join(found[:NAMED])}{more}."
        )
