"""Answers on their way to clients who may be slow: the newest is kept, and nothing queues."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import Any, Protocol

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from ...records import Progress
from ...widgets.wire.jobs import Op
from ...widgets.wire.jobs.steps import IDLE
from ..messages import frames
from ..messages.codec import encode
from ..messages.methods import Method
from .clients import Client
from .metrics import Metrics
from .work import Work

OF_PROGRESS = ("index_steps", "estimate_steps", "answer")
"""Methods whose steps are, or may be, how far they are."""
ASKING = "ask"
"""The view of all questions, as `Jobs` has them."""


class Outlet:
    """An answer on its way to a client who may be slow: the newest is kept, and nothing queues."""

    def __init__(
        self, work: Work, metrics: Metrics, client: Client, slot: str, method: Method
    ) -> None:
        self._work, self._metrics = work, metrics
        self._client, self._slot, self._method = client, slot, method
        self._loop = asyncio.get_running_loop()
        self._came = asyncio.Event()
        self._waiting: dict[bytes, bytes] = {}
        self._began = time.monotonic()
        self.over = False

    def listen(self, op: Op, value: Any) -> None:
        """Take what the job says, on whichever thread."""
        kind, content = frames.ALIVE, b""
        if op == "reply":
            kind, content = frames.RESULT, value
        elif op == "partial":
            kind, content = frames.SAME if value.same else frames.STEP, value
        elif op == "error":
            kind, content = frames.ERROR, frames.describe(value)
        elif op == "superseded":
            kind = frames.SUPERSEDED
        elif isinstance(value, Progress) and value != IDLE and self._method.name in OF_PROGRESS:
            kind, content = frames.PROGRESS, encode(value)
        if kind != frames.ALIVE:  # `next` gives that by itself
            try:
                self._loop.call_soon_threadsafe(self._put, kind, frames.frame(kind, content), op)
            except RuntimeError:  # the server has ended
                return

    def _put(self, kind: bytes, frame: bytes, op: Op) -> None:
        if self.over or (kind == frames.SAME and frames.STEP in self._waiting):
            return
        self.over = kind in frames.LAST
        if self.over:
            self._waiting.clear()
            self._metrics.questions.labels(self._method.name, op).inc()
            seconds = time.monotonic() - self._began
            self._metrics.seconds.labels(self._method.name).observe(seconds)
        self._waiting[kind] = frame
        self._came.set()

    async def next(self) -> bytes:
        """The newest frame of each kind, or after a while a sign of life."""
        try:
            await asyncio.wait_for(self._came.wait(), frames.BEAT)
        except asyncio.TimeoutError:
            return frames.frame(frames.ALIVE)
        self._came.clear()
        found = b"".join(self._waiting.values())
        self._waiting.clear()
        return found

    @property
    def told(self) -> bool:
        """Whether the last frame was taken."""
        return self.over and not self._waiting

    def close(self) -> None:
        """Nobody listens any more."""
        if self._client.slots.get(self._slot) is self:
            del self._client.slots[self._slot]
            if not self.over:
                self._work.jobs.cancel(self._client.id, ASKING, self._slot)
        self.over = True


class Flowing(Protocol):
    """What gives frames one after the other, as an `Outlet` does."""

    @property
    def told(self) -> bool:
        """Whether the last frame was taken."""

    async def next(self) -> bytes:
        """The newest frame, or after a while a sign of life."""

    def close(self) -> None:
        """Nobody listens any more."""


class Streamed(Response):
    """Sends what an outlet gives until its end, or until the client is gone."""

    def __init__(self, outlet: Flowing, headers: Mapping[str, str]) -> None:
        self.status_code, self.background, self.media_type = 200, None, frames.CONTENT
        self.init_headers(headers)
        self._outlet = outlet

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See Starlette's `Response`."""
        gone = asyncio.ensure_future(_disconnected(receive))
        try:
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            while not gone.done():
                frame = await self._outlet.next()
                more = not self._outlet.told
                await send({"type": "http.response.body", "body": frame, "more_body": more})
                if not more:
                    return
        except OSError:
            pass  # the client is gone
        finally:
            gone.cancel()
            self._outlet.close()


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
