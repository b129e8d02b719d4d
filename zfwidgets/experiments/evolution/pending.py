"""What waits to be looked at: bounded, the newest stay."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

from ... import threads

Item = TypeVar("Item")


class Pending(Generic[Item]):
    """Works on items one after the other, on a thread that lives while there are any.

    Parameters
    ----------
    work
        What to do with an item; it must not raise.
    most
        How many items may wait, besides the one that is worked on.
    """

    def __init__(self, work: Callable[[Item], None], most: int) -> None:
        self._work, self._most = work, most
        self._items: deque[Item] = deque()
        self._changed = threads.ProcessLock()
        self._thread: threading.Thread | None = None

    def put(self, item: Item) -> Item | None:
        """Add an item; gives back the oldest waiting one if there are too many."""
        with self._changed:
            self._items.append(item)
            dropped = self._items.popleft() if len(self._items) > self._most else None
            if self._thread is None:
                try:
                    self._thread = threads.start(self._run, "watch", self.clear)
                except RuntimeError:  # the process ends
                    return self._items.pop()
        return dropped

    def clear(self) -> list[Item]:
        """Forget what waits; gives it back."""
        with self._changed:
            items = list(self._items)
            self._items.clear()
            return items

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until there is nothing left to do; False when time runs out."""
        with self._changed:
            return self._changed.wait_for(lambda: self._thread is None, timeout)

    def _run(self) -> None:
        try:
            while (item := self._next()) is not None:
                self._work(item)
                del item  # weights
        except threads.Interrupted:
            with self._changed:
                self._thread = None
                self._changed.notify_all()

    def _next(self) -> Item | None:
        with self._changed:
            if self._items:
                return self._items.popleft()
            self._thread = None
            self._changed.notify_all()
            return None
