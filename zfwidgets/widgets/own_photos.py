"""Photos of the user's own on their way from the page to the engine.

A photo comes in parts, a message each: Jupyter's server ends a connection that sends more than 10
MiB in one. What has come is held here until the last part is there, and never on disk.
"""

from __future__ import annotations

import uuid
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..engine.protocol import EngineProtocol
from ..errors import InputError
from ..records import MOST_OWN_BYTES
from .wire import validation
from .wire.jobs import Listener, Op
from .wire.jobs.steps import Steps
from .wire.photos import no_own
from .wire.schema import PART_BYTES
from .wire.service import Service

URGENCY = 0
"""Somebody waits for it."""
UNDER_WAY = 3
"""Photos of one widget that haven't come whole: of more the oldest is let go.

So many may wait to be decoded, too: a page sends one after the other."""
MOST_PARTS = -(-MOST_OWN_BYTES // PART_BYTES)


@dataclass
class _Coming:
    """A photo of which some parts have come."""

    parts: list[bytes] = field(default_factory=list)


class PhotoUploads:
    """Puts the photos together that a widget's pages send.

    Parameters
    ----------
    service
        Service of the engine that takes them up.
    owner
        Owner of the jobs.
    """

    def __init__(self, service: Service, owner: str) -> None:
        self._service, self._owner = service, owner
        self._coming: OrderedDict[tuple[str, str], _Coming] = OrderedDict()
        self._waiting = 0

    def heed(self, message: Mapping[str, Any], buffers: Sequence[Any], listener: Listener) -> None:
        """Take a part of a photo, or forget one; the listener is told what is wrong with it."""
        try:
            if why := no_own(self._service.engine):
                raise InputError(why)
            if message["op"] == "add":
                self._take(message, buffers, listener)
            else:
                self._remove(message, listener)
        except InputError as error:
            listener("error", error)

    def _take(self, message: Mapping[str, Any], buffers: Sequence[Any], listener: Listener) -> None:
        """Take a part; the last one has the photo decoded, on the worker."""
        view, slot = message["view"], message["slot"]
        engine = self._service.engine
        name = message.get("name")
        if not isinstance(name, str):
            raise InputError(f"A photo's name must be text, not {name!r:.100}.")
        parts = validation.integer("parts", message.get("parts"), 1, MOST_PARTS)
        part = validation.integer("part", message.get("part"), 0, parts - 1)
        data = bytes(buffers[0]) if len(buffers) == 1 else b""
        if not 0 < len(data) <= PART_BYTES:
            raise InputError(
                f"A part of a photo has 1 to {PART_BYTES} bytes in one buffer, not {len(data)}."
            )
        coming = self._coming.setdefault((view, slot), _Coming())
        if part != len(coming.parts):
            del self._coming[view, slot]
            raise InputError(f"{name:.100} came incomplete: add it again.")
        coming.parts.append(data)
        while len(self._coming) > UNDER_WAY:
            self._coming.popitem(last=False)
        if part < parts - 1:
            return
        del self._coming[view, slot]
        if self._waiting >= UNDER_WAY:
            raise InputError(f"{name:.100} came before others were read: add it again.")
        file = b"".join(coming.parts)
        self._submit(view, slot, listener, lambda: self._add(engine, file, name))

    def _remove(self, message: Mapping[str, Any], listener: Listener) -> None:
        """Have the engine forget a photo, on the worker."""
        engine: Any = self._service.engine
        image = validation.integer("photo", message.get("image"), 0, 1 << 53)

        def steps() -> Steps:
            yield from ()
            engine.remove_photo(image)
            return self._service.source.photos.answer()

        self._submit(message["view"], message["slot"], listener, steps)

    def _add(self, engine: Any, file: bytes, name: str) -> Steps:
        yield from ()
        return self._service.source.photos.answer(engine.add_photo(file, name))

    def _submit(self, view: str, slot: str, listener: Listener, make: Any) -> None:
        self._waiting += 1

        def tell(op: Op, value: Any) -> None:
            if op in ("reply", "error", "superseded"):
                self._waiting -= 1
            listener(op, value)

        self._service.jobs.submit(
            self._owner, view, slot, uuid.uuid4().hex, make, tell, priority=URGENCY
        )


def show(engine: EngineProtocol, photo: Any, name: str | None) -> int:
    """The number of a photo to be shown: one of the engine's, or one that is added to it."""
    if isinstance(photo, int) and not isinstance(photo, bool):
        return validation.image_index(engine, photo)
    if isinstance(photo, str) and photo in engine.info.images:
        return engine.info.images.index(photo)
    if why := no_own(engine):
        raise InputError(why)
    number: int = engine.add_photo(photo, name)  # type: ignore[attr-defined]
    return number
