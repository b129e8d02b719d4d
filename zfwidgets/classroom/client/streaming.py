"""How a connection talks: its thread, and answers of which the newest is kept."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import ssl
import threading
from collections.abc import Callable, Coroutine, Mapping
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

import httpx

from ... import threads
from ...errors import Cancelled, InputError, ServerUnreachable, ZfError
from ..messages import frames
from ..messages.codec import encode
from ..messages.peers import is_loopback

if TYPE_CHECKING:
    from .connection import Connection

T = TypeVar("T")

SILENCE = 20.0
"""Seconds without a sign of life after which a server counts as gone."""
CONNECTING = 5.0
GOODBYE = 0.5
"""Seconds that the end of a connection may take."""
GONE = (httpx.TransportError, httpx.StreamError)
"""What httpx raises where a server can't be reached, or breaks off."""


class Stream:
    """An answer on its way: the newest of what has come, and the end; made by `Connection`.

    Attributes
    ----------
    slot
        What the server knows it by.
    cancels
        Whether to close it is to tell the server that nobody waits any more.
    """

    def __init__(self, connection: Connection) -> None:
        self.slot = secrets.token_hex(8)
        self.cancels = False
        self._connection = connection
        self._heard = threading.Condition()
        self._newest: dict[bytes, bytes] = {}
        self._end: tuple[bytes, bytes] | BaseException | None = None
        self._closed = False

    def take(self, timeout: float | None = None) -> tuple[bytes, bytes]:
        """The newest frame of a kind that wasn't taken yet, ``(kind, content)``; waits for one.

        The content of a result, a step or progress is bytes for `codec.decode`. Where nothing
        comes within ``timeout`` seconds it is `frames.ALIVE`.

        Raises
        ------
        ServerUnreachable
            The server is gone.
        Cancelled
            A newer question took this one's place.
        ZfError
            What the server answered instead.
        """
        with self._heard:
            self._heard.wait_for(lambda: self._newest or self._end, timeout)
            if self._newest:
                kind = next(iter(self._newest))
                return kind, self._newest.pop(kind)
            end = self._end
        if end is None:
            return frames.ALIVE, b""
        if isinstance(end, BaseException):
            raise end
        kind, content = end
        if kind == frames.ERROR:
            raise frames.rebuilt(content)
        if kind == frames.SUPERSEDED:
            raise Cancelled("A newer question took this one's place.")
        return end

    def close(self) -> None:
        """Give it up; returns at once."""
        with self._heard:
            over, self._closed = self._end is not None or self._closed, True
        if not over:
            self._connection.thread.call(self._give_up)

    def _give_up(self) -> None:
        """Tell the server, once it has the question: else the two might pass each other."""
        if not self.cancels:
            if self._task is not None:
                self._task.cancel()
        elif self._begun and self._cancelling is None:
            self._cancelling = asyncio.ensure_future(self._cancel())

    async def _cancel(self) -> None:
        connection = self._connection
        with contextlib.suppress(*GONE, ZfError):
            body = encode({"slot": self.slot})
            await connection.exchange(connection.thread.http, "POST", frames.CANCEL, body)

    _task: asyncio.Task[Any] | None = None
    _cancelling: asyncio.Future[None] | None = None
    _begun = False

    async def run(self, path: str, body: bytes | None) -> None:
        """Read the answer to its end, on the connection's thread."""
        connection = self._connection
        self._task = asyncio.current_task()
        try:
            await self._read(path, body)
            raise httpx.RemoteProtocolError("its answer broke off")
        except Over:
            pass
        except GONE as error:
            words = connection.gone(error)
            connection.note = str(words)
            self._finish(words)
        except ServerUnreachable as error:
            connection.note = str(error)
            self._finish(error)
        except ZfError as error:
            self._finish(error)
        except BaseException as error:
            self._finish(ServerUnreachable(f"The connection was closed ({error!r})."))
            raise

    async def _read(self, path: str, body: bytes | None) -> None:
        connection = self._connection
        verb = "GET" if body is None else "POST"
        coming = frames.Frames()
        request = connection.thread.http.stream(
            verb, connection.address(path), content=body, headers=connection.headers()
        )
        async with request as reply:
            if reply.status_code != 200:
                connection.check(reply, await reply.aread())
            connection.check(reply, b"")
            self._begun = True
            if self._closed:
                self._give_up()
            over = False
            async for data in reply.aiter_raw():
                for kind, content in coming.feed(data):
                    over = over or kind in frames.LAST
                    self._hear(kind, content)
            if over:
                raise Over

    def _hear(self, kind: bytes, content: bytes) -> None:
        if kind in frames.LAST:
            self._finish((kind, content))
        elif kind in frames.NEWS and not self._closed:
            with self._heard:
                if kind == frames.STEP or (kind == frames.SAME and frames.STEP not in self._newest):
                    self._newest[frames.STEP] = content
                elif kind == frames.PROGRESS:
                    self._newest[kind] = content
                self._heard.notify_all()

    def _finish(self, end: tuple[bytes, bytes] | BaseException) -> None:
        with self._heard:
            if self._end is None:
                self._end = end
            self._heard.notify_all()


class Over(Exception):
    """The last frame has come."""


class ConnectionThread:
    """The thread of a connection, with its event loop; started when it is first needed."""

    def __init__(self, url: str, headers: Mapping[str, str], certificate: str | None) -> None:
        self._url, self._headers = url, dict(headers)
        self._verify = _verified(certificate)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._over: asyncio.Event | None = None
        self._thread: threading.Thread | None = None
        self._ready = threading.Event()
        # Whatever was begun before the end is ended with it; what comes later begins anew.
        self._turn = threading.RLock()
        self.http: httpx.AsyncClient

    @property
    def running(self) -> bool:
        """Whether the thread is there."""
        return self._loop is not None and self._loop.is_running()

    def start(self, run: Coroutine[Any, Any, T]) -> Any:
        """Run something on the thread; gives its future."""
        with self._turn:
            if not self.running:
                self._ready.clear()
                main = lambda: asyncio.run(self._main())  # noqa: E731
                try:
                    self._thread = threads.start(main, "connection", self.stop)
                except RuntimeError as error:
                    raise ServerUnreachable(
                        f"A connection needs a thread, and none can be started ({error}): not in a "
                        "browser's Python (Pyodide), nor while the process ends."
                    ) from error
                self._ready.wait()
            assert self._loop is not None
            return asyncio.run_coroutine_threadsafe(run, self._loop)

    def call(self, what: Callable[[], object]) -> None:
        """Call something on the thread, if that is there."""
        if self._loop is not None and self.running:
            self._loop.call_soon_threadsafe(what)

    def stop(self) -> threading.Thread | None:
        """Have the thread say goodbye and end, and give it; a later call starts another."""
        with self._turn, contextlib.suppress(RuntimeError):
            if self._loop is not None and self._over is not None:
                self._loop.call_soon_threadsafe(self._over.set)
            self._loop = None
        return self._thread

    async def _main(self) -> None:
        timeout = httpx.Timeout(SILENCE, connect=CONNECTING)
        loopback = is_loopback(urlsplit(self._url).hostname or "")
        limits = httpx.Limits(max_connections=64, max_keepalive_connections=8)
        async with httpx.AsyncClient(
            headers=self._headers, timeout=timeout, verify=self._verify, limits=limits,
            trust_env=not loopback,
        ) as http:  # fmt: skip
            self.http, self._over = http, asyncio.Event()
            self._loop = asyncio.get_running_loop()
            self._loop.call_soon(self._ready.set)
            await self._over.wait()
            # RuntimeError: the interpreter ends, and has no thread left that looks names up.
            with contextlib.suppress(*GONE, asyncio.TimeoutError, RuntimeError):
                bye = http.post(f"{self._url}{frames.BYE}", content=encode({}))
                await asyncio.wait_for(bye, GOODBYE)


def _verified(certificate: str | None) -> ssl.SSLContext | bool:
    """How a server's certificate is checked: as the system does, or by one more authority."""
    if certificate is None:
        return True
    try:
        return ssl.create_default_context(cafile=certificate)
    except OSError as error:  # ssl.SSLError is one
        raise InputError(
            f"The certificate {certificate} can't be read ({error.strerror or error}): expected a "
            "file with one or more certificates in PEM."
        ) from error
