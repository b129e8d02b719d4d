"""Who is connected, and how much each may ask: no client can starve the others."""

from __future__ import annotations

import re
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from ...errors import MalformedMessage, ServerBusy
from ...records import MOST_OWN_BYTES, OwnPhoto

SHORT = 60.0
"""Seconds of silence after which a client without photos makes room for others."""
_ID = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True)
class Limits:
    """How much a server takes.

    Attributes
    ----------
    clients
        Kernels that are connected at once.
    in_flight
        Questions of one client that wait or run.
    rate, burst
        Requests a second of one client over a long time, and at once.
    body, photo
        Bytes of a question, and of a photo that is added.
    photos
        Photos of his own that are kept for one client: of more the oldest is forgotten.
    idle
        Seconds of silence after which a client counts as gone, and his photos are forgotten.
    receiving, receiving_photo
        Seconds within which a request must have come, and one with a photo.
    sending
        Seconds after which a client that takes nothing of what is sent is dropped.
    connections
        Connections at once.
    """

    clients: int = 200
    in_flight: int = 24
    rate: float = 120.0
    burst: float = 480.0
    body: int = 1 << 20
    photo: int = MOST_OWN_BYTES + 4096
    photos: int = 4
    idle: float = 1800.0
    receiving: float = 20.0
    receiving_photo: float = 60.0
    sending: float = 20.0
    connections: int = 1000


@dataclass(eq=False)
class Client:
    """One kernel that is connected."""

    id: str
    seen: float
    tokens: float
    photos: dict[int, OwnPhoto] = field(default_factory=dict)
    sending: bool = False
    """Whether a photo is on its way."""
    slots: dict[str, object] = field(default_factory=dict)


class Clients:
    """The clients of a server; used on its event loop alone.

    Parameters
    ----------
    limits
        How many there may be, and what each may ask.
    gone
        Called with a client that is gone.
    clock
        Gives seconds.
    """

    def __init__(
        self,
        limits: Limits,
        gone: Callable[[Client], object],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.limits = limits
        self._gone, self._clock = gone, clock
        self._known: OrderedDict[str, Client] = OrderedDict()

    def __len__(self) -> int:
        return len(self._known)

    @property
    def in_flight(self) -> int:
        """Questions of all clients that wait or run."""
        return sum(len(client.slots) for client in self._known.values())

    def find(self, name: str) -> Client:
        """The client of a secret number, who has now asked once more.

        Raises
        ------
        MalformedMessage
            It is no such number.
        ServerBusy
            There are too many clients, or this one asks too quickly.
        """
        if not _ID.fullmatch(name):
            raise MalformedMessage("A request must name its client: 32 hexadecimal digits.")
        now, limits = self._clock(), self.limits
        self.sweep()
        client = self._known.get(name)
        if client is None:
            if len(self._known) >= limits.clients:
                raise ServerBusy(
                    f"The server has {limits.clients} clients, as many as it takes: ask again "
                    "when others have left, or have it started with a larger --clients.",
                    5.0,
                )
            client = self._known[name] = Client(name, now, limits.burst)
        client.tokens = min(limits.burst, client.tokens + (now - client.seen) * limits.rate)
        client.seen = now
        self._known.move_to_end(name)
        if client.tokens < 1:
            raise ServerBusy(
                f"This kernel asks more than {limits.rate:g} questions a second.",
                (1 - client.tokens) / limits.rate,
            )
        client.tokens -= 1
        return client

    def begin(self, client: Client, slot: str, what: object) -> None:
        """Count a question as under way; a newer one in the same slot takes its place."""
        if slot not in client.slots and len(client.slots) >= self.limits.in_flight:
            raise ServerBusy(
                f"{self.limits.in_flight} questions of this kernel wait for an answer: no more "
                "are taken until one is there.",
                0.2,
            )
        client.slots[slot] = what

    def leave(self, name: str) -> None:
        """Forget a client, who says goodbye."""
        client = self._known.pop(name, None)
        if client is not None:
            self._gone(client)

    def sweep(self) -> None:
        """Forget those who were silent for too long, and wait for nothing.

        Where there are as many as there may be, who has no photos here makes room sooner: he loses
        nothing by it.
        """
        now, idle = self._clock(), self.limits.idle
        full = len(self._known) >= self.limits.clients
        for client in [*self._known.values()]:  # the longest silent first
            silent = now - client.seen
            if silent < min(idle, SHORT):
                break
            if not client.slots and (silent >= idle or (full and not client.photos)):
                self.leave(client.id)
