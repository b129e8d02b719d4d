"""Shared base of a teacher's and a student's connection to a room: two threads, as both wait.

One hears the newest of a stream, one posts the newest of what is to be said. When the server is
gone they say so and go on by themselves once it is back.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Mapping
from concurrent.futures import CancelledError as FutureCancelled
from typing import Any, ClassVar
from urllib.parse import quote

from ... import threads
from ...errors import Cancelled, LedByAnother, NoSuchRoom, ServerBusy, ServerUnreachable, ZfError
from ...widgets.room import RoomInbox
from ..messages import frames
from ..messages.codec import decode
from ..rooms.state import PATH
from .connection import Connection
from .streaming import Stream

BEAT = 4.0
"""Seconds after which each side says that it is still there."""
SPACING = 0.05
"""Seconds between two things said, at least: a dragged occluder moves more often."""
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 2.0


class Part:
    """What leading and following have in common; the widget's side is `widgets.room.Part`."""

    hears: ClassVar[str]
    """Name of the stream that it listens to."""
    pace: ClassVar[float] = 0.0
    """Seconds between two pieces of news, at least."""

    def __init__(self, connection: Connection, seat: RoomInbox, room: str) -> None:
        self.room = room
        self._connection, self._seat = connection, seat
        self._turn = threading.Condition()
        self._unsaid: Mapping[str, Any] | None = None
        self._last: Mapping[str, Any] | None = None
        self._begun = self._over = self._leaving = False
        self._running = 0
        """The number of those whose threads run; those of an older one end."""
        self._stream: Stream | None = None
        self._lost: float | None = None

    # ------------------------------------------------------------------ what the widget calls

    def begin(self, patience: float = 0.0) -> None:
        """Enter the room, waiting for the server; then go on in the background."""
        self._enter(patience)
        self._begun = True
        self._start()

    def say(self, news: Mapping[str, Any]) -> None:
        """Tell the others; of what isn't told yet only the newest counts."""
        with self._turn:
            if news != self._last or self._unsaid is not None:
                self._unsaid = self._last = news
                self._turn.notify_all()

    def again(self) -> None:
        """Begin anew, after it ended."""
        self._begun, self._leaving, self._lost = False, False, None
        self._start()

    def end(self) -> None:
        """Leave the room; doesn't wait."""
        self._leaving = True
        self._stop()

    # ------------------------------------------------------------------ what differs

    def _enter(self, patience: float) -> None:
        """Come into the room; raises `RoomError` where that isn't possible."""
        raise NotImplementedError

    def _leave(self) -> None:
        """Tell the server that this part has ended."""
        raise NotImplementedError

    def _post_news(self, news: Mapping[str, Any] | None) -> None:
        """Say what is new, or that there is nothing new."""
        raise NotImplementedError

    def _who(self) -> dict[str, str]:
        """Who this is to the server."""
        raise NotImplementedError

    def _heard(self, told: dict[str, Any]) -> None:
        """Tell the widget what was heard."""
        raise NotImplementedError

    def _gone(self) -> bool:
        """Whether to give up, as there is no such room (any more)."""
        raise NotImplementedError

    # ------------------------------------------------------------------ threads

    def _start(self) -> None:
        with self._turn:
            self._running += 1
            number = self._running
        threads.start(lambda: self._listen(number), "room-hears", self._stop)
        threads.start(lambda: self._speak(number), "room-says", self._stop)

    def _stop(self) -> None:
        with self._turn:
            self._over = True
            stream = self._stream
            self._turn.notify_all()
        if stream is not None:
            stream.close()

    def _runs(self, number: int) -> bool:
        return not self._over and number == self._running and not threads.ending()

    def _rest(self, number: int, seconds: float) -> None:
        with self._turn:
            self._turn.wait_for(lambda: not self._runs(number), seconds)

    def _listen(self, number: int) -> None:
        """Hear what is new, until it ends."""
        pause = FIRST_PAUSE
        try:
            while self._runs(number):
                try:
                    self._hear_all(number)
                except (ServerUnreachable, Cancelled):
                    if not self._runs(number):
                        return
                    self._lost = self._lost or time.monotonic()
                    self._seat.tell(state="unreachable")
                except NoSuchRoom:
                    if self._begun:  # or who was silent for too long: ask once more
                        self._begun = False
                        continue
                    if self._gone():
                        self._seat.tell(state="ended")
                        return
                except LedByAnother:
                    self._seat.tell(state="taken")
                    return
                except ServerBusy as error:
                    pause = max(pause, error.seconds)
                else:
                    pause = FIRST_PAUSE
                    continue
                self._rest(number, pause)
                pause = min(2 * pause, LONGEST_PAUSE)
        except ZfError as error:  # a room that is full, a token that isn't good any more
            self._seat.tell(state="ended", text=str(error))
        finally:
            with self._turn:
                if number == self._running:
                    self._running += 1  # who speaks ends, too
                self._turn.notify_all()

    def _hear_all(self, number: int) -> None:
        if not self._begun:
            self._enter(0.0)
            with self._turn:
                self._begun = True
                self._turn.notify_all()
            self._keep(self._last)
        stream = self._connection.stream(self._path(self.hears), self._who())
        with self._turn:
            self._stream = stream
        try:
            while self._runs(number):
                kind, content = stream.take(frames.BEAT)
                if kind == frames.STEP and self._runs(number):
                    self._lost = None
                    self._heard(decode(content))
                    self._rest(number, self.pace)
                elif kind in frames.LAST:
                    return
        finally:
            stream.close()

    def _speak(self, number: int) -> None:
        """Say what is new, and now and then that somebody is there."""
        while True:
            with self._turn:
                self._turn.wait_for(
                    lambda: self._unsaid is not None or not self._runs(number), BEAT
                )
                if not self._runs(number):
                    break
                news, self._unsaid = self._unsaid, None
            rest = SPACING
            try:
                if self._begun:
                    self._post_news(news)
                    news = None
                else:
                    rest = LONGEST_PAUSE / 4
            except ServerBusy as error:
                rest = error.seconds
            except ServerUnreachable:
                rest = LONGEST_PAUSE
            except ZfError:
                rest = LONGEST_PAUSE / 4  # who hears is told the same, and what it means
            self._keep(news)
            self._rest(number, rest)
        if self._leaving and self._begun and not threads.ending():
            with contextlib.suppress(ZfError, RuntimeError):  # the server finds out by itself
                self._leave()

    def _keep(self, news: Mapping[str, Any] | None) -> None:
        """Say it later, unless there is something newer by then."""
        with self._turn:
            self._unsaid = self._unsaid or news

    def _post(self, what: str, value: Mapping[str, Any], patience: float = 0.0) -> Any:
        try:
            return self._connection.post(self._path(what), dict(value), patience=patience)
        except (FutureCancelled, RuntimeError) as error:
            if isinstance(error, ZfError):
                raise
            raise ServerUnreachable("The connection was closed.") from error

    def _path(self, what: str) -> str:
        return f"{PATH}/{quote(self.room, safe='')}/{what}"
