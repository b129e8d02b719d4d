"""A server that is killed in mid-lesson and started again: kernels say so, and go on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import zfwidgets as zf
from tests.same import assert_same
from tests.waiting import SECONDS
from tests.widgets.test_kernel import LIMIT, kernel
from zfwidgets.classroom.app import Server
from zfwidgets.classroom.serving import running
from zfwidgets.errors import ServerUnreachable
from zfwidgets.records import OcclusionRequest
from zfwidgets.stepwise import finish

from .conftest import numpy_engine

PROGRAM = Path(__file__).with_name("numpy_server.py")


@contextmanager
def server(port: int = 0) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A server process and its address."""
    tests = PROGRAM.parent.parent
    environment = {**os.environ, "PYTHONPATH": f"{tests.parent}{os.pathsep}{tests / 'widgets'}"}
    process = subprocess.Popen(
        [sys.executable, str(PROGRAM), str(port)],
        stdout=subprocess.PIPE, text=True, env=environment,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        said = process.stdout.readline()
        assert said.startswith("Serving "), said
        yield process, said.split()[1]
    finally:
        process.kill()
        process.wait()


def port_of(url: str) -> int:
    return int(url.rpartition(":")[2])


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_cleanly_when_it_is_told_to(how: signal.Signals) -> None:
    with server() as (process, url):
        remote = zf.connect(url)
        steps = remote.occlude_steps(OcclusionRequest(0, 9, 1))
        next(steps)  # an answer is under way
        process.send_signal(how)
        assert process.wait(SECONDS) in (0, -how)
        assert process.stdout is not None
        said = process.stdout.read()
        assert "Traceback" not in said
        if how is signal.SIGTERM:
            assert "ended" in said or process.returncode == -how
        steps.close()
        remote.close()


def test_calls_go_on_when_a_killed_server_is_back() -> None:
    with server() as (process, url):
        remote = zf.connect(url)
        before = remote.top("conv2", 3)
        process.kill()
        process.wait()
        with pytest.raises(ServerUnreachable, match="can't be reached"):
            remote.connection.call("photo", {"image": 0}, patience=0.0)
        assert "can't be reached" in remote.connection.note
        found: list[Any] = []
        asking = threading.Thread(target=lambda: found.append(remote.top("conv2", 3)))
        asking.start()
        with server(port_of(url)):
            asking.join(SECONDS)
            (after,) = found
            assert_same(after, before)
            assert remote.connection.note == ""
            remote.close()


def test_a_stream_that_breaks_off_begins_anew() -> None:
    request = OcclusionRequest(2, 9, 1, layer="conv2")
    with server() as (process, url):
        remote = zf.connect(url)
        steps = remote.occlude_steps(request)
        assert not next(steps).complete
        process.kill()
        process.wait()
        with server(port_of(url)):
            found = finish(steps)
            engine = numpy_engine.NumpyEngine()
            assert_same(found, finish(engine.occlude_steps(request)))
            remote.close()


SETUP = """
import sys
sys.path[:0] = [{root!r}]
from pathlib import Path
from zfwidgets.widgets import bundle
for module in ("widgets", "loader", "selection"):
    Path({static!r}, module + ".js").write_text("export default {{}};")
bundle.STATIC = Path({static!r})
import zfwidgets as zf
engine = zf.connect({url!r})
explorer = zf.Explorer(engine, layer="conv2", channel=3)
assert explorer.settle({seconds})
assert "torch" not in sys.modules and "pandas" not in sys.modules
"""


class Page:
    """Asks through a kernel's comm, as a page does."""

    def __init__(self, client: Any, comm: str, fingerprint: str) -> None:
        self._client, self._comm, self._fingerprint = client, comm, fingerprint

    def ask(self, slot: str, kind: str, **fields: Any) -> None:
        request = {"zf": 1, "op": "get", "view": "page", "slot": slot, "kind": kind, "priority": 1}
        key = {"fingerprint": self._fingerprint, **fields}
        data = {"method": "custom", "content": {**request, "key": key}}
        message = self._client.session.msg("comm_msg", {"comm_id": self._comm, "data": data})
        self._client.shell_channel.send(message)

    def hear(self, slot: str, op: str) -> Any:
        """The next message of one kind of a slot."""
        until = time.monotonic() + LIMIT
        while time.monotonic() < until:
            heard = self._client.get_iopub_msg(timeout=LIMIT)
            said = heard["content"].get("data", {}) if heard["msg_type"] == "comm_msg" else {}
            content = said.get("content", {})
            mine = content.get("slot") == slot
            if mine and content.get("op") == "error":
                raise AssertionError(content)
            if mine and content.get("op") == op:
                return content["data"]
        raise AssertionError(f"no {op} of {slot}")


def test_an_explorer_in_a_kernel_says_so_meanwhile_and_goes_on(root: Path, tmp_path: Path) -> None:
    """No cell is run again, and nobody clicks: the answer comes when the server is back."""
    names = {"comm": "explorer.comm.comm_id", "fingerprint": "explorer.fingerprint"}
    with server() as (process, url), kernel() as client:
        setup = SETUP.format(root=str(root), static=str(tmp_path), url=url, seconds=SECONDS)
        reply = client.execute(
            setup, user_expressions=names, store_history=False, reply=True, timeout=LIMIT
        )["content"]
        assert reply["status"] == "ok", reply
        known = {
            name: found["data"]["text/plain"].strip("'")
            for name, found in reply["user_expressions"].items()
        }
        page = Page(client, known["comm"], known["fingerprint"])
        page.ask("known", "top", layer="conv2", channel=3, k=9)
        page.hear("known", "reply")
        process.kill()
        process.wait()
        page.ask("new", "top", layer="conv1", channel=4, k=9)
        while "can't be reached" not in (said := page.hear("new", "progress")["what"]):
            assert said in ("waiting", "")
        with server(port_of(url)):
            found = page.hear("new", "reply")
            live = numpy_engine.NumpyEngine().top("conv1", 4)
            assert [a["image"] for a in found["activations"]] == [a.image for a in live]


LEAVING = """if True:
    import sys
    import zfwidgets as zf
    engine = zf.connect(sys.argv[1])
    print(engine.top("conv2", 3).channel, flush=True)
    sys.stdin.read()
"""


def test_a_program_ends_without_a_word_though_its_server_is_gone(root: Path) -> None:
    """Its goodbye finds nobody, and no thread that would look the server's name up."""
    with running(Server(numpy_engine.NumpyEngine())) as url:
        process = subprocess.Popen(
            [sys.executable, "-c", LEAVING, url.replace("127.0.0.1", "localhost")],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env={**os.environ, "PYTHONPATH": str(root)},
        )  # fmt: skip
        assert process.stdout is not None
        assert process.stdout.readline() == "3\n"
    _, said = process.communicate(timeout=SECONDS)
    assert (process.returncode, said) == (0, "")
