"""How much a server's rooms bear, and how much is said in them."""

from __future__ import annotations

from dataclasses import dataclass

from ...errors import ServerBusy


@dataclass(frozen=True)
class Limits:
    """What a server bears.

    Attributes
    ----------
    rooms
        Rooms that are led at one time.
    members
        Students in one room.
    widgets
        Widgets of one kernel that follow a room.
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
    widgets: int = 8
    view_bytes: int = 2048
    layers: int = 1000
    updates: float = 25.0
    looks: float = 10.0
    leads: float = 5.0
    silent: float = 10.0
    gone: float = 40.0
    grace: float = 8.0


class Bucket:
    """So many a second in the long run, and as many as two seconds' at once."""

    def __init__(self, rate: float, now: float) -> None:
        self._rate, self._left, self._at = rate, 2 * rate, now

    def take(self, now: float) -> None:
        """Let one more pass, or raise `ServerBusy`."""
        self._left = min(2 * self._rate, self._left + (now - self._at) * self._rate)
        self._at = now
        if self._left < 1:
            raise ServerBusy(
                "Too much was said in this room at once.", (1 - self._left) / self._rate
            )
        self._left -= 1
