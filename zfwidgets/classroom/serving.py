"""`zfwidgets serve`: the app on a socket, until it is told to stop."""

from __future__ import annotations

import socket
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import uvicorn

from ..errors import InputError
from .app import Server, make_app
from .guarding import guarded
from .hub import HubRights
from .preparing import prepare
from .rights import Rights
from .room_routes import room_routes

ENDING = 5
"""Seconds that answers under way have when the server is told to stop."""


def configured(server: Server) -> uvicorn.Config:
    """How the app is served."""
    limits = server.limits
    return uvicorn.Config(
        make_app(server, room_routes),
        http=guarded(limits.receiving, limits.sending),
        ws="none",
        lifespan="on",
        log_level="warning",
        access_log=False,
        server_header=False,
        limit_concurrency=limits.connections,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=ENDING,
        h11_max_incomplete_event_size=16 << 10,
    )


class Web(uvicorn.Server):
    """uvicorn's server, which waits for no stream that would never end by itself."""

    def __init__(self, server: Server) -> None:
        super().__init__(configured(server))
        self._server = server

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop, as uvicorn's does."""
        for end in self._server.at_end:
            end()
        await super().shutdown(sockets)


def bound(host: str, port: int) -> socket.socket:
    """A socket that listens; port 0 is any that is free.

    Raises
    ------
    InputError
        The address can't be had; says why.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Named, or asyncio would leave Nagle's algorithm on: 40 ms an answer.
    found = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind((host, port))
    except (OSError, OverflowError) as error:
        found.close()
        why = getattr(error, "strerror", None) or error
        raise InputError(
            f"Port {port} of {host} can't be had ({why}): choose another with --port, or --port 0 "
            "for any that is free."
        ) from error
    return found


def check_free(host: str, port: int) -> None:
    """Raise what `bound` does, before a network is read for nothing."""
    bound(host, port).close()


def url_of(listening: socket.socket) -> str:
    """The address of a socket."""
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def serve(
    server: Server, host: str, port: int, *, ahead: Sequence[str] | None, say: Callable[[str], None]
) -> None:
    """Serve until SIGTERM or SIGINT.

    Parameters
    ----------
    server
        What answers.
    host, port
        Where to listen.
    ahead
        Names of layers whose answers are computed ahead while nobody asks; none are all, None is
        not to.
    say
        Is told how to connect.
    """
    if ahead is not None:
        prepare(server, ahead)
    listening = bound(host, port)
    say(how_to_connect(url_of(listening) + server.path, server.rights))
    try:
        Web(server).run([listening])
    finally:
        server.close()
        listening.close()


def how_to_connect(url: str, rights: Rights | HubRights) -> str:
    """What to type in a notebook."""
    if isinstance(rights, HubRights):
        return f"Serving {url} to JupyterHub: its users' servers connect with their own tokens."
    if rights.open:
        return (
            f"Serving {url} to this machine.\n"
            f'In a notebook:  import zfwidgets as zf; engine = zf.connect("{url}")\n'
            "Ctrl-C stops it."
        )
    return (
        f"Serving {url}\n"
        f'Students:  engine = zf.connect("{url}", token="{rights.token}")\n'
        f'Teacher:   engine = zf.connect("{url}", token="{rights.teacher_token}")\n'
        "Ctrl-C stops it."
    )


@contextmanager
def running(server: Server, port: int = 0) -> Iterator[str]:
    """Serve on a thread of this process; gives the address. For notebooks that teach, and tests."""
    from .. import threads

    listening = bound("127.0.0.1", port)
    web = Web(server)
    done = threading.Event()

    def stop() -> None:
        web.should_exit = True

    def run() -> None:
        try:
            web.run([listening])
        finally:
            done.set()

    threads.start(run, "server", stop)
    try:
        while not web.started and not done.wait(0.01):
            pass
        if done.is_set():
            raise InputError("The server didn't start: see its log.")
        yield url_of(listening)
    finally:
        stop()
        done.wait(ENDING + 5)
        server.close()
        listening.close()


def tell(words: str) -> None:
    """Print at once: another process may wait for it."""
    print(words, file=sys.stdout, flush=True)
