"""Answers to widgets' requests from a report: as they were given, where they are stored."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ...engine.protocol import EngineProtocol
from ...errors import NotStored
from ...records import Box, Pixels
from ...widgets.wire.encode import Answer
from ...widgets.wire.source import Source
from ...widgets.wire.steps import Steps
from ..coarse import hatched

Stored = Callable[[str, Mapping[str, Any]], "Answer | None"]


class StoredSource(Source):
    """Gives what is stored as it was given; the rest is made of the engine's records."""

    def __init__(self, engine: EngineProtocol, stored: Stored) -> None:
        super().__init__(engine)
        self._stored = stored

    def answer(self, kind: str, fields: Mapping[str, Any], *, so_far: bool = False) -> Steps:
        """See `Source.answer`."""
        stored = self._stored(kind, fields)
        if stored is not None:
            return stored
        return (yield from super().answer(kind, fields, so_far=so_far))

    def _patch(self, image: int | None, box: Box) -> Pixels:
        """A patch of a photo that isn't stored is hatched."""
        try:
            return super()._patch(image, box)
        except NotStored:
            return hatched(box.height, box.width)
