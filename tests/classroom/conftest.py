"""A server in this process, over loopback, and engines that are connected to it."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

import zfwidgets as zf
from zfwidgets.classroom.app import Server
from zfwidgets.classroom.client.remote import RemoteEngine
from zfwidgets.classroom.serving import running

_path = Path(__file__).parent.parent / "widgets" / "numpy_engine.py"
_spec = importlib.util.spec_from_file_location("numpy_engine", _path)
assert _spec is not None
assert _spec.loader is not None
numpy_engine = sys.modules.setdefault("numpy_engine", importlib.util.module_from_spec(_spec))
_spec.loader.exec_module(numpy_engine)

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
