"""A Ray on this machine that starts however busy the machine is."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

from tests.waiting import SECONDS

PATIENT = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_AUTH_MODE": "disabled",  # else a token is kept in the home folder, one for all Rays
    "RAY_gcs_server_port_wait_time_s": str(SECONDS),
    "RAY_raylet_start_wait_time_s": str(SECONDS),
    "RAY_agent_register_timeout_ms": str(1000 * SECONDS),
    "RAY_worker_register_timeout_seconds": str(SECONDS),
    "RAY_health_check_timeout_ms": str(1000 * SECONDS),
}
"""Environment of all of its processes, and of those that connect to it."""

NODE = "c0ffee" + 50 * "0"
"""Which node that is, so that its agents' ports can be said."""

PORTS = (
    "metrics_agent_port",
    "dashboard_agent_listen_port",
    "runtime_env_agent_port",
    "metrics_export_port",
)
"""Of a node's agents."""


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens at."""
    with ExitStack() as stack:
        ports = []
        for _ in range(count):
            one = stack.enter_context(socket.socket())
            one.bind(("127.0.0.1", 0))
            ports.append(one.getsockname()[1])
        return ports


@contextmanager
def ports_said(folder: Path) -> Iterator[None]:
    """What a Ray that is started here, with this folder, needs on a busy machine.

    Its raylet waits 15 s for its agents to say their ports, and aborts, whatever the environment
    says; the agents take longer to import what they need. So their ports are given, and said for
    them.
    """
    from ray._private.parameter import RayParams
    from ray._raylet import persist_port

    ports = dict(zip(PORTS, free_ports(len(PORTS)), strict=True))
    begin, started = RayParams.__init__, threading.Event()

    def with_ports(self: Any, *arguments: Any, **named: Any) -> None:
        begin(self, *arguments, **{**named, **ports})

    def say() -> None:
        session = folder / "session_latest"
        while not session.exists() and not started.wait(0.02):
            pass
        for name, port in ports.items() if session.exists() else ():
            persist_port(str(session.resolve()), NODE, name, port)

    saying = threading.Thread(target=say)
    named = patch.dict(os.environ, {"RAY_OVERRIDE_NODE_ID_FOR_TESTING": NODE})
    with patch.object(RayParams, "__init__", with_ports), named:
        saying.start()
        try:
            yield
        finally:
            started.set()
            saying.join()
