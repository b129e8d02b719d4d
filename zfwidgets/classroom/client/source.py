"""Answer widgets' requests by asking the server: what the page gets, ready made.

A picture is encoded once, on the server, for all who ask for it. While the server is away each
view is told so, and the question is asked again until it is back.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from typing import TYPE_CHECKING, Any

from ...errors import ServerBusy, ServerUnreachable
from ...records import Progress
from ...stepwise import Driven
from ...widgets.wire.encode import Answer
from ...widgets.wire.jobs.steps import Away, Coming, Steps
from ...widgets.wire.source import Source
from ..messages.methods import LOCAL

if TYPE_CHECKING:
    from .remote import RemoteEngine

POLL = 0.02
"""Seconds for which the worker waits for one answer, and then looks after others."""
KEPT = 16 << 20
"""Bytes of answers, and of photos, that a student's kernel keeps: the server has all of them."""
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 1.0
"""Seconds until a server that is away is asked again."""


class RemoteSource(Source):
    """Asks a server for answers to widgets' requests."""

    engine: RemoteEngine

    def __init__(self, engine: RemoteEngine) -> None:
        super().__init__(engine, answers=KEPT, photos=KEPT, passes=0)

    def _steps(self, kind: str, fields: Mapping[str, Any], so_far: bool) -> Steps:
        """See `Source`."""
        if kind in LOCAL:
            return super()._steps(kind, fields, so_far)
        return self._asked(kind, fields)

    def _asked(self, kind: str, fields: Mapping[str, Any]) -> Steps:
        pause = FIRST_PAUSE
        while True:
            try:
                return (yield from self._once(kind, fields))
            except ServerBusy as error:  # noqa: PERF203
                yield Away(0, 0, None, "waiting", pause=error.seconds)
            except ServerUnreachable:
                gone = f"The server {self.engine.connection.url} can't be reached"
                yield Away(0, 0, None, f"{gone}. It is asked again", pause=pause)
                pause = min(2 * pause, LONGEST_PAUSE)

    def _once(self, kind: str, fields: Mapping[str, Any]) -> Steps:
        asked = {"kind": kind, "fields": dict(fields)}
        steps = self.engine.connection.steps("answer", asked, patience=0.0, poll=POLL)
        with closing(steps):
            driven: Driven[Any, Answer] = Driven(steps)
            for step in driven:
                if step is None:
                    yield Coming(POLL)
                elif isinstance(step, Progress):
                    yield step
                else:
                    yield lambda step=step: step  # type: ignore[misc]
        return driven.result
