"""Class scores at each position of an occlusion map, so that the page has an occluder to move."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from ..engine.protocol import EngineProtocol
from ..records import OcclusionMap, OcclusionRequest, no_numbers, softmax
from ..stepwise import Refining
from ..widgets.wire.encode import Answer, numbers

T = TypeVar("T")

KEPT = 0.01
"""Probability from which on a class is stored in a map's positions, if it ever reaches that."""
MOST_PROBABLE = 5
"""Classes without occluder that are stored in any case."""


class MapRecorder:
    """An engine that keeps the record of its last occlusion map."""

    def __init__(self, engine: EngineProtocol) -> None:
        self._engine = engine
        self.last: OcclusionMap | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)

    def occlude_steps(self, request: OcclusionRequest) -> Refining[OcclusionMap]:
        """As the engine's."""

        def kept() -> Generator[OcclusionMap, None, None]:
            self.last = yield from self._engine.occlude_steps(request)

        for self.last in kept():  # who has all that it needs doesn't wait for the end
            yield self.last
        assert self.last is not None
        return self.last


def position_key(key: Mapping[str, Any]) -> dict[str, Any]:
    """What the positions of a map depend on."""
    return {n: v for n, v in key.items() if n not in ("target", "layer", "channel")}


def positions(record: OcclusionMap | None) -> Answer | None:
    """Class scores at each position of a map, of the classes that come up anywhere in it.

    uint16 (rows, columns, classes): probability times 65535. None where there are no scores, or
    some are no numbers.
    """
    if record is None or record.logits is None or record.clean is None:
        return None
    if no_numbers(record.logits).any() or no_numbers(record.clean):
        return None
    scores = softmax(record.logits)
    seen: NDArray[np.bool_] = np.any(scores >= KEPT, axis=(0, 1))
    seen[np.argsort(-record.clean, kind="stable")[:MOST_PROBABLE]] = True
    seen[np.unique(scores.argmax(-1))] = True
    classes = np.flatnonzero(seen)
    stored = np.rint(scores[..., classes].astype(np.float64) * 65535)
    return {
        "classes": classes.tolist(),
        "rows": record.grid[0],
        "columns": record.grid[1],
        "stride": list(record.stride),
        "size": list(record.size),
    }, [numbers(stored, "<u2")]
