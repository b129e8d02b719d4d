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


@contextmanager
def started(ray: Any, folder: str) -> Iterator[None]:
    """A Ray of two workers; this process is connected to it.

    Ports are given. Otherwise its raylet waits 15 s for its agents to say theirs, whatever the
    environment says, and aborts; and `ray.init` gives a Ray of its own 30 s.
    """
    port, grpc, listen, runtime, metrics = free_ports(5)
    command = [
        *COMMAND, "start", "--head", "--block", "--num-cpus=2", "--include-dashboard=false",
        "--node-ip-address=127.0.0.1", f"--port={port}", f"--dashboard-agent-grpc-port={grpc}",
        f"--dashboard-agent-listen-port={listen}", f"--runtime-env-agent-port={runtime}",
        f"--metrics-export-port={metrics}", f"--object-store-memory={100 * 2**20}",
        f"--temp-dir={folder}",
    ]  # fmt: skip
    log = Path(folder) / "start.log"
    with log.open("w") as said:
        process = subprocess.Popen(command, stdout=said, stderr=said, env=dict(os.environ))
    try:
        end = time.monotonic() + SECONDS
        while not ray.is_initialized():
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < end, f"Ray doesn't come up: {log.read_text()}"
            with suppress(Exception):
                ray.init(f"127.0.0.1:{port}", log_to_driver=False, logging_level="ERROR")
        yield
        ray.shutdown()
    finally:
        process.terminate()
        process.wait(SECONDS)
