"""A network inside a report: its operations in the manifest, its weights in parts of their own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict
from typing import Any

import numpy as np

from ...bars import waiting
from ...engine.portable.record import PRECISIONS, Portability
from ...engine.protocol import EngineProtocol
from ...errors import InputError
from ...stepwise import finish_stages_with_bar
from ..parts import pack
from .content import Content
from .planning import Plan, megabytes
from .scrubbing import Scrubber

RULES = ("deconvnet", "guided", "gradient")
"""Those that a page's network knows."""
TRIED = 24
"""Photos on which the weights' precision is measured."""
PART = 16 << 20
"""Bytes of weights in a part, about."""
LICENCE = (
    "alive=True puts the network's weights into the report: say under which licence, as in "
    "licence='MIT, (c) 2026 A. Author' or licence='all rights reserved'. It stands on the page."
)


def check_asked(engine: EngineProtocol, precision: str, licence: str) -> None:
    """Raise `InputError` for what can't be asked for, before anything is computed."""
    if not hasattr(engine, "portable_steps"):
        raise InputError(
            "alive=True puts the network into the report: that needs a zf.Engine of this process, "
            "not a report's or a server's."
        )
    if precision not in PRECISIONS:
        raise InputError(f"precision={precision!r}: expected one of {', '.join(PRECISIONS)}.")
    if not str(licence or "").strip():
        raise InputError(LICENCE)


def portability(
    engine: Any, layers: Iterable[str], precision: str, *, progress: bool
) -> Portability:
    """The engine's network, and what its precision costs; raises `InputError` if it can't live."""
    count = len(engine.info.images)
    images = sorted({round(at) for at in np.linspace(0, count - 1, min(TRIED, count))})
    steps = engine.portable_steps(list(layers), images, precision)
    with waiting("Measuring the network of the report", shown=progress):
        found: Portability = finish_stages_with_bar(steps, progress)
    return found


def check_fits(found: Portability, plan: Plan) -> None:
    """Raise `InputError` where the weights alone would take most of the budget."""
    size, budget = plan.expected["network"], plan.budget
    if budget is not None and size + plan.expected["page"] > 0.8 * budget:
        raise InputError(
            f"The network's {found.network.parameters / 1e6:.1f} million weights take "
            f"{megabytes(size)} of the report, whose budget is {megabytes(budget)}: raise the "
            "budget, or write a folder (a path without .html)."
        )


def add(
    content: Content,
    engine: EngineProtocol,
    found: Portability,
    plan: Plan,
    licence: str,
    scrubber: Scrubber,
) -> None:
    """Put a network into a report that is collected already."""
    places = []
    for number, arrays in enumerate(_shared(found.network.arrays)):
        name = f"network/{number}"
        content.add(name, pack([({}, [array.tobytes()]) for array in arrays]))
        places += [[name, at, array.dtype.name] for at, array in enumerate(arrays)]
    network = found.network
    content.manifest["network"] = {
        "program": {
            "input": list(network.input_shape),
            "operations": [dict(one) for one in network.operations],
            "layers": dict(network.layers),
            "output": network.output,
        },
        "weights": places,
        "preparation": None if found.preparation is None else [dict(s) for s in found.preparation],
        "no_preparation": scrubber.text(found.no_preparation),
        "levels": [[float(value) for value in channel] for channel in found.levels],
        "baselines": _baselines(found),
        "rules": [engine.rule(name).to_json() for name in RULES if name in engine.rules],
        "operations": {
            rule: {name: _below(engine, name, rule) for name in plan.layers}
            for rule in RULES
            if rule in engine.rules
        },
        "cost": {
            "precision": network.precision,
            "tried": found.tried,
            "kept": found.kept,
            "largest": found.largest,
            "classes": network.output is not None,
        },
        "licence": scrubber.text(licence),
    }


def facts(found: Portability, licence: str) -> list[tuple[str, str]]:
    """What the page's end says of it."""
    size = megabytes(found.network.bytes)
    return [("Network", f"inside this page, {size}. {found.cost}"), ("Licence of it", licence)]


def _shared(arrays: Iterable[Any]) -> Iterator[list[Any]]:
    """Arrays by the parts that they lie in, in order."""
    part: list[Any] = []
    for array in arrays:
        if part and sum(one.nbytes for one in part) + array.nbytes > PART:
            yield part
            part = []
        part.append(np.ascontiguousarray(array, array.dtype.newbyteorder("<")))
    if part:
        yield part


def _baselines(found: Portability) -> dict[str, list[float]]:
    """Colours that an occluder may have, in the network's units."""
    grey = list(found.grey)
    return {"grey": grey, **({"mean": [0.0] * len(grey)} if found.centred else {})}


def _below(engine: Any, layer: str, rule: str) -> list[dict[str, Any]]:
    """What lies below a layer, as a rule has it."""
    return [asdict(one) for one in engine.explain(layer, rule).operations]
