"""The server's sockets: clients that are too slow to ask, or to listen, are dropped."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol


def guarded(receiving: float, sending: float) -> type[H11Protocol]:
    """Make a protocol that ends connections which don't move.

    Parameters
    ----------
    receiving
        Seconds within which the head of a request must have come.
    sending
        Seconds within which a client must take something of what is sent.
    """

    class Guarded(H11Protocol):
        """uvicorn's own, with two clocks."""

        _heads: asyncio.TimerHandle | None = None
        _takes: asyncio.TimerHandle | None = None

        @property
        def _busy(self) -> bool:
            """Whether a request is being answered."""
            cycle: Any = self.cycle
            return cycle is not None and not cycle.response_complete

        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            self._expect()

        def data_received(self, data: bytes) -> None:
            idle = not self._busy
            if idle and self._heads is None:
                self._expect()
            super().data_received(data)
            if self._busy:
                self._forget()

        def connection_lost(self, exc: Exception | None) -> None:
            self._forget()
            if self._takes is not None:
                self._takes.cancel()
            super().connection_lost(exc)

        def pause_writing(self) -> None:
            super().pause_writing()
            self._watch(self.transport.get_write_buffer_size())

        def resume_writing(self) -> None:
            if self._takes is not None:
                self._takes.cancel()
                self._takes = None
            super().resume_writing()

        def _expect(self) -> None:
            """A request's head is to come."""
            self._heads = self.loop.call_later(receiving, self._late)

        def _forget(self) -> None:
            if self._heads is not None:
                self._heads.cancel()
                self._heads = None

        def _late(self) -> None:
            self._heads = None
            if not self._busy:
                self.transport.abort()

        def _watch(self, left: int) -> None:
            self._takes = self.loop.call_later(sending, self._stuck, left)

        def _stuck(self, before: int) -> None:
            self._takes = None
            left = self.transport.get_write_buffer_size()
            if left >= before:
                self.transport.abort()
            else:
                self._watch(left)

    return Guarded
