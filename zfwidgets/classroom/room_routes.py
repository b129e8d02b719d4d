"""What a server answers about rooms: small posts, and streams of the newest.

A stream tells what holds now, whenever that is another than it told before: who reads slowly
misses what was between, and nothing queues.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import asdict
from typing import Any

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from ..errors import InputError, ZfError
from . import wire
from .codec import decode, encode
from .rooms import PATH, Rooms

MOST_BYTES = 8192
"""Of what is posted: a view, and whose."""
Told = tuple[str, Callable[[], Any], Callable[[float], None]]
"""Who is told, what there is to tell, and what to do when nobody listens any more."""
OFTEN = 0.5
"""Seconds between two looks for who is gone."""


class RoomRoutes:
    """The routes of a server's rooms.

    Parameters
    ----------
    rooms
        The rooms.
    check
        Raises an error where a request's client has no business here.
    check_leader
        Raises an error where a request's client may not lead.
    """

    def __init__(
        self,
        rooms: Rooms,
        check: Callable[[Request], object] = lambda _: None,
        check_leader: Callable[[Request], object] = lambda _: None,
    ) -> None:
        self.rooms = rooms
        self._check, self._check_leader = check, check_leader
        self._bells: dict[str, asyncio.Event] = {}
        self._open: Counter[tuple[str, str]] = Counter()
        self._looked = 0.0
        self._over = False

    def routes(self) -> list[Route]:
        """What the server mounts."""
        posts = {
            "lead": (self._lead, self._check_leader),
            "view": (self._view, self._check_leader),
            "end": (self._end, self._check_leader),
            "join": (self._join, self._check),
            "look": (self._look, self._check),
            "part": (self._part, self._check),
        }
        streams = {
            "class": (self._counted, self._check_leader),
            "shown": (self._shown, self._check),
        }
        # All are posted to: who asks is in the body, as addresses are written into logs.
        answers = {name: self._post(*how) for name, how in posts.items()}
        answers |= {name: self._stream(*how) for name, how in streams.items()}
        return [
            Route(f"{PATH}/{{room}}/{name}", answer, methods=["POST"])
            for name, answer in answers.items()
        ]

    def close(self) -> None:
        """End all streams: the server stops."""
        self._over = True
        for room in [*self._bells]:
            self._ring(room)

    # ------------------------------------------------------------------ posts

    def _lead(self, room: str, said: Mapping[str, Any], now: float) -> Any:
        secret, fingerprint = (_text(said, name) for name in ("secret", "fingerprint"))
        return {"ticket": self.rooms.lead(room, secret, fingerprint, said.get("view", {}), now)}

    def _view(self, room: str, said: Mapping[str, Any], now: float) -> None:
        self.rooms.update(room, _text(said, "ticket"), said.get("view"), now)

    def _end(self, room: str, said: Mapping[str, Any], _now: float) -> None:
        self.rooms.end(room, _text(said, "ticket"))

    def _join(self, room: str, said: Mapping[str, Any], now: float) -> None:
        self.rooms.join(room, _text(said, "member"), now)

    def _look(self, room: str, said: Mapping[str, Any], now: float) -> None:
        wanders = said.get("wanders") is True
        self.rooms.look(room, _text(said, "member"), said.get("layer"), wanders, now)

    def _part(self, room: str, said: Mapping[str, Any], _now: float) -> None:
        self.rooms.part(room, _text(said, "member"))

    def _post(
        self,
        act: Callable[[str, Mapping[str, Any], float], Any],
        check: Callable[[Request], object],
    ) -> Callable[[Request], Any]:
        async def answer(request: Request) -> Response:
            room = request.path_params["room"]
            try:
                check(request)
                said = await _body(request)
                now = self._time()
                found = act(room, said, now)
            except ZfError as error:
                return _refusal(error)
            self._ring(room)
            return Response(encode(found), media_type=wire.CONTENT)

        return answer

    # ------------------------------------------------------------------ streams

    def _counted(self, room: str, said: Mapping[str, Any]) -> Told:
        ticket = _text(said, "ticket")
        return (
            f"ticket {ticket}",
            lambda: self.rooms.counted(room, ticket),
            lambda now: self.rooms.lost(room, ticket, now),
        )

    def _shown(self, room: str, said: Mapping[str, Any]) -> Told:
        member = _text(said, "member")
        return (
            f"member {member}",
            lambda: self.rooms.shown(room, member),
            lambda now: self.rooms.lost_member(room, member, now),
        )

    def _stream(self, open_: Any, check: Callable[[Request], object]) -> Callable[[Request], Any]:
        async def answer(request: Request) -> Response:
            room = request.path_params["room"]
            try:
                check(request)
                who, look, lost = open_(room, await _body(request))
                self._time()
                look()
            except ZfError as error:
                return _refusal(error)
            return StreamingResponse(
                self._tell(room, who, look, lost),
                media_type=wire.CONTENT,
                headers={"X-Accel-Buffering": "no", "Cache-Control": "no-store"},
            )

        return answer

    async def _tell(
        self, room: str, who: str, look: Callable[[], Any], lost: Callable[[float], None]
    ) -> AsyncIterator[bytes]:
        told = None
        self._open[room, who] += 1
        try:
            while not self._over:
                bell = self._bells.setdefault(room, asyncio.Event())
                self._time()
                try:
                    now = look()
                except ZfError as error:
                    yield wire.frame(wire.ERROR, wire.describe(error))
                    return
                if now.revision != told:
                    told = now.revision
                    yield wire.frame(wire.STEP, encode(asdict(now)))
                    continue  # what has changed meanwhile
                try:
                    await asyncio.wait_for(bell.wait(), wire.BEAT)
                except (TimeoutError, asyncio.TimeoutError):
                    yield wire.frame(wire.ALIVE)
        finally:
            self._open[room, who] -= 1
            if not self._open[room, who]:  # else it has come again already
                del self._open[room, who]
                try:
                    lost(self._time())
                except ZfError:
                    pass  # it has ended in good order
                self._ring(room)

    def _ring(self, room: str) -> None:
        """Wake all streams of a room."""
        bell = self._bells.pop(room, None)
        if bell is not None:
            bell.set()

    def _time(self) -> float:
        """The time; who has been silent for too long is gone by then."""
        now = time.monotonic()
        if now - self._looked > OFTEN:
            self._looked = now
            self.rooms.expire(now)
        return now


async def _body(request: Request) -> Mapping[str, Any]:
    data = b""
    async for part in request.stream():
        data += part
        if len(data) > MOST_BYTES:
            raise InputError(f"What is said in a room has at most {MOST_BYTES} bytes.")
    said = decode(data)
    if not isinstance(said, dict):
        raise InputError("What is said in a room is a dict.")
    return said


def _text(said: Mapping[str, Any], name: str) -> str:
    value = said.get(name)
    if not isinstance(value, str) or len(value) > 256:
        raise InputError(f"{name} must be text of at most 256 characters.")
    return value


def _refusal(error: ZfError) -> Response:
    return Response(
        wire.describe(error),
        wire.status_of(error),
        media_type="application/json",
        headers={"zf-error": type(error).__name__},
    )
