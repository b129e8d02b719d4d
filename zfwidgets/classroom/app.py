"""The server: an ASGI app that answers for one engine.

Everything here runs on the event loop's thread and is quick; what takes time is computed on the
one thread of `work`. Others add their own routes with `Server.route`.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route

from .. import __version__
from ..engine.protocol import EngineProtocol
from ..errors import InputError, MalformedMessage, OtherEngine, WrongToken, ZfError
from ..records import Progress
from ..widgets.wire.jobs.steps import Shared
from ..widgets.wire.source import Source
from ..widgets.wire.validation import takes_own
from .hub import HubRights
from .messages import frames
from .messages.codec import SCHEMA, decode, encode
from .messages.methods import METHODS, OF_INDEX, Asker, Method, is_private, word
from .messages.peers import is_loopback, wrong_version
from .rights import Rights, Role, need_teacher
from .rooms.state import Rooms
from .working.answers import Answers, question
from .working.clients import Client, Clients, Limits
from .working.metrics import Metrics
from .working.outlets import ASKING, Outlet, Streamed
from .working.photos import Photos
from .working.work import Question, RemoteCompute, Work

Endpoint = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True)
class Caller:
    """Who makes a request."""

    client: Client
    role: Role


class Server:
    """Answers for one engine to many clients.

    Parameters
    ----------
    engine
        The engine whose answers are given. From now on nobody else is to compute on it.
    rights
        Who may ask.
    limits
        How much each may ask.
    answers
        Where answers are kept.
    elsewhere
        Other processes that hold the same engine, and compute what they take.
    path
        What all addresses begin with, where a proxy leaves that in.
    """

    def __init__(
        self,
        engine: EngineProtocol,
        rights: Rights | HubRights | None = None,
        limits: Limits | None = None,
        answers: Answers | None = None,
        elsewhere: RemoteCompute | None = None,
        path: str = "",
    ) -> None:
        self.engine = engine
        self.elsewhere, self.path = elsewhere, path
        self.rights, self.limits = rights or Rights(), limits or Limits()
        self.fingerprint = engine.info.fingerprint
        self.work = Work(answers or Answers(), lambda: int(getattr(engine, "generation", 0)))
        make = getattr(engine, "make_source", None)
        # What it makes is kept by `work`: as bytes, and for all.
        self.source: Source = Source(engine, answers=1 << 20) if make is None else make()
        self.clients = Clients(self.limits, self._gone)
        self.photos = Photos(engine, self.work, self.limits)
        self.rooms = Rooms()
        self.at_end: list[Callable[[], object]] = []
        """Called on the event loop when the server is told to stop, before it waits for streams."""
        self.metrics = Metrics()
        self.began = time.time()
        self._catalogue: tuple[str, bytes] = ("", b"")
        self._observe()

    def _observe(self) -> None:
        watch, work = self.metrics.watch, self.work
        watch("clients", "Kernels that are connected.", lambda: len(self.clients))
        watch("in_flight", "Questions that wait or run.", lambda: self.clients.in_flight)
        watch("computed", "Answers that were computed.", lambda: work.computed)
        watch("preparing", "1 while answers are computed ahead.", lambda: work.preparing)
        watch("prepared", "Answers that were computed ahead.", lambda: work.prepared)
        watch("kept_bytes", "Bytes of answers in memory.", lambda: work.answers.memory.bytes)
        watch("disk_bytes", "Bytes of answers on disk.", lambda: work.answers.on_disk)
        watch("photos", "Photos of clients' own.", lambda: self.photos.count)

    # ------------------------------------------------------------------ who asks

    def identify(self, request: Request) -> Caller:
        """Who makes a request, and that both sides speak alike and of the same engine.

        Raises
        ------
        WrongToken, WrongVersion, OtherEngine, ServerBusy, MalformedMessage
            Saying what to do.
        """
        role = self.permit(request)
        headers = request.headers
        if headers.get(frames.SCHEMA_HEADER, "") != SCHEMA:
            agent = headers.get("user-agent", "").partition("/")[2]
            raise wrong_version(__version__, agent[:20] or "of another kind")
        engine = headers.get(frames.ENGINE)
        if engine is not None and engine != self.fingerprint:
            raise OtherEngine(
                f"The server now answers for {self.engine.info.model} with other weights, "
                "transform or images than when you connected. Run the cell with zf.connect again, "
                "and make the widgets anew."
            )
        return Caller(self.clients.find(headers.get(frames.CLIENT, "")), role)

    def permit(self, request: Request) -> Role:
        """What the request's token gives the right to be."""
        if self.rights.open and not is_loopback(request.url.hostname or ""):
            raise WrongToken(
                "This server has no token and answers this machine alone, by its own names "
                "(127.0.0.1, localhost)."
            )
        return self.rights.role(request.headers.get("authorization", ""))

    async def body(
        self, request: Request, most: int | None = None, seconds: float | None = None
    ) -> bytes:
        """A request's content, if it comes soon and isn't too large."""
        most = self.limits.body if most is None else most
        seconds = self.limits.receiving if seconds is None else seconds

        async def read() -> bytes:
            content = bytearray()
            async for part in request.stream():
                content += part
                if len(content) > most:
                    raise MalformedMessage(f"A request may have {most:,} bytes; this has more.")
            return bytes(content)

        try:
            return await asyncio.wait_for(read(), seconds)
        except asyncio.TimeoutError:
            raise MalformedMessage(
                f"A request must have come whole within {seconds:g} seconds."
            ) from None

    async def value(
        self, request: Request, most: int | None = None, seconds: float | None = None
    ) -> Any:
        """A request's content as a value."""
        content = await self.body(request, most, seconds)
        return decode(content, max(len(content), 4 * self.limits.body))

    def reply(self, value: Any = None) -> Response:
        """A value as an answer."""
        return Response(encode(value), headers=self.headers, media_type=frames.CONTENT)

    @property
    def headers(self) -> dict[str, str]:
        """What every answer says."""
        return {
            frames.GENERATION: self.generation,
            "cache-control": "no-store",
            "x-accel-buffering": "no",
        }

    @property
    def generation(self) -> str:
        """Another word whenever `hello` tells another."""
        images = getattr(self.engine, "generation", 0)
        return f"{self.fingerprint[:16]}-{images}-{int(self.engine.indexed)}"

    def route(self, path: str, endpoint: Endpoint, methods: Sequence[str] = ("POST",)) -> Route:
        """A route whose errors are told as ours are."""

        async def answer(request: Request) -> Response:
            try:
                await self.rights.learn(request.headers.get("authorization", ""))
                return await endpoint(request)
            except Exception as error:  # noqa: BLE001 -- who asks is told
                self.metrics.refused.labels(type(error).__name__).inc()
                if not isinstance(error, ZfError):
                    frames.log.exception("A request to %s failed", path)
                return Response(
                    frames.describe(error),
                    frames.status_of(error),
                    {"zf-error": "1", "connection": "close"},
                    "application/json",
                )

        return Route(path, answer, methods=[*methods])

    @property
    def routes(self) -> list[Route]:
        """All of them."""
        return [
            self.route(frames.HELLO, self._hello, ["GET"]),
            self.route(frames.ASK, self._ask),
            self.route(frames.CANCEL, self._cancel),
            self.route(frames.BYE, self._bye),
            self.route(frames.PHOTOS, self._photos),
            self.route(frames.HEALTH, self._health, ["GET"]),
            self.route(frames.METRICS, self._metrics, ["GET"]),
        ]

    # ------------------------------------------------------------------ the routes

    async def _hello(self, request: Request) -> Response:
        role = self.permit(request)
        generation = self.generation
        if self._catalogue[0] != generation:
            self._catalogue = generation, encode(self._tell(generation))
        told = decode(self._catalogue[1])
        return self.reply({**told, "role": role})

    def _tell(self, generation: str) -> dict[str, Any]:
        engine = self.engine
        return {
            "protocol": frames.PROTOCOL,
            "version": __version__,
            "schema": SCHEMA,
            "generation": generation,
            "info": engine.info,
            "layers": tuple(engine.layers),
            "rules": tuple(engine.rule(name) for name in engine.rules),
            "baselines": tuple(engine.baselines),
            "indexed": engine.indexed,
            "licences": tuple(getattr(engine, "licences", ())),
            "own": takes_own(engine),
            "photos": self.limits.photos,
            "engine": type(engine).__name__,
        }

    async def _ask(self, request: Request) -> Response:
        caller = self.identify(request)
        asked = await self.value(request)
        if not isinstance(asked, dict) or set(asked) != {"method", "arguments", "slot"}:
            raise MalformedMessage("A question is {method, arguments, slot}.")
        method = METHODS.get(asked["method"]) if isinstance(asked["method"], str) else None
        if method is None:
            raise InputError(f"A server answers no {asked['method']!r:.80}.")
        slot = word("slot", asked["slot"])
        client, images = caller.client, len(self.engine.info.images)
        checked = method.check(Asker(self.engine, [*client.photos]), asked["arguments"])
        keep = method.keeps(checked, images)
        key = question(method.name, checked)
        if method.name == "answer" and not self.engine.indexed:
            # What is known so far is told to each from the beginning.
            keep, key = False, key + slot.encode() + client.id.encode()
        elif is_private(checked, images):
            key += client.id.encode()
        if keep and (known := self.work.known(key)) is not None:
            self.metrics.questions.labels(method.name, "kept").inc()
            if slot in client.slots:
                self.work.jobs.cancel(client.id, ASKING, slot)
            return Response(
                frames.frame(frames.RESULT, known), headers=self.headers, media_type=frames.CONTENT
            )
        outlet = Outlet(self.work, self.metrics, client, slot, method)
        self.clients.begin(client, slot, outlet)
        self.work.jobs.submit(
            client.id,
            ASKING,
            slot,
            outlet,
            lambda: self.work.steps(key, self.make(method, checked), keep),
            outlet.listen,
            priority=self._priority(method, checked),
        )
        return Streamed(outlet, self.headers)

    @staticmethod
    def _priority(method: Method, checked: Mapping[str, Any]) -> int:
        kind = checked.get("kind")
        return {"predict": 0, "respond": 0, "projections": 2, "sheet": 3, "occlusion": 4}.get(
            str(kind), method.priority
        )

    def make(self, method: Method, checked: Mapping[str, Any]) -> Callable[[], Question]:
        """What makes the steps to an answer."""
        other, images = self.elsewhere, len(self.engine.info.images)
        if other is not None and not is_private(checked, images) and other.takes(method, checked):
            return lambda: other.steps(method, checked)
        if method.name == "answer":
            return lambda: self.source.answer(checked["kind"], checked["fields"], so_far=True)
        if method.name == "index_steps":
            return self._index

        def steps() -> Question:
            if method.name in OF_INDEX and not checked.get("so_far"):
                yield from self.source.building.wait()  # in steps, between which others go
            found = getattr(self.engine, method.name)(**checked)
            return (yield from found) if method.steps else found

        return steps

    def _index(self) -> Question:
        """The one pass over all images, however many wait for it."""
        for step in self.source.building.wait(follow=True):
            if isinstance(step, Shared):
                yield Progress(**{k: v for k, v in vars(step).items() if k != "paused"})

    async def _cancel(self, request: Request) -> Response:
        caller = self.identify(request)
        asked = await self.value(request)
        if not isinstance(asked, dict) or set(asked) != {"slot"}:
            raise MalformedMessage("What is given up is {slot}.")
        self.work.jobs.cancel(caller.client.id, ASKING, word("slot", asked["slot"]))
        return self.reply()

    async def _bye(self, request: Request) -> Response:
        caller = self.identify(request)
        self.clients.leave(caller.client.id)
        return self.reply()

    async def _photos(self, request: Request) -> Response:
        client, limits = self.identify(request).client, self.limits
        async with self.photos.coming(client):
            asked = await self.value(request, limits.photo, limits.receiving_photo)
            return self.reply(await self.photos.heed(client, asked))

    async def _health(self, request: Request) -> Response:
        found = {
            "ok": True,
            "indexed": self.engine.indexed,
            "clients": len(self.clients),
            "preparing": self.work.preparing,
            "prepared": self.work.prepared,
        }
        return Response(json.dumps(found), media_type="application/json")

    async def _metrics(self, request: Request) -> Response:
        need_teacher(self.permit(request))
        return Response(self.metrics.text(), media_type="text/plain; version=0.0.4")

    # ------------------------------------------------------------------ ends

    def _gone(self, client: Client) -> None:
        self.work.jobs.cancel(client.id)
        self.photos.forget(client)

    async def sweep(self) -> None:
        """Forget, from time to time, clients that are gone."""
        while True:
            await asyncio.sleep(min(60.0, self.limits.idle))
            self.clients.sweep()

    def close(self) -> None:
        """Stop the computing thread."""
        self.work.jobs.stop()


def make_app(
    server: Server, more: Callable[[Server], Sequence[BaseRoute]] | None = None
) -> Starlette:
    """The ASGI app of a server.

    Parameters
    ----------
    server
        The server that answers.
    more
        Gives further routes.
    """

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        sweeping = asyncio.ensure_future(server.sweep())
        try:
            yield
        finally:
            sweeping.cancel()
            server.close()

    routes: list[BaseRoute] = [*server.routes, *(more(server) if more else ())]
    if server.path:
        routes = [Mount(server.path, routes=routes)]
    app = Starlette(routes=routes, lifespan=lifespan)
    app.state.server = server
    return app
