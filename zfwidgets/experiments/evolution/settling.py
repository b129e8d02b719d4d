"""When layers have settled, in words."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .moments import EvolutionRecord


def settling(record: EvolutionRecord) -> tuple[str, ...]:
    """When each layer has settled, and whether low layers have before high ones.

    Returns
    -------
    tuple of str
        Two sentences; none before the second moment.
    """
    if len(record.moments) < 2:
        return ()
    whens = {moment.step: moment.when for moment in record.moments}
    steps = [record.settled(layer) for layer in record.layers]
    known = [
        f"{layer} {whens[step]}"
        for layer, step in zip(record.layers, steps, strict=True)
        if step is not None
    ]
    never = [layer for layer, step in zip(record.layers, steps, strict=True) if step is None]
    parts = [", ".join(known)] * bool(known)
    parts += [f"not before the end: {', '.join(never)}"] * bool(never)
    order = [math.inf if step is None else step for step in steps]
    if len(set(order)) == 1:
        second = "All layers settled together."
    elif order == sorted(order):
        second = "The lower a layer, the sooner it settled, or as soon."
    else:
        second = "Layers did not settle in order: a lower one settled after one above it."
    return f"Settled: {'; '.join(parts)}.", second
