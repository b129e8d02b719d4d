"""What was used last, up to a number of bytes."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from ...records import Pixels
from ...threads import ProcessLock


class Cache:
    """The values that were used last, up to a number of bytes; safe to use from any thread."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.bytes = 0
        self._values: OrderedDict[Any, tuple[int, Any]] = OrderedDict()
        self._lock = ProcessLock()

    def __contains__(self, key: Any) -> bool:
        with self._lock:
            return key in self._values

    def get(self, key: Any) -> Any:
        """The value, or None."""
        with self._lock:
            if key not in self._values:
                return None
            self._values.move_to_end(key)
            return self._values[key][1]

    def clear(self) -> None:
        """Forget all."""
        with self._lock:
            self._values.clear()
            self.bytes = 0

    def array(self, key: Any, make: Callable[[], Pixels]) -> Pixels:
        """What is kept of pixels; made and kept where there is nothing."""
        pixels: Pixels | None = self.get(key)
        if pixels is None:
            pixels = make()
            self.put(key, pixels, pixels.nbytes)
        return pixels

    def put(self, key: Any, value: Any, size: int) -> None:
        """Keep a value of ``size`` bytes; the least recently used make room for it."""
        with self._lock:
            if key in self._values:
                self.bytes -= self._values.pop(key)[0]
            if size > self.most:
                return
            self._values[key] = (size, value)
            self.bytes += size
            while self.bytes > self.most:
                self.bytes -= self._values.popitem(last=False)[1][0]
