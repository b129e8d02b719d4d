"""Requests to an app without sockets, as bad as one likes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

from zfwidgets.classroom.messages import frames
from zfwidgets.classroom.messages.codec import SCHEMA, decode, encode

ME = "0123456789abcdef" * 2
GOOD = {frames.CLIENT: ME, frames.SCHEMA_HEADER: SCHEMA, "host": "127.0.0.1"}


async def request(
    app: Any,
    path: str,
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    verb: str | None = None,
    *,
    leave_after: int | None = None,
) -> tuple[int, bytes]:
    """Status and content; ``leave_after`` so many parts of the answer the client is gone."""
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": verb or ("GET" if body is None else "POST"),
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [
            (name.lower().encode("latin-1", "replace"), value.encode("latin-1", "replace"))
            for name, value in {**GOOD, **(headers or {})}.items()
        ],
        "client": ("127.0.0.1", 5000),
        "server": ("127.0.0.1", 80),
    }
    gone = asyncio.Event()
    sent = [{"type": "http.request", "body": body or b"", "more_body": False}]
    status, content, parts = 0, bytearray(), 0

    async def receive() -> Any:
        if sent:
            return sent.pop()
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        nonlocal status, parts
        if message["type"] == "http.response.start":
            status = message["status"]
        else:
            content.extend(message["body"])
            parts += 1
        if leave_after is not None and parts >= leave_after:
            gone.set()

    await app(scope, receive, send)
    return status, bytes(content)


def question(method: str, slot: str = "slot", **arguments: Any) -> bytes:
    return encode({"method": method, "arguments": arguments, "slot": slot})


def last(content: bytes) -> tuple[bytes, Any]:
    """The last frame of an answer: its kind, and the value or error."""
    *_, (kind, value) = frames.Frames().feed(content)
    if kind == frames.ERROR:
        return kind, frames.rebuilt(value)
    return kind, decode(value) if kind == frames.RESULT else None


def error(content: bytes) -> str:
    """The name of the error that is told instead of an answer."""
    return str(json.loads(content)["name"])
