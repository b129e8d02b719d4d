"""Where a training loop waits while somebody looks."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

from ...threads import ProcessLock

CANT = (
    "The training runs on the kernel's main thread, where nothing would hear Continue any more: "
    "it isn't paused. Run the loop in a thread: threading.Thread(target=train).start()."
)


class Gate:
    """Pauses a loop that passes through it at each step.

    Only loops that run in a thread of their own wait: the main thread, or one that runs an event
    loop, would wait for a click that it has to hear itself. A loop whose process ends goes on.

    Parameters
    ----------
    changed
        Called when it is opened or closed, or the loop comes to wait.
    """

    def __init__(self, changed: Callable[[], None]) -> None:
        self._changed = changed
        self._condition = ProcessLock()
        self._closed = False
        self._allowed = 0
        self.waiting = False
        self.note = ""

    @property
    def closed(self) -> bool:
        """Whether the loop is to wait."""
        return self._closed

    def close(self) -> None:
        """Let the loop wait from its next step on."""
        self._set(True, 0)

    def open(self) -> None:
        """Let the loop go on."""
        self._set(False, 0)

    def advance(self, steps: int = 1) -> None:
        """Let the loop do some more steps, then wait."""
        with self._condition:
            steps += self._allowed if self._closed else 0
        self._set(True, steps)

    def _set(self, closed: bool, allowed: int) -> None:
        with self._condition:
            self._closed, self._allowed, self.note = closed, allowed, ""
            self._condition.notify_all()
        self._changed()

    def pass_through(self) -> None:
        """Wait here if need be; called by the loop after each step."""
        if not self._closed:
            return
        if not _may_wait():
            with self._condition:
                self._closed, self.note = False, CANT
            self._changed()
            return
        with self._condition:
            self.waiting = self._holds()
        if self.waiting:
            self._changed()
        with self._condition:
            while self._holds() and threading.main_thread().is_alive():
                self._condition.wait(1.0)
            self._allowed = max(0, self._allowed - 1)
            waited, self.waiting = self.waiting, False
        if waited:
            self._changed()

    def _holds(self) -> bool:
        return self._closed and not self._allowed


def _may_wait() -> bool:
    if threading.current_thread() is threading.main_thread():
        return False
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return True
    return False
