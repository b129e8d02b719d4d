"""Send a job's progress and results to the page that asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...records import Progress
from .encode import sendable
from .jobs import Op
from .jobs.steps import Shared

ADDRESS = ("view", "slot", "kind", "key", "turn")
"""What an answer repeats of its request."""


class Teller:
    """Sends what a job says about a request to the page that made it."""

    def __init__(self, widget: Any, request: Mapping[str, Any]) -> None:
        self._widget = widget
        self.address = {name: request.get(name) for name in ADDRESS}

    def __call__(self, op: Op, value: Any) -> None:
        """Send one answer."""
        self._send(op, value)

    def together(self, others: Sequence[Teller], progress: Progress) -> None:
        """Send one sign of life for this request and others of the widget."""
        asked = [{name: other.address[name] for name in ("kind", "key")} for other in others]
        self._send("progress", progress, **({"others": asked} if asked else {}))

    def _send(self, op: Op, value: Any, **more: Any) -> None:
        data, buffers = wire(op, value)
        message = {"zf": 1, "op": op, **self.address, "data": sendable(data), **more}
        self._widget.send(message, buffers)


def wire(op: Op, value: Any) -> tuple[dict[str, Any], list[bytes]]:
    """What a job says, as JSON and buffers."""
    if op in ("reply", "partial"):
        data, buffers = value
        return data, buffers
    if isinstance(value, Progress):
        names = ["what", "done", "total", "seconds_left"]
        if isinstance(value, Shared):
            names += ["per_second", "filled", "paused"]
        return {name: getattr(value, name) for name in names}, []
    if isinstance(value, BaseException):
        return {"name": type(value).__name__, "message": str(value) or repr(value)}, []
    return {}, []
