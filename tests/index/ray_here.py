"""A Ray on this machine that stands however busy the machine is."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

from tests.waiting import SECONDS

PATIENT = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_AUTH_MODE": "disabled",
    "RAY_gcs_server_port_wait_time_s": str(SECONDS),
    "RAY_raylet_start_wait_time_s": str(SECONDS),
    "RAY_agent_register_timeout_ms": str(1000 * SECONDS),
    "RAY_worker_register_timeout_seconds": str(SECONDS),
    "RAY_health_check_timeout_ms": str(1000 * SECONDS),
}
"""Environment of all of its processes, and of those that connect to it."""

NODE = "c0ffee" + 50 * "0"
"""Which node that is, so that its agents' ports can be said."""

PORTS = {
    "metrics_agent_port": "dashboard-agent-grpc-port",
    "dashboard_agent_listen_port": "dashboard-agent-listen-port",
    "runtime_env_agent_port": "runtime-env-agent-port",
    "metrics_export_port": "metrics-export-port",
}
"""Of a node's agents, by Ray's name: the option that gives it."""

COMMAND = (sys.executable, "-c", "from ray.scripts.scripts import main; main()")


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens at."""
    with ExitStack() as stack:
        ports = []
        for _ in range(count):
            one = stack.enter_context(socket.socket())
            one.bind(("127.0.0.1", 0))
            ports.append(one.getsockname()[1])
        return ports


def tell_ports(folder: Path, ports: dict[str, int]) -> bool:
    """Say the agents' ports in their place, once there is where to."""
    from ray._raylet import persist_port

    session = folder / "session_latest"
    if session.exists():
        for name, port in ports.items():
            persist_port(str(session.resolve()), NODE, name, port)
    return session.exists()


@contextmanager
def started(ray: Any, folder: str) -> Iterator[None]:
    """A Ray of two workers; this process is connected to it.

    Its raylet waits 15 s for its agents to say their ports, and aborts, whatever the environment
    says: on a busy machine they aren't up by then. So their ports are given, and said for them.
    """
    gcs, *rest = free_ports(1 + len(PORTS))
    ports = dict(zip(PORTS, rest, strict=True))
    command = [
        *COMMAND, "start", "--head", "--block", "--num-cpus=2", "--include-dashboard=false",
        "--node-ip-address=127.0.0.1", f"--port={gcs}", f"--temp-dir={folder}",
        f"--object-store-memory={100 * 2**20}",
        *(f"--{option}={ports[name]}" for name, option in PORTS.items()),
    ]  # fmt: skip
    log = Path(folder) / "start.log"
    environment = {**os.environ, "RAY_OVERRIDE_NODE_ID_FOR_TESTING": NODE}
    with log.open("w") as said:
        process = subprocess.Popen(command, stdout=said, stderr=said, env=environment)
    try:
        end, told = time.monotonic() + SECONDS, False
        while not ray.is_initialized():
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < end, f"Ray doesn't come up: {log.read_text()}"
            told = told or tell_ports(Path(folder), ports)
            if "Ray runtime started" in log.read_text():
                with suppress(ConnectionError, RuntimeError):  # not all of it is up
                    ray.init(f"127.0.0.1:{gcs}", log_to_driver=False, logging_level="ERROR")
            time.sleep(0.02)
        yield
        ray.shutdown()
    finally:
        process.terminate()
        process.wait(SECONDS)
