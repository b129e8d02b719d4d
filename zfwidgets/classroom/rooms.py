"""Rooms in which a teacher leads and students follow: who is there, and what they look at.

A state machine: it does nothing by itself, waits for nothing and asks no clock. Whoever holds it
tells it the time with each call, and asks what is new.

Only who holds a room's secret leads it. The room's public name, which students type, ends in a
hash of the secret, as in reveal.js' multiplex: it gives nothing away, and no list of secrets is
kept. Of students nothing is known but how many there are, and which layers they look at.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import secrets
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..errors import InputError, LedByAnother, NoSuchRoom, RoomFull, ServerBusy, WrongSecret

PATH = "/v1/rooms"
"""Where a server answers about rooms."""
SYMBOLS = "23456789bcdfghjkmnpqrstvwxyz"
"""Of a room's code: none looks like another, and without vowels they make no words."""
ROUNDS = 20_000
"""Of the hash, so that many secrets take long to try."""
CODE = re.compile(rf"-[{SYMBOLS}]{{4}}-[{SYMBOLS}]{{4}}$")
MOST_NAME = 40
"""Characters of what a room is called, without its code."""
PARTS = frozenset(("selection", "options", "own_photo"))
"""Of a view."""


@dataclass(frozen=True)
class Limits:
    """What a server bears.

    Attributes
    ----------
    rooms
        Rooms that are led at one time.
    members
        Students in one room.
    view_bytes
        Bytes of a view, as JSON.
    layers
        Layers that are told apart in what a class looks at; a name has at most 200 characters.
    updates, looks
        Messages a second of a leader, and of a student.
    leads
        Attempts to lead any room, a second: each costs a hash.
    silent
        Seconds without a word after which a leader counts as silent.
    gone
        Seconds without a word after which a room ends, or a student is gone.
    grace
        Seconds to come back in, for who is known to have lost the connection.
    """

    rooms: int = 64
    members: int = 500
    view_bytes: int = 2048
    layers: int = 1000
    updates: float = 25.0
    looks: float = 10.0
    leads: float = 5.0
    silent: float = 10.0
    gone: float = 40.0
    grace: float = 8.0


def named(name: object) -> str:
    """What a room is called, as it stands in its public name: ``lesson``.

    Raises
    ------
    InputError
        It isn't 1 to 40 letters, digits, spaces and hyphens.
    """
    text = re.sub(r"\s+", "-", name.strip().lower()) if isinstance(name, str) else ""
    if not 1 <= len(text) <= MOST_NAME or not re.fullmatch(r"[^\W_]([^\W_]|-)*", text):
        raise InputError(
            f"A room's name is 1 to {MOST_NAME} letters, digits, spaces and hyphens, "
            f"not {name!r:.100}."
        )
    return text


def public_name(name: str, secret: str) -> str:
    """The name that students type: what the room is called, and a hash of its secret.

    Parameters
    ----------
    name
        What the room is called, see `named`.
    secret
        What only its teacher knows.
    """
    called = named(name)
    digest = hashlib.pbkdf2_hmac("sha256", secret.encode(), called.encode(), ROUNDS)
    number, code = int.from_bytes(digest, "big"), ""
    for _ in range(8):
        number, digit = divmod(number, len(SYMBOLS))
        code += SYMBOLS[digit]
    return f"{called}-{code[:4]}-{code[4:]}"


def is_public(name: str) -> bool:
    """Whether a name is one that `public_name` gives for some secret."""
    called = CODE.sub("", name)
    try:
        return called != name and named(called) == called
    except InputError:
        return False


class _Bucket:
    """So many a second in the long run, and as many as two seconds' at once."""

    def __init__(self, rate: float, now: float) -> None:
        self._rate, self._left, self._at = rate, 2 * rate, now

    def take(self, now: float) -> None:
        self._left = min(2 * self._rate, self._left + (now - self._at) * self._rate)
        self._at = now
        if self._left < 1:
            raise ServerBusy(
                "Too much was said in this room at once.", (1 - self._left) / self._rate
            )
        self._left -= 1


@dataclass
class _Member:
    heard: float
    bucket: _Bucket
    layer: str | None = None
    wanders: bool = False


@dataclass
class _Room:
    ticket: str
    fingerprint: str
    view: Mapping[str, Any]
    heard: float
    bucket: _Bucket
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
        self._leads: _Bucket | None = None
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
            self._leads = _Bucket(self.limits.leads, now)
        self._leads.take(now)
        name = CODE.sub("", room)
        right = is_public(room) and 0 < len(secret) <= 200
        if not right or not hmac.compare_digest(public_name(name, secret).encode(), room.encode()):
            raise WrongSecret(room)
        self._check(view)
        self._check_text("fingerprint", fingerprint)
        ticket = self._ticket()
        bucket = _Bucket(self.limits.updates, now)
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

    def join(self, room: str, member: str, now: float) -> None:
        """Follow a room; who is in it already stays there.

        Parameters
        ----------
        room
            The public name.
        member
            What this student is known by here and nowhere else, drawn by chance.

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
        followed.members[member] = _Member(now, _Bucket(self.limits.looks, now))
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
        unknown = not isinstance(view, Mapping) or set(view) - PARTS
        size = 0 if unknown else len(json.dumps(view))
        if unknown or size > self.limits.view_bytes:
            raise InputError(
                f"A view has {', '.join(sorted(PARTS))} in at most {self.limits.view_bytes} bytes"
                + (f", not {size}." if size else ", and nothing else.")
            )

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
