"""What a server answers about rooms: small posts, and streams of the newest.

A stream tells what holds now, whenever that is another than it told before: who reads slowly
misses what was between, and nothing queues. All are posted to: who asks is in the body, as
addresses are written into logs.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ..errors import MalformedMessage, ServerUnreachable, ZfError
from .app import Server
from .messages import frames
from .messages.codec import encode
from .rights import need_teacher
from .rooms.state import PATH
from .working.outlets import Streamed

MOST_BYTES = 8192
"""Largest body of a post: a view, and whose."""
OFTEN = 0.5
"""Seconds between two looks for who is gone."""


@dataclass(frozen=True)
class _Call:
    """What is said to a room, and by which client."""

    room: str
    said: Mapping[str, Any]
    now: float
    client: str

    def text(self, name: str) -> str:
        """A part of it that is a word."""
        value = self.said.get(name)
        if not isinstance(value, str) or len(value) > 256:
            raise MalformedMessage(f"{name} must be text of at most 256 characters.")
        return value


def room_routes(server: Server) -> Sequence[Route]:
    """The routes of a server's rooms, for `app.make_app`."""
    return _Answering(server).routes


class _Answering:
    """Answers about rooms; used on the server's event loop alone."""

    def __init__(self, server: Server) -> None:
        self.rooms = rooms = server.rooms
        self._server = server
        self._bells: dict[tuple[str, bool], asyncio.Event] = {}
        self._open: Counter[tuple[str, str]] = Counter()
        self._looked = 0.0
        self.over = False
        server.at_end.append(self._end_all)
        server.metrics.watch("rooms", "Rooms that are led.", lambda: len(rooms))
        server.metrics.watch("followers", "Students in all rooms.", lambda: rooms.members)

    @property
    def routes(self) -> list[Route]:
        """All of them."""
        of_teachers = {"lead": self._lead, "view": self._view, "end": self._end}
        of_students = {"join": self._join, "look": self._look, "part": self._part}
        return [
            *(self._route(name, act, teacher=True) for name, act in of_teachers.items()),
            *(self._route(name, act, teacher=False) for name, act in of_students.items()),
            self._route("class", self._counted, teacher=True),
            self._route("shown", self._shown, teacher=False),
        ]

    def _route(self, name: str, act: Callable[[_Call], Any], *, teacher: bool) -> Route:
        async def answer(request: Request) -> Response:
            role = self._server.permit(request)
            if teacher:
                need_teacher(role)
            # Whichever engine it has: that the teacher's is another is said in the room.
            client = self._server.clients.find(request.headers.get(frames.CLIENT, ""))
            said = await self._server.value(request, MOST_BYTES)
            if not isinstance(said, dict):
                raise MalformedMessage("What is said in a room is a dict.")
            room = request.path_params["room"]
            found = act(_Call(room, said, self.time(), client.id))
            if isinstance(found, _Told):
                return Streamed(found, self._server.headers)
            # Where one student looks is told to who leads: thirty don't wake thirty.
            self.ring(room, all_hear=name != "look")
            return self._server.reply(found)

        return self._server.route(f"{PATH}/{{room}}/{name}", answer)

    # ------------------------------------------------------------------ posts

    def _lead(self, call: _Call) -> Any:
        secret, fingerprint = call.text("secret"), call.text("fingerprint")
        view = call.said.get("view", {})
        return {"ticket": self.rooms.lead(call.room, secret, fingerprint, view, call.now)}

    def _view(self, call: _Call) -> None:
        self.rooms.update(call.room, call.text("ticket"), call.said.get("view"), call.now)

    def _end(self, call: _Call) -> None:
        self.rooms.end(call.room, call.text("ticket"))

    def _join(self, call: _Call) -> None:
        self.rooms.join(call.room, call.text("member"), call.now, call.client)

    def _look(self, call: _Call) -> None:
        layer, wanders = call.said.get("layer"), call.said.get("wanders") is True
        self.rooms.look(call.room, call.text("member"), layer, wanders, call.now)

    def _part(self, call: _Call) -> None:
        self.rooms.part(call.room, call.text("member"))

    # ------------------------------------------------------------------ streams

    def _counted(self, call: _Call) -> _Told:
        return self._told(call, "ticket", self.rooms.counted, self.rooms.lost)

    def _shown(self, call: _Call) -> _Told:
        return self._told(call, "member", self.rooms.shown, self.rooms.lost_member)

    def _told(
        self,
        call: _Call,
        who: str,
        read: Callable[[str, str], Any],
        lost: Callable[[str, str, float], Any],
    ) -> _Told:
        """What somebody hears of a room, until the connection is lost."""
        room, one = call.room, call.text(who)
        read(room, one)  # or it raises, before anything is answered
        return _Told(
            self,
            room,
            f"{who} {one}",
            lambda: read(room, one),
            lambda: lost(room, one, self.time()),
        )

    def bell(self, room: str, leads: bool) -> asyncio.Event:
        """What is set when something in a room may have changed, for who leads or for students."""
        return self._bells.setdefault((room, leads), asyncio.Event())

    def ring(self, room: str, *, all_hear: bool = True) -> None:
        """Wake all streams of a room, or only those of who leads."""
        for leads in (True, False) if all_hear else (True,):
            bell = self._bells.pop((room, leads), None)
            if bell is not None:
                bell.set()

    def _end_all(self) -> None:
        self.over = True
        for room in {room for room, _ in self._bells}:
            self.ring(room)

    def begun(self, room: str, who: str) -> None:
        """Note that a stream begins."""
        self._open[room, who] += 1

    def ended(self, room: str, who: str) -> bool:
        """Note that a stream has ended; whether it was the last of who listened."""
        self._open[room, who] -= 1
        last = self._open[room, who] <= 0
        if last:
            del self._open[room, who]
        return last

    def time(self) -> float:
        """The time; who has been silent for too long is gone by then."""
        now = time.monotonic()
        if now - self._looked > OFTEN:
            self._looked = now
            self.rooms.expire(now)
        return now


class _Told:
    """What a stream tells: as an `Outlet`, but what holds in a room."""

    def __init__(
        self,
        answering: _Answering,
        room: str,
        who: str,
        look: Callable[[], Any],
        lost: Callable[[], None],
    ) -> None:
        self._answering, self._room, self._who = answering, room, who
        self._look, self._lost = look, lost
        self._leads = who.startswith("ticket ")
        self._revision: int | None = None
        self._over = False
        answering.begun(room, who)

    @property
    def told(self) -> bool:
        """Whether that was the last."""
        return self._over

    async def next(self) -> bytes:
        """What holds now, once it is news; or after a while a sign of life."""
        until = time.monotonic() + frames.BEAT
        while True:
            bell = self._answering.bell(self._room, self._leads)  # first: nothing is missed between
            self._answering.time()
            try:
                if self._answering.over:
                    raise ServerUnreachable("The server stops.")
                now = self._look()
            except ZfError as error:
                self._over = True
                return frames.frame(frames.ERROR, frames.describe(error))
            if now.revision != self._revision:
                self._revision = now.revision
                return frames.frame(frames.STEP, encode(asdict(now)))
            try:
                await asyncio.wait_for(bell.wait(), until - time.monotonic())
            except asyncio.TimeoutError:
                return frames.frame(frames.ALIVE)

    def close(self) -> None:
        """Nobody listens any more."""
        if self._answering.ended(self._room, self._who):  # else it has come again already
            with contextlib.suppress(ZfError):  # it has left in good order
                self._lost()
            self._answering.ring(self._room)
