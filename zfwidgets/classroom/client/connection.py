"""A client's connection: one thread that talks HTTP, and calls that any thread may make.

A server that can't be reached is asked again until it is back; meanwhile `Connection.note` says
so. Whoever gives an answer up says that in a small request of its own (`frames.CANCEL`), and what
still comes of it is read and dropped on the connection's thread: HTTP is never cancelled.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import threading
import time
import weakref
from collections.abc import Awaitable, Callable, Coroutine, Generator, Mapping
from typing import Any, TypeVar
from urllib.parse import urlsplit

import httpx

from ... import __version__, threads
from ...errors import (
    InputError,
    ServerBusy,
    ServerUnreachable,
    ZfError,
)
from ...stepwise import finish
from ..messages import frames
from ..messages.codec import SCHEMA, decode, encode
from ..messages.peers import wrong_version
from .streaming import GONE, GOODBYE, ConnectionThread, Stream

T = TypeVar("T")

PATIENCE = 30.0
"""Seconds for which a call asks again before it raises."""
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 2.0
"""Seconds between two attempts: twice as long each time."""
BEHIND_PROXY = (502, 503, 504)
"""What a proxy answers where its server is gone."""


class Connection(threads.OneOnly):
    """Talks with one server; safe to use from any thread.

    Parameters
    ----------
    url
        The server's address, ``http://host:port``, with whatever path a proxy puts before it.
    token
        What the server was given as ``--token`` or ``--teacher-token``; None on loopback.
    certificate
        File with the certificate of an authority that signed the server's, where the system
        doesn't know it.

    Attributes
    ----------
    url
        The address, without a slash at its end.
    note
        Why there are no answers at the moment; empty while there are.
    generation
        What the server's last answer said of it: another word whenever `hello` tells another.
    """

    def __init__(
        self, url: str, token: str | None = None, *, certificate: str | None = None
    ) -> None:
        self.url = _checked(url)
        self.note = ""
        self.generation = ""
        self._engine = ""
        self._client_id = secrets.token_hex(16)
        self._lock = threads.ProcessLock()
        headers = {frames.CLIENT: self._client_id, frames.SCHEMA_HEADER: SCHEMA,
                   "user-agent": f"zfwidgets/{__version__}"}  # fmt: skip
        if token is not None:
            headers["authorization"] = f"Bearer {_plain(token)}"
        self.thread = ConnectionThread(self.url, headers, certificate)
        self._finalizer = weakref.finalize(self, self.thread.stop)
        self._finalizer.atexit = False

    def __repr__(self) -> str:
        return f"<zfwidgets connection to {self.url}{': ' + self.note if self.note else ''}>"

    def close(self) -> None:
        """Say goodbye: the server forgets this client and his photos."""
        thread = self.thread.stop()
        if thread is not None and thread is not threading.current_thread():
            thread.join(2 * GOODBYE)

    def belong_to(self, fingerprint: str) -> None:
        """Let answers be refused that aren't of this engine."""
        self._engine = fingerprint

    # ------------------------------------------------------------------ asking

    def hello(self, patience: float = 0.0) -> dict[str, Any]:
        """What the server is, and its engine: checked that both sides speak alike.

        Raises
        ------
        ServerUnreachable
            Nobody answers there.
        WrongToken
            The server doesn't know the token.
        WrongVersion
            It has other records than this side.
        InputError
            What answers there isn't a server of ours.
        """
        told = self._persist(self._hello, patience)
        self.generation = told.get("generation", "")
        return told

    async def _hello(self, http: httpx.AsyncClient) -> dict[str, Any]:
        reply = await http.get(self.address(frames.HELLO), headers=self.headers())
        self.check(reply, reply.content)
        found = decode(reply.content)
        if not isinstance(found, dict) or found.get("schema") != SCHEMA:
            version = found.get("version") if isinstance(found, dict) else None
            raise wrong_version(version)
        return found

    def call(self, method: str, arguments: Mapping[str, Any], *, patience: float = PATIENCE) -> Any:
        """Ask for what a method returns, and wait for it.

        Raises
        ------
        ServerUnreachable
            Nobody answered for ``patience`` seconds.
        ZfError
            What the engine raised.
        """
        return finish(self.steps(method, arguments, patience=patience))

    def steps(
        self,
        method: str,
        arguments: Mapping[str, Any],
        *,
        patience: float = PATIENCE,
        poll: float | None = None,
    ) -> Generator[Any, None, Any]:
        """A method's steps, as a generator: the newest each time; returns the result.

        Parameters
        ----------
        method, arguments
            See `methods.METHODS`.
        patience
            Seconds for which to ask again if the server can't be reached.
        poll
            Seconds after which None is given where nothing new has come; None is to wait.
        """
        until: float | None = None
        pause = FIRST_PAUSE
        while True:
            try:
                with contextlib.closing(self.stream(method, arguments)) as stream:
                    while True:
                        kind, content = stream.take(poll)
                        if kind == frames.RESULT:
                            return decode(content)
                        if kind in (frames.STEP, frames.PROGRESS):
                            until, pause = None, FIRST_PAUSE
                            yield decode(content)
                        elif poll is not None:
                            yield None
            except (ServerUnreachable, ServerBusy) as error:  # noqa: PERF203
                now = time.monotonic()
                until = now + patience if until is None else until
                if now + pause > until:
                    raise
                time.sleep(max(pause, getattr(error, "seconds", 0.0)))
                pause = min(2 * pause, LONGEST_PAUSE)

    def stream(self, what: str, arguments: Mapping[str, Any] | None = None) -> Stream:
        """What comes of a method, or of a path: frames, of which the newest is kept.

        Parameters
        ----------
        what
            A method's name, with its arguments; or a path, as ``"/v1/rooms/..."``, that is got
            where ``arguments`` is None, and else posted to.
        """
        stream = Stream(self)
        if what.startswith("/"):
            body, path = None if arguments is None else encode(dict(arguments)), what
        else:
            question = {"method": what, "arguments": dict(arguments or {}), "slot": stream.slot}
            body, path, stream.cancels = encode(question), frames.ASK, True
        self.begin(stream.run(path, body))
        return stream

    def get(self, path: str, *, patience: float = PATIENCE) -> Any:
        """What a path answers."""
        return self._persist(lambda http: self.exchange(http, "GET", path, None), patience)

    def post(self, path: str, value: Any, *, patience: float = PATIENCE) -> Any:
        """What a path answers to a value, or to bytes as they are.

        It is sent again only where it can't have come: whoever posts may change something.
        """
        body = value if isinstance(value, bytes) else encode(value)
        return self._persist(lambda http: self.exchange(http, "POST", path, body), patience)

    async def exchange(
        self, http: httpx.AsyncClient, verb: str, path: str, body: bytes | None
    ) -> Any:
        """One request, and the value that it is answered with."""
        try:
            reply = await http.request(
                verb, self.address(path), content=body, headers=self.headers()
            )
        except httpx.ConnectError:
            raise
        except GONE as error:
            if verb == "POST":
                lost = self.gone(error)
                lost.lost = True
                raise lost from error
            raise
        self.check(reply, reply.content)
        return decode(reply.content) if reply.content else None

    # ------------------------------------------------------------------ how

    def address(self, path: str) -> str:
        """The whole address of a path."""
        return f"{self.url}{path}"

    def headers(self) -> dict[str, str]:
        """What each request says, beside what all say."""
        return {frames.ENGINE: self._engine} if self._engine else {}

    def begin(self, run: Coroutine[Any, Any, T]) -> Any:
        """Run something on the connection's thread; gives its future."""
        try:
            with self._lock:  # refused in a forked child
                return self.thread.start(run)
        except BaseException:
            run.close()
            raise

    def _persist(self, ask: Callable[[httpx.AsyncClient], Awaitable[T]], patience: float) -> T:
        """Ask, again and again while the server is gone or busy."""

        async def run() -> T:
            until, pause = time.monotonic() + patience, FIRST_PAUSE
            while True:
                try:
                    found = await ask(self.thread.http)
                except (*GONE, ServerUnreachable, ServerBusy) as error:  # noqa: PERF203
                    lost = getattr(error, "lost", False)
                    busy = isinstance(error, ServerBusy)
                    words = error if isinstance(error, ZfError) else self.gone(error)
                    if not busy:
                        self.note = str(words)
                    if lost or time.monotonic() + pause > until:
                        raise words from None
                    await asyncio.sleep(max(pause, getattr(error, "seconds", 0.0)))
                    pause = min(2 * pause, LONGEST_PAUSE)
                else:
                    self.note = ""
                    return found

        return self.begin(run()).result()  # type: ignore[no-any-return]

    def gone(self, error: BaseException) -> ServerUnreachable:
        """The error for a server that can't be reached."""
        why = str(error) or type(error).__name__
        return ServerUnreachable(
            f"The server {self.url} can't be reached ({why}). It is asked again until it is back; "
            "if it stays away, ask whoever runs `zfwidgets serve` there."
        )

    def check(self, reply: httpx.Response, content: bytes) -> None:
        """Raise what a reply says, where it isn't an answer."""
        ours = reply.headers.get("content-type", "").startswith(frames.CONTENT)
        if reply.status_code == 200 and ours:
            self.note = ""
            self.generation = reply.headers.get(frames.GENERATION, self.generation)
            return
        if reply.headers.get("zf-error"):
            raise frames.rebuilt(content)
        if reply.status_code in BEHIND_PROXY:
            raise ServerUnreachable(
                f"The server {self.url} can't be reached (HTTP status {reply.status_code}, by "
                "whatever stands before it). It is asked again until it is back."
            )
        raise InputError(
            f"There is no zfwidgets server at {self.url}: it answers with HTTP status "
            f"{reply.status_code}. Give the address that `zfwidgets serve` prints."
        )


def _checked(url: str) -> str:
    given: Any = url
    try:
        parts = urlsplit(given if isinstance(given, str) else "")
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        good = good and not (parts.query or parts.fragment or parts.username)
    except ValueError:
        good = False
    if not good:
        raise InputError(
            f"The server's address must be like 'http://host:port', not {url!r}: `zfwidgets serve` "
            "prints it."
        )
    return url.rstrip("/")


def _plain(token: str) -> str:
    given: Any = token
    plain = isinstance(given, str) and given.isascii() and given.isprintable()
    if not plain or " " in given:
        raise InputError("A token is printable ASCII without spaces, as `zfwidgets serve` has it.")
    return token
