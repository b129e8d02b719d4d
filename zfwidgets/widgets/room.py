"""A widget in a classroom's room: a teacher's, which leads, or a student's, which follows.

What goes between them is what is chosen and how it is shown, a few hundred bytes, never pixels.
Who carries it comes from the engine (``engine.rooms``); this is what it means for the widget.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import traitlets

from ..bars import waiting
from ..engine.protocol import EngineProtocol
from ..errors import InputError, ZfError
from .base import EngineWidget
from .selection import FIELDS, SCHEMA, reject_unknown

SHARED = ("patches", "values", "scale", "whole", "stride", "overlay")
"""Options that say what there is to see. The others are how somebody likes to see it: a student's
own colours aren't the teacher's business."""
OPS = ("wander", "return", "leave")
"""What the page's buttons ask for."""
ENDED = ("ended", "taken", "replaced")
"""States from which only `InRoom.rejoin` leads on."""

Looks = dict[str, Any]
"""What a widget looks at, as JSON: the selection, the shared options, whether the photo is left
out as one of the user's own."""


class Part(Protocol):
    """A leader's or a follower's part in a room, as an engine with a connection gives it."""

    room: str

    def say(self, news: Mapping[str, Any]) -> None:
        """Tell the others; of what isn't told yet only the newest counts."""

    def again(self) -> None:
        """Begin anew, after it ended."""

    def end(self) -> None:
        """Leave the room, and tell the widget nothing any more; doesn't wait."""


class RoomInbox:
    """Where a part in a room tells its widget what is new, from any thread; kept until it is open.

    Parameters
    ----------
    heed
        What the widget does with news.
    hand_back
        The way to the kernel's main thread, where that is done.
    """

    def __init__(
        self,
        heed: Callable[[RoomInbox, dict[str, Any]], None],
        hand_back: Callable[[Callable[[], None]], None],
    ) -> None:
        self._heed, self._hand_back = heed, hand_back
        self._lock = threading.Lock()
        self._news: dict[str, Any] = {}
        self._open = False

    def open(self) -> None:
        """Let the widget hear, from what is known already on."""
        with self._lock:
            self._open = True
        self._deliver()

    def tell(self, **news: Any) -> None:
        """Tell what is new; of what the widget hasn't heard yet the newest replaces the older."""
        with self._lock:
            if self._news.get("state") in ENDED:
                return
            first = self._open and not self._news
            if "shown" in news:
                self._news.pop("state", None)  # it says how things are by now
            self._news |= news
        if first:
            self._hand_back(self._deliver)

    def _deliver(self) -> None:
        with self._lock:
            news, self._news = self._news, {}
        if news:
            self._heed(self, news)


class InRoom(EngineWidget):
    """A widget that can lead a room, or follow one."""

    room = traitlets.Dict(
        read_only=True,
        help="Part in a classroom's room, as the first line says it; {} in none. ``role`` is "
        "'leads' or 'follows', ``room`` the name that students type.",
    ).tag(sync=True)

    _seat: RoomInbox | None = None
    _part: Part | None = None
    _shown: Mapping[str, Any] | None = None
    _looked: Looks | None = None
    _applying = False

    def __init__(self, engine: EngineProtocol, **arguments: Any) -> None:
        # A kernel may take the page's messages on a thread beside the main one.
        self._turn = threading.RLock()
        super().__init__(engine, **arguments)

    # ------------------------------------------------------------------ what users call

    def lead(self, name: str = "lesson", secret: str | None = None) -> str:
        """Lead a class: whoever follows sees what is chosen here.

        Parameters
        ----------
        name
            Name of the room, such as "lesson"; a code is put behind it.
        secret
            Secret by which the room is led. None makes one, which this kernel keeps; give one to
            lead the same room after a restart or from elsewhere, whose students stay in it.

        Returns
        -------
        str
            The room's public name, for ``explorer.follow(...)``; the first line shows it too.

        Raises
        ------
        InputError
            The engine has no connection to others, or the name isn't possible.
        RoomError
            The server has as many rooms as it bears, or the secret isn't this room's.
        """
        rooms, seat = self._rooms("lead"), self._new_seat()
        with waiting("Opening a room on the server"):
            part: Part = rooms.lead(seat, name, secret, self._looks())
        self._take(seat, part, {"role": "leads", "followers": 0, "wander": 0, "looking": []})
        return part.room

    def follow(self, room: str) -> None:
        """Follow a teacher: what is chosen there is chosen here, until you look around yourself.

        Choosing anything yourself ends nothing: the first line has a button back to the teacher.

        Parameters
        ----------
        room
            Public name of the room, as the teacher's first line shows it.

        Raises
        ------
        InputError
            The engine has no connection to others, or this widget leads that room.
        RoomError
            Nobody leads such a room, or it is full.
        """
        rooms = self._rooms("follow")
        if self.room.get("role") == "leads" and self.room.get("room") == room:
            raise InputError(
                f"This widget leads {room}, and can't follow itself: follow with another one, or "
                "call stop_leading() first."
            )
        seat = self._new_seat()
        with waiting("Asking the server for the room"):
            part: Part = rooms.follow(seat, room)
        self._take(seat, part, {"role": "follows", "wanders": False, "own_photo": False})

    def unfollow(self) -> None:
        """Follow no longer; what is chosen stays as it is."""
        if self.room.get("role") == "follows":
            self._leave()

    def stop_leading(self) -> None:
        """End the room; those who follow are told, and keep what they see."""
        if self.room.get("role") == "leads":
            self._leave()

    def wander(self) -> None:
        """Look around yourself, as the first line's button does; the class goes on."""
        with self._turn:
            if self.room.get("role") == "follows" and not self.room["wanders"]:
                self._set(wanders=True)
                self._tell_where()

    def rejoin(self) -> None:
        """Go back to the teacher, as the first line's button does; or begin anew what has ended."""
        with self._turn:
            if self._part is None:
                return
            if self.room["state"] in ENDED:
                self._set(state="joining", **({"wanders": False} if "wanders" in self.room else {}))
                self._part.again()
            elif self.room.get("wanders"):
                self._set(wanders=False)
                self._apply()
                self._tell_where()

    def close(self) -> None:
        """Leave the room, stop what was asked for and remove the widget from the front end."""
        self._leave()
        super().close()

    # ------------------------------------------------------------------ its part

    def _rooms(self, what: str) -> Any:
        rooms = getattr(self.engine, "rooms", None)
        if rooms is None:
            raise InputError(
                f"{type(self).__name__}.{what}() needs an engine that teacher and students share: "
                "engine = zf.connect('http://server:port', token=...), where somebody runs "
                f"`zfwidgets serve`; this one ({type(self.engine).__name__}) is of this kernel "
                "alone."
            )
        return rooms

    def _new_seat(self) -> RoomInbox:
        return RoomInbox(self._heed, self._service.hand_back)

    def _take(self, seat: RoomInbox, part: Part, first: dict[str, Any]) -> None:
        with self._turn:
            self._leave()
            self._seat, self._part, self._looked = seat, part, self._looks()
            self.set_trait("room", {"room": part.room, "state": "on", "text": "", **first})
            seat.open()
            self._moved()

    def _leave(self) -> None:
        with self._turn:
            part, self._part, self._seat, self._shown = self._part, None, None, None
            if part is not None:
                part.end()
                if self.comm is not None:
                    self.set_trait("room", {})

    def _set(self, **state: Any) -> None:
        self.set_trait("room", {**self.room, **state})

    def _post(self, message: dict[str, Any], buffers: Sequence[Any]) -> None:
        op = message.get("op")
        if message.get("zf") == 1 and op in OPS:
            {"wander": self.wander, "return": self.rejoin, "leave": self._leave}[str(op)]()
        else:
            super()._post(message, buffers)

    def _heed(self, seat: RoomInbox, news: dict[str, Any]) -> None:
        """Take what the room tells, on the main thread."""
        with self._turn:
            if seat is not self._seat or self.room["state"] in ENDED:
                return  # it was on its way when the room was left
            shown = news.pop("shown", None)
            if shown is not None:
                self._shown = shown
                self._apply()
            if news:
                self._set(**news)

    # ------------------------------------------------------------------ what is looked at

    def _looks(self) -> Looks:
        selection = {name: self.selection.state[name] for name in FIELDS}
        own = selection["photo"] >= len(self.engine.info.images)
        if own:
            del selection["photo"]
        options = {name: getattr(self, name) for name in SHARED}
        return {"selection": selection, "options": options, "own_photo": own}

    def _apply(self) -> None:
        """Choose what the teacher looks at, unless the student looks around."""
        if self._shown is None or self.room.get("role") != "follows":
            return
        if self._shown["fingerprint"] != self.fingerprint:
            self._set(state="another network")
            return
        view = self._shown["view"]
        own = bool(view.get("own_photo"))
        # First: the page's own ideas, as of a photo for a new channel, wait while it follows.
        self._set(state="silent" if self._shown["silent"] else "on", own_photo=own, text="")
        if self.room["wanders"]:
            return
        self._applying = True
        try:
            reject_unknown("A teacher's view", view["options"], SHARED)
            self.state = {"schema": SCHEMA, **view["selection"], "view": view["options"]}
        except (ZfError, traitlets.TraitError) as error:
            self._set(state="refused", text=str(error))
        else:
            # What is said to follow does: a click, or a callback, may have come between.
            now = self._looks()["selection"]
            if any(now.get(name) != value for name, value in view["selection"].items()):
                self._set(wanders=True)
        finally:
            self._applying = False
        self._looked = self._looks()
        self._tell_where()

    def _restyled(self, _change: Any = None) -> None:
        super()._restyled(_change)
        self._moved()

    def _moved(self) -> None:
        """Tell of what was chosen here: a leader's class, or that a student looks around."""
        with self._turn:
            if self._part is None or self._applying:
                return
            looks = self._looks()
            if self.room["role"] == "leads":
                self._part.say({"view": looks})
            elif looks != self._looked:
                self._looked = looks
                # With another network there is nothing to wander from.
                self._set(wanders=self.room["wanders"] or self.room["state"] != "another network")
                self._tell_where()

    def _tell_where(self) -> None:
        if self._part is not None:
            layer = self.selection.unit and self.selection.unit[0]
            self._part.say({"layer": layer, "wanders": self.room["wanders"]})
