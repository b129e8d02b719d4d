"""Answers to widgets' requests from a report: as they were given, where they are stored."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ...engine.protocol import EngineProtocol
from ...widgets.wire.encode import Answer
from ...widgets.wire.jobs.steps import Steps
from ...widgets.wire.source import Source
from ..coarse import hatched

Stored = Callable[[str, Mapping[str, Any]], "Answer | None"]


class StoredSource(Source):
    """Gives what is stored as it was given; the rest is made of the engine's records.

    A patch of a photo that isn't stored is hatched.
    """

    def __init__(self, engine: EngineProtocol, stored: Stored) -> None:
        super().__init__(engine, absent=hatched)
        self._stored = stored

    def answer(self, kind: str, fields: Mapping[str, Any], *, so_far: bool = False) -> Steps:
        """See `Source.answer`."""
        stored = self._stored(kind, fields)
        if stored is not None:
            return stored
        return (yield from super().answer(kind, fields, so_far=so_far))
