"""Photos of clients' own: decoded apart, in memory alone, seen by their client alone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from ...engine.protocol import EngineProtocol
from ...errors import InputError, MalformedMessage, ServerBusy
from ...images.pixels.apart import decode_apart
from ...records import MOST_OWN_BYTES, OwnPhoto
from ...widgets.wire.jobs.steps import Steps
from ...widgets.wire.photos import no_own
from ..messages.methods import word
from .clients import Client, Limits
from .work import Work

VIEW = "photos"
AT_ONCE = 8
"""Photos that are received at once."""


class Photos:
    """Takes photos up and forgets them.

    Parameters
    ----------
    engine
        Which numbers and transforms them.
    work
        The thread on which it does.
    limits
        How many there may be of a client.
    """

    def __init__(self, engine: EngineProtocol, work: Work, limits: Limits) -> None:
        self._engine: Any = engine
        self._work, self._limits = work, limits
        self._decoding, self._coming = asyncio.Semaphore(1), asyncio.Semaphore(AT_ONCE)
        self.count = 0

    @asynccontextmanager
    async def coming(self, client: Client) -> AsyncIterator[None]:
        """While a photo comes: one of each client, and a few of all, as each may be large."""
        if client.sending:
            raise ServerBusy("A photo of this kernel is on its way: one comes after the other.")
        client.sending = True
        try:
            async with self._coming:
                yield
        finally:
            client.sending = False

    async def heed(self, client: Client, asked: Any) -> dict[str, Any]:
        """Add a photo, ``{name, file}``, or remove one, ``{image}``: those that are there now."""
        if why := no_own(self._engine):
            raise InputError(why)
        added: int | None = None
        if isinstance(asked, dict) and set(asked) == {"name", "file"}:
            added = await self._add(client, asked["name"], asked["file"])
        elif isinstance(asked, dict) and set(asked) == {"image"}:
            await self._remove(client, asked["image"])
        else:
            raise MalformedMessage("A photo is {name, file}, one to be removed {image}.")
        return {"added": added, "own": tuple(reversed(client.photos.values()))}

    async def _add(self, client: Client, name: Any, file: Any) -> int:
        called = word("a photo's name", name or "your photo")
        if not isinstance(file, bytes) or len(file) > MOST_OWN_BYTES:
            raise MalformedMessage(f"A photo is a file of at most {MOST_OWN_BYTES:,} bytes.")
        async with self._decoding:  # one after the other: each may take much memory
            picture, notes = await decode_apart(file, called)
            number = int(
                await self._compute(client, lambda: self._engine.add_photo(picture, called))
            )
        client.photos[number] = OwnPhoto(number, called, notes)
        self.count += 1
        while len(client.photos) > self._limits.photos:
            await self._remove(client, next(iter(client.photos)))
        return number

    async def _remove(self, client: Client, image: Any) -> None:
        if client.photos.pop(image if isinstance(image, int) else -1, None) is None:
            raise InputError(
                f"You have no photo {image!r:.40}: {', '.join(map(str, client.photos)) or 'none'}."
            )
        self.count -= 1
        await self._compute(client, lambda: self._drop(image))

    def _drop(self, image: int) -> None:
        # Images of the set stay what they were, and with them the answers that are kept.
        self._work.unchanged(lambda: self._engine.remove_photo(image))

    def forget(self, client: Client) -> None:
        """Forget all photos of a client who is gone."""
        images, client.photos = [*client.photos], {}
        self.count -= len(images)
        if not images:
            return

        def steps() -> Steps:
            for image in images:
                self._drop(image)
                yield None

        self._work.jobs.submit(object(), VIEW, "", object(), steps, lambda *_: None, priority=0)

    async def _compute(self, client: Client, what: Any) -> Any:
        """Run something on the computing thread, in the client's turn."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[Any] = loop.create_future()

        def tell(op: str, value: Any) -> None:
            if op in ("reply", "error", "superseded"):
                loop.call_soon_threadsafe(_settle, done, op, value)

        def steps() -> Steps:
            yield from ()
            return what()

        self._work.jobs.submit(client.id, VIEW, str(id(done)), object(), steps, tell, priority=0)
        return await done


def _settle(done: asyncio.Future[Any], op: str, value: Any) -> None:
    if done.done():
        return
    if op == "reply":
        done.set_result(value)
    else:
        done.set_exception(value if op == "error" else InputError("The photo's client is gone."))
