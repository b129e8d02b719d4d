"""A server in this process, over loopback, and engines that are connected to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

import zfwidgets as zf
from tests.widgets import numpy_engine
from zfwidgets.classroom.app import Server
from zfwidgets.classroom.client.remote import RemoteEngine
from zfwidgets.classroom.serving import running

Serve = Callable[..., tuple[Server, str]]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Start a server; gives it and its address."""
    with ExitStack() as stack:

        def start(engine: Any = None, **arguments: Any) -> tuple[Server, str]:
            server = Server(engine or numpy_engine.NumpyEngine(), **arguments)
            return server, stack.enter_context(running(server))

        yield start


@pytest.fixture
def connect() -> Iterator[Callable[..., RemoteEngine]]:
    """Connect to a server; says goodbye afterwards."""
    with ExitStack() as stack:

        def to(url: str, token: str | None = None, **arguments: Any) -> RemoteEngine:
            engine = zf.connect(url, token, **arguments)
            stack.callback(engine.close)
            return engine

        yield to
