"""The way from the worker back to the kernel's main thread."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable

log = logging.getLogger("zfwidgets")


class HandBack:
    """Runs calls on the thread of an event loop, the kernel's main one.

    Traits must be set there, or users' ``observe`` callbacks would run on the worker. Without a
    running event loop (a plain script) a call runs at once on the thread that hands it back.
    """

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._calls: deque[Callable[[], None]] = deque()

    def adopt_loop(self) -> None:
        """Use the event loop that runs on this thread, unless an earlier one still runs."""
        if self._loop is None or not self._loop.is_running():
            self._loop = running_loop()

    def __call__(self, call: Callable[[], None]) -> None:
        """Run ``call`` soon; calls keep their order."""
        self._calls.append(call)
        if self._loop is None or not self._loop.is_running():
            self._run_all()
        else:
            self._loop.call_soon_threadsafe(self._run_all)

    def run_waiting(self) -> bool:
        """Run what waits for the event loop, if this is its thread; whether there was anything.

        A cell that blocks the loop and wants to see the effects calls this.
        """
        return self._loop is not None and running_loop() is self._loop and self._run_all()

    def _run_all(self) -> bool:
        ran = False
        while True:
            try:
                call = self._calls.popleft()
            except IndexError:
                return ran
            ran = True
            try:
                call()
            except Exception:
                log.exception("A call handed back to the main thread failed")


def running_loop() -> asyncio.AbstractEventLoop | None:
    """The event loop that runs on this thread."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
