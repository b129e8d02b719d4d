"""Leading and following in a server's rooms: what a widget says there, and what it hears."""

from __future__ import annotations

import secrets
import time
import weakref
from collections.abc import Mapping, MutableMapping
from typing import Any

from ...errors import InputError, NoSuchRoom
from ...widgets.room import Looks, RoomInbox
from ..rooms.names import is_public, named, public_name
from .connection import Connection
from .part import Part

PATIENCE = 60.0
"""Seconds for which a student waits for a teacher whose server was gone."""
MOST_LAYERS = 24
"""Layers of which the page is told that students look at them."""
AT_MOST = 5.0
"""Seconds for which a cell waits for the server."""

_secrets: dict[tuple[str, str], str] = {}
"""By server and room, public or as it is called: a cell that is run again leads the same room."""

_followers: MutableMapping[tuple[str, str], Following] = weakref.WeakValueDictionary()
"""Who follows in this kernel, by server and room."""


class RoomsOfServer:
    """The rooms of the server behind a connection.

    Parameters
    ----------
    connection
        The connection.
    fingerprint
        Fingerprint of the engine that widgets show.
    """

    def __init__(self, connection: Connection, fingerprint: str) -> None:
        self._connection, self._fingerprint = connection, fingerprint

    def lead(self, seat: RoomInbox, name: str, secret: str | None, looks: Looks) -> Leading:
        """Lead a room; see `Explorer.lead`."""
        room, secret = self._opened(name, secret)
        part = Leading(self._connection, seat, room, secret, self._fingerprint, looks)
        part.begin(AT_MOST)
        _secrets[self._connection.url, room] = secret
        if not is_public(name):
            _secrets[self._connection.url, named(name)] = secret
        return part

    def follow(self, seat: RoomInbox, room: Any) -> Following:
        """Follow a room; see `Explorer.follow`."""
        if not isinstance(room, str) or not room.strip():
            raise InputError(f"A room's name is text, as on the teacher's screen, not {room!r}.")
        room = room.strip().lower()
        if not is_public(room):
            raise NoSuchRoom(room)
        part = Following(self._connection, seat, room)
        part.begin(AT_MOST)
        return part

    def _opened(self, name: Any, secret: Any) -> tuple[str, str]:
        if secret is not None and not (isinstance(secret, str) and 0 < len(secret) <= 200):
            raise InputError("A room's secret is text of 1 to 200 characters, or None to make one.")
        public = isinstance(name, str) and is_public(name)
        called = name if public else named(name)
        if secret is None:
            secret = _secrets.get((self._connection.url, called))
        if secret is None and public:
            raise InputError(
                f"{name} is the public name of a room that this kernel doesn't lead: give its "
                "secret=, or lead('lesson') a room of your own."
            )
        secret = secret or secrets.token_urlsafe(18)
        return (called if public else public_name(called, secret)), secret


class Leading(Part):
    """A teacher's part in a room."""

    hears = "class"
    pace = 0.2

    def __init__(
        self,
        connection: Connection,
        seat: RoomInbox,
        room: str,
        secret: str,
        fingerprint: str,
        looks: Looks,
    ) -> None:
        super().__init__(connection, seat, room)
        self._secret, self._fingerprint, self._looks = secret, fingerprint, looks
        self._ticket = ""

    def say(self, news: Mapping[str, Any]) -> None:
        """Show the class what is looked at now."""
        self._looks = news["view"]
        super().say(news)

    def _enter(self, patience: float) -> None:
        said = {"secret": self._secret, "fingerprint": self._fingerprint, "view": self._looks}
        self._ticket = self._post("lead", said, patience)["ticket"]

    def _leave(self) -> None:
        self._post("end", self._who())

    def _post_news(self, news: Mapping[str, Any] | None) -> None:
        try:
            self._post("view", {**self._who(), "view": news and news["view"]})
        except InputError as error:  # as of an occluder of more boxes than a room bears
            self._seat.tell(text=f"What you look at now can't be shown to the class: {error}")
        else:
            if news is not None:
                self._seat.tell(text="")

    def _who(self) -> dict[str, str]:
        return {"ticket": self._ticket}

    def _heard(self, told: dict[str, Any]) -> None:
        looking = [list(item) for item in told["looking"][:MOST_LAYERS]]
        counts = {name: told[name] for name in ("followers", "wander")}
        self._seat.tell(state="on", looking=looking, **counts)

    def _gone(self) -> bool:
        return False  # who was silent for too long opens the room again


class Following(Part):
    """A student's part in a room."""

    hears = "shown"

    def __init__(self, connection: Connection, seat: RoomInbox, room: str) -> None:
        super().__init__(connection, seat, room)
        self._member = secrets.token_hex(16)

    def begin(self, patience: float = 0.0) -> None:
        """Enter the room, waiting for the server; then go on in the background."""
        super().begin(patience)
        self._replace_other()

    def again(self) -> None:
        """Begin anew, after it ended."""
        super().again()
        self._replace_other()

    def _replace_other(self) -> None:
        """Be the one widget of this kernel that follows: a student is counted once.

        A cell that is run again makes another widget, and nothing tells the one before that
        nobody sees it any more.
        """
        key = self._connection.url, self.room
        other = _followers.get(key)
        _followers[key] = self
        if other is not None and other is not self:
            other.give_way()

    def give_way(self) -> None:
        """Leave the room to another widget of this kernel; `again` takes it back."""
        self._leaving = True
        with self._turn:
            self._running += 1
            stream = self._stream
            self._turn.notify_all()
        if stream is not None:
            stream.close()
        self._seat.tell(state="replaced")

    def _enter(self, patience: float) -> None:
        self._post("join", self._who(), patience)

    def _leave(self) -> None:
        self._post("part", self._who())

    def _post_news(self, news: Mapping[str, Any] | None) -> None:
        where = news or self._last or {"layer": None, "wanders": False}
        self._post("look", {**self._who(), **where})

    def _who(self) -> dict[str, str]:
        return {"member": self._member}

    def _heard(self, told: dict[str, Any]) -> None:
        self._seat.tell(shown=told)

    def _gone(self) -> bool:
        """There is none, unless the server was gone and its teacher isn't back yet."""
        if self._lost is None or time.monotonic() - self._lost > PATIENCE:
            return True
        self._seat.tell(state="silent")
        return False
