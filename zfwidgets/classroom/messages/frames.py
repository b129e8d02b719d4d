"""How a server's answers are framed, what its headers are called, and errors as they cross.

An answer is a stream of frames: four bytes of length, one letter, content. The last frame is a
result, an error, or that a newer question took this one's place.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from typing import Any, Final

from ... import errors
from ...errors import MalformedMessage, ServerBusy, ServerFailed, ZfError
from .codec import LARGEST

log = logging.getLogger("zfwidgets")

PROTOCOL: Final = 1
HELLO, ASK, CANCEL, BYE, PHOTOS = "/v1/hello", "/v1/ask", "/v1/cancel", "/v1/bye", "/v1/photos"
HEALTH, METRICS = "/v1/health", "/v1/metrics"

CLIENT, SCHEMA_HEADER, ENGINE = "zf-client", "zf-schema", "zf-engine"
"""What a client's requests say: his secret number, the records and the engine that he knows."""
GENERATION = "zf-generation"
"""What answers say: another word whenever what `HELLO` tells is another."""
CONTENT = "application/x-zfwidgets"

RESULT, STEP, SAME, PROGRESS, ERROR, SUPERSEDED, ALIVE = (
    b"R", b"S", b"=", b"P", b"E", b"X", b"A",
)  # fmt: skip
"""Kinds of frames: the answer; what is known so far, or that it is the same as last told; how far
it is; what went wrong; that a newer question took this one's place; a sign of life."""
NEWS: Final = (STEP, SAME, PROGRESS)
LAST: Final = (RESULT, ERROR, SUPERSEDED)
BEAT = 2.0
"""Seconds after which a stream gives a sign of life."""
STATUSES: Final = {
    "WrongToken": 401,
    "OtherEngine": 409,
    "WrongVersion": 426,
    "ServerBusy": 429,
    "ServerFailed": 500,
}
"""HTTP status of errors; of all others it is 400."""


def frame(kind: bytes, content: bytes = b"") -> bytes:
    """A frame as bytes."""
    return b"%s%s%s" % ((len(content) + 1).to_bytes(4, "big"), kind, content)


class Frames:
    """Takes a stream's bytes as they come, and gives its frames."""

    def __init__(self, most: int = LARGEST) -> None:
        self._most = most
        self._kept = bytearray()

    def feed(self, data: bytes) -> Iterator[tuple[bytes, bytes]]:
        """The frames that are whole with these bytes."""
        self._kept += data
        while len(self._kept) >= 4:
            size = int.from_bytes(self._kept[:4], "big")
            if not 1 <= size <= self._most:
                raise MalformedMessage(f"An answer has a part of {size:,} bytes.")
            if len(self._kept) < 4 + size:
                return
            kind, content = bytes(self._kept[4:5]), bytes(self._kept[5 : 4 + size])
            del self._kept[: 4 + size]
            yield kind, content


def describe(error: BaseException) -> bytes:
    """An error as JSON: its name and words, which those of others than ours don't show."""
    if not isinstance(error, ZfError):
        error = ServerFailed(
            f"The server failed at this ({type(error).__name__}): its log says more."
        )
    told: dict[str, Any] = {"name": type(error).__name__, "message": str(error)}
    for name in ("reason", "seconds"):
        if hasattr(error, name):
            told[name] = getattr(error, name)
    return json.dumps(told).encode()


def status_of(error: BaseException) -> int:
    """The HTTP status of an error."""
    if not isinstance(error, ZfError):
        return 500
    return STATUSES.get(type(error).__name__, 400)


def rebuilt(told: bytes) -> ZfError:
    """The error that `describe` told of."""
    try:
        found = json.loads(told)
        name, message = str(found["name"]), str(found["message"])
    except (ValueError, KeyError, TypeError):
        return ServerFailed(f"The server said something else than an answer: {told[:200]!r}")
    kind = getattr(errors, name, None)
    if not (isinstance(kind, type) and issubclass(kind, ZfError)):
        return ServerFailed(f"{name}: {message}")
    error: ZfError = kind.__new__(kind, message)
    error.args = (message,)
    for more, default in (("reason", message), ("seconds", 1.0)):
        if more in found or (more == "seconds" and kind is ServerBusy):
            setattr(error, more, found.get(more, default))
    return error
