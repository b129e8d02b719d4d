"""Round trips of an empty widget event, with and without `zfwidgets.server`.

Two real JupyterLab servers run side by side, one with the extension. A comm in each kernel sends
back what it gets, as a widget does with a click; the two are asked in turn, so that whatever else
the machine does meets both. The last line is one JSON object.

    python -m benchmarks.page.websocket_delay [--round-trips 100]
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
import uuid
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import websocket

from benchmarks import harness
from zfwidgets.demo.lab import LabServer

ECHO = """
def _echo(comm, message):
    comm.on_msg(lambda message: comm.send(message["content"]["data"]))
get_ipython().kernel.comm_manager.register_target("echo", _echo)
"""


class KernelSocket:
    """The websocket that a browser would open to a kernel, speaking the JSON protocol."""

    def __init__(self, server: LabServer) -> None:
        kernel = server.request("POST", "api/kernels", {"name": "python3"})
        self._session = uuid.uuid4().hex
        address = server.base_url.replace("http", "ws", 1)
        self._socket = websocket.create_connection(
            f"{address}api/kernels/{kernel['id']}/channels?session_id={self._session}",
            header=[f"Authorization: token {server.token}"],
            timeout=60,
        )

    def send(self, kind: str, content: dict[str, Any]) -> str:
        """Send a message on the shell channel and return its id."""
        identity = uuid.uuid4().hex
        header = {"msg_id": identity, "msg_type": kind, "session": self._session}
        header |= {"username": "", "version": "5.3", "date": "2000-01-01T00:00:00Z"}
        message = {"header": header, "parent_header": {}, "metadata": {}, "content": content}
        self._socket.send(json.dumps({**message, "channel": "shell", "buffers": []}))
        return identity

    def receive(self, parent: str, kind: str) -> dict[str, Any]:
        """Wait for the answer of that kind to the message `parent` and return its content."""
        while True:
            message = json.loads(self._socket.recv())
            if message["parent_header"].get("msg_id") != parent:
                continue
            if message["msg_type"] == kind:
                return dict(message["content"])

    def idle(self, parent: str) -> None:
        """Wait until the kernel has nothing more to say about `parent`."""
        while self.receive(parent, "status")["execution_state"] != "idle":
            pass

    def execute(self, code: str) -> None:
        """Run code; raise if it raised."""
        identity = self.send("execute_request", {"code": code, "silent": False})
        reply = self.receive(identity, "execute_reply")
        if reply["status"] != "ok":
            raise RuntimeError(reply)

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()


class Echo:
    """A comm whose other end, in the kernel, sends everything back."""

    def __init__(self, kernel: KernelSocket) -> None:
        self._kernel = kernel
        self._id = uuid.uuid4().hex
        kernel.execute(ECHO)
        opened = kernel.send("comm_open", {"comm_id": self._id, "target_name": "echo", "data": {}})
        kernel.idle(opened)

    def round_trip(self) -> float:
        """Milliseconds from sending to the echo."""
        started = time.perf_counter()
        sent = self._kernel.send("comm_msg", {"comm_id": self._id, "data": {}})
        self._kernel.receive(sent, "comm_msg")
        elapsed = (time.perf_counter() - started) * 1000
        self._kernel.idle(sent)
        return elapsed


def measure(round_trips: int) -> dict[str, Any]:
    """Measure both servers in turn."""
    variants = {"as_it_is": (), "zfwidgets.server": ("zfwidgets.server",)}
    times: dict[str, list[float]] = {name: [] for name in variants}
    with ExitStack() as stack:
        echoes = {}
        for name, extensions in variants.items():
            root = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            server = stack.enter_context(LabServer(root, port=0, extensions=extensions))
            kernel = KernelSocket(server)
            stack.callback(kernel.close)
            echoes[name] = Echo(kernel)
        for _ in range(round_trips):
            for name, echo in echoes.items():
                times[name].append(echo.round_trip())
    result: dict[str, Any] = {"round_trips": round_trips}
    for name, values in times.items():
        result[name] = {
            "median_ms": round(statistics.median(values), 2),
            "p95_ms": round(statistics.quantiles(values, n=20)[-1], 2),
        }
    slow, fast = (result[name]["median_ms"] for name in variants)
    result["ratio_of_medians"] = round(slow / fast, 1)
    return result


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--round-trips", type=int, default=100)
    harness.finish(measure(harness.options(parser).round_trips))
