"""Rooms in which a teacher leads and students follow: who is there, and what they look at.

A state machine: it does nothing by itself, waits for nothing and asks no clock. Whoever holds it
tells it the time with each call, and asks what is new.

Only who holds a room's secret leads it. The room's public name, which students type, ends in a
hash of the secret, as in reveal.js' multiplex: it gives nothing away, and no list of secrets is
kept. Of students nothing is known but how many there are, and which layers they look at.
"""

from __future__ import annotations

import hmac
import json
import secrets
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ...errors import InputError, LedByAnother, NoSuchRoom, RoomFull, WrongSecret
from .limits import Bucket, Limits
from .names import called, is_public, public_name

PATH = "/v1/rooms"
"""Where a server answers about rooms."""
PARTS = {"selection": dict, "options": dict, "own_photo": bool}
"""What a view has, and of which types."""


@dataclass
class _Member:
    heard: float
    bucket: Bucket
    client: str
    layer: str | None = None
    wanders: bool = False


@dataclass
class _Room:
    ticket: str
    fingerprint: str
    view: Mapping[str, Any]
    heard: float
    bucket: Bucket
    silent: bool = False
    shown: int = 0
    counted: int = 0
    members: dict[str, _Member] = field(default_factory=dict)


@dataclass(frozen=True)
class Shown:
    """What students are told; ``revision`` is another whenever anything of it is.

    Attributes
    ----------
    revision
        Number of what is told.
    fingerprint
        Fingerprint of the engine that the leader looks at.
    view
        What the leader looks at.
    silent
        Whether nothing has been heard of the leader for a while.
    """

    revision: int
    fingerprint: str
    view: Mapping[str, Any]
    silent: bool


@dataclass(frozen=True)
class Counted:
    """What the leader is told; ``revision`` is another whenever anything of it is.

    Attributes
    ----------
    revision
        Number of what is told.
    followers
        How many students are in the room.
    wander
        How many of them look around by themselves.
    looking
        How many of them look at each layer, most first.
    """

    revision: int
    followers: int
    wander: int
    looking: tuple[tuple[str, int], ...]


class Rooms:
    """All rooms of a server.

    ``now`` of every method is the time in seconds of a clock that never goes back.

    Parameters
    ----------
    limits
        What the server bears.
    ticket
        What makes the tickets by which leaders are known, each another.
    """

    def __init__(
        self, limits: Limits | None = None, ticket: Callable[[], str] = secrets.token_urlsafe
    ) -> None:
        self.limits = limits or Limits()
        self._ticket = ticket
        self._rooms: dict[str, _Room] = {}
        self._leads: Bucket | None = None
        self._revision = 0

    def __len__(self) -> int:
        return len(self._rooms)

    @property
    def members(self) -> int:
        """How many follow, in all rooms."""
        return sum(len(room.members) for room in self._rooms.values())

    # ------------------------------------------------------------------ the leader

    def lead(
        self, room: str, secret: str, fingerprint: str, view: Mapping[str, Any], now: float
    ) -> str:
        """Lead a room from now on, instead of whoever led it with the same secret.

        Returns
        -------
        str
            The ticket by which this leader is known from now on.

        Raises
        ------
        WrongSecret
            The room's name isn't that of the secret.
        RoomFull
            The server has as many rooms as it bears.
        ServerBusy
            Too many have tried to lead in the last seconds.
        """
        if self._leads is None:
            self._leads = Bucket(self.limits.leads, now)
        self._leads.take(now)
        right = is_public(room) and 0 < len(secret) <= 200
        name = public_name(called(room), secret) if right else ""
        if not hmac.compare_digest(name.encode(), room.encode()):
            raise WrongSecret(room)
        self._check(view)
        self._check_text("fingerprint", fingerprint)
        ticket = self._ticket()
        bucket = Bucket(self.limits.updates, now)
        known = self._rooms.get(room)
        if known is None:
            if len(self._rooms) >= self.limits.rooms:
                raise RoomFull(
                    f"This server has {self.limits.rooms} rooms, as many as it bears: end one "
                    "(explorer.stop_leading()), or wait until one that nobody leads is forgotten."
                )
            known = self._rooms[room] = _Room(ticket, fingerprint, view, now, bucket)
        else:
            known.ticket, known.bucket = ticket, bucket
            known.fingerprint, known.view = fingerprint, view
            known.heard, known.silent = now, False
        self._show(known)
        self._count(known)
        return ticket

    def update(self, room: str, ticket: str, view: Mapping[str, Any] | None, now: float) -> None:
        """Tell what the leader looks at now; None: the same as before, the leader is still there.

        Raises
        ------
        LedByAnother
            Another leader has taken the room over.
        NoSuchRoom
            The room isn't led any more.
        ServerBusy
            The leader tells more than a class can follow.
        """
        led = self._led(room, ticket)
        led.bucket.take(now)
        if view is not None:
            self._check(view)
        changed = view is not None and view != led.view
        if changed and view is not None:
            led.view = view
        led.heard = now
        if changed or led.silent:
            led.silent = False
            self._show(led)

    def lost(self, room: str, ticket: str, now: float) -> None:
        """Note that the leader's connection is gone, until the next `update`."""
        led = self._led(room, ticket)
        led.heard = min(led.heard, now - self.limits.gone + self.limits.grace)
        if not led.silent:
            led.silent = True
            self._show(led)

    def end(self, room: str, ticket: str) -> None:
        """End a room, as its leader."""
        self._led(room, ticket)
        del self._rooms[room]

    def counted(self, room: str, ticket: str) -> Counted:
        """What the leader is told."""
        led = self._led(room, ticket)
        members = led.members.values()
        looking = Counter(member.layer for member in members if member.layer is not None)
        most = sorted(looking.items(), key=lambda item: (-item[1], item[0]))
        wander = sum(member.wanders for member in members)
        return Counted(led.counted, len(members), wander, tuple(most))

    # ------------------------------------------------------------------ students

    def join(self, room: str, member: str, now: float, client: str = "") -> None:
        """Follow a room; who is in it already stays there.

        Parameters
        ----------
        room
            The public name.
        member
            What this student is known by here and nowhere else, drawn by chance.
        client
            The kernel that asks, which may have a few widgets that follow.

        Raises
        ------
        NoSuchRoom
            Nobody leads such a room.
        RoomFull
            It has as many students as the server bears.
        """
        followed = self._room(room)
        if not 16 <= len(member) <= 64:
            raise InputError("A student is known by 16 to 64 characters that are drawn by chance.")
        if member in followed.members:
            followed.members[member].heard = now
            return
        if len(followed.members) >= self.limits.members:
            raise RoomFull(
                f"{self.limits.members} students follow {room}, as many as this server bears."
            )
        if client:
            widgets = sum(one.client == client for one in followed.members.values())
            if widgets >= self.limits.widgets:
                raise RoomFull(
                    f"{self.limits.widgets} widgets of this kernel follow {room}, as many as it "
                    "may: unfollow() with one."
                )
        followed.members[member] = _Member(now, Bucket(self.limits.looks, now), client)
        self._count(followed)

    def look(self, room: str, member: str, layer: str | None, wanders: bool, now: float) -> None:
        """Tell where a student looks; the same as before: the student is still there.

        Raises
        ------
        NoSuchRoom
            Nobody leads such a room, or the student isn't in it any more.
        ServerBusy
            The student tells more than anybody looks at.
        """
        followed = self._room(room)
        known = followed.members.get(member)
        if known is None:
            raise NoSuchRoom(room)
        known.bucket.take(now)
        if layer is not None:
            self._check_text("layer", layer)
            others = {one.layer for one in followed.members.values()}
            if layer not in others and len(others) >= self.limits.layers:
                layer = None
        known.heard = now
        if (layer, wanders) != (known.layer, known.wanders):
            known.layer, known.wanders = layer, wanders
            self._count(followed)

    def part(self, room: str, member: str) -> None:
        """Follow no longer; who isn't there needn't go."""
        followed = self._rooms.get(room)
        if followed is not None and followed.members.pop(member, None) is not None:
            self._count(followed)

    def lost_member(self, room: str, member: str, now: float) -> None:
        """Note that a student's connection is gone, until the next `look` or `join`."""
        followed = self._rooms.get(room)
        known = followed and followed.members.get(member)
        if known:
            known.heard = min(known.heard, now - self.limits.gone + self.limits.grace)

    def shown(self, room: str, member: str) -> Shown:
        """What students are told.

        Raises
        ------
        NoSuchRoom
            The room has ended, or the student isn't in it any more.
        """
        followed = self._room(room)
        if member not in followed.members:
            raise NoSuchRoom(room)
        return Shown(followed.shown, followed.fingerprint, followed.view, followed.silent)

    # ------------------------------------------------------------------ time

    def expire(self, now: float) -> None:
        """Let go whoever hasn't been heard of for too long."""
        for name, room in [*self._rooms.items()]:
            if now - room.heard > self.limits.gone:
                del self._rooms[name]
                continue
            if now - room.heard > self.limits.silent and not room.silent:
                room.silent = True
                self._show(room)
            for member, known in [*room.members.items()]:
                if now - known.heard > self.limits.gone:
                    self.part(name, member)

    # ------------------------------------------------------------------ checks

    def _room(self, room: str) -> _Room:
        try:
            return self._rooms[room]
        except KeyError:
            raise NoSuchRoom(room) from None

    def _led(self, room: str, ticket: str) -> _Room:
        led = self._room(room)
        if not hmac.compare_digest(led.ticket.encode(), ticket.encode()):
            raise LedByAnother(room)
        return led

    def _check(self, view: Any) -> None:
        """Refuse what isn't a view: rooms are for a selection, not for pixels or words."""
        known = isinstance(view, dict) and {name: type(part) for name, part in view.items()}
        if known != PARTS:
            raise InputError(f"A view has {', '.join(PARTS)}, and nothing else.")
        try:
            size = len(json.dumps(view, allow_nan=False))
        except (TypeError, ValueError, RecursionError) as error:
            raise InputError(f"A view is JSON: {error}.") from None
        if size > self.limits.view_bytes:
            raise InputError(f"A view has at most {self.limits.view_bytes} bytes, not {size}.")

    @staticmethod
    def _check_text(what: str, value: object) -> None:
        if not isinstance(value, str) or not 0 < len(value) <= 200:
            raise InputError(f"A {what} has 1 to 200 characters, not {value!r:.50}.")

    def _show(self, room: _Room) -> None:
        self._revision += 1
        room.shown = self._revision

    def _count(self, room: _Room) -> None:
        self._revision += 1
        room.counted = self._revision
