"""Replicas of Ray Serve: the same bytes, one that is killed, and constant superseding."""

from __future__ import annotations

import os
import signal
import tempfile
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest

import zfwidgets as zf
from tests.classroom.conftest import numpy_engine
from tests.engine.ranking.cluster.ray_here import PATIENT, ports_said
from tests.waiting import SECONDS
from zfwidgets.classroom.app import Server
from zfwidgets.classroom.messages.codec import encode
from zfwidgets.classroom.serving import running
from zfwidgets.errors import ClusterError, InputError

MANY = 10_000
"""Supersessions in a row."""


def made() -> Any:
    """An engine with its index, as each replica makes one."""
    return numpy_engine.NumpyEngine().built()


@pytest.fixture(scope="module")
def replicas() -> Iterator[Any]:
    """Two, on a Ray of this machine."""
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory(dir="/tmp") as short:
        for name, value in PATIENT.items():
            patch.setenv(name, value)
        ray = pytest.importorskip("ray", reason="Ray isn't installed: zfwidgets[ray]")
        pytest.importorskip("ray.serve", reason="Ray Serve isn't installed: zfwidgets[ray]",
                            exc_type=ImportError)  # fmt: skip
        from zfwidgets.classroom.replicas import Replicas

        with ports_said(Path(short)):
            ray.init(
                "local", num_cpus=2, include_dashboard=False, log_to_driver=False,
                object_store_memory=100 * 2**20, _node_ip_address="127.0.0.1", _temp_dir=short,
            )  # fmt: skip
        from ray import cloudpickle

        cloudpickle.register_pickle_by_value(numpy_engine)
        fingerprint = made().info.fingerprint
        found = Replicas(partial(made), fingerprint)
        yield found
        found.close()
        ray.shutdown()


@pytest.fixture
def served(replicas: Any) -> Iterator[tuple[Server, str]]:
    server = Server(made(), elsewhere=replicas)
    with running(server) as url:
        yield server, url


def test_answers_of_replicas_are_the_same_bytes_and_errors(served: Any, connect: Any) -> None:
    _, url = served
    engine = connect(url)
    local = made()
    top = engine.top("conv2", 3)
    assert encode(top) == encode(local.top("conv2", 3))
    there = engine.project_all(top.activations)
    assert encode(there) == encode(local.project_all(top.activations))
    with pytest.raises(InputError):
        engine.project_all(top.activations, rule="of nobody's")
    explorer = zf.Explorer(engine, layer="conv2", channel=5)
    assert explorer.settle(SECONDS)
    explorer.close()


def test_another_engine_is_no_replica(replicas: Any) -> None:
    from zfwidgets.classroom.replicas import Replica

    with pytest.raises(ClusterError, match="others than the server's"):
        Replica(made, "of another")


def test_a_killed_replica_costs_a_retry(served: Any, connect: Any, replicas: Any) -> None:
    server, url = served
    over, failed, answered = threading.Event(), [], [0]

    def student(number: int) -> None:
        engine = connect(url)
        try:
            while not over.is_set():
                server.work.answers.clear()
                engine.top("conv2", answered[0] % 8)
                answered[0] += 1
        except Exception as error:  # noqa: BLE001 -- none must fail
            failed.append(error)

    students = [threading.Thread(target=student, args=(number,)) for number in range(3)]
    for one in students:
        one.start()
    try:
        until(lambda: answered[0] > 20)
        os.kill(workers()[0], signal.SIGKILL)
        before = answered[0]
        until(lambda: answered[0] > before + 100 or failed)
        until(lambda: len(workers()) == 2)  # Ray Serve has made another
    finally:
        over.set()
        for one in students:
            one.join()
    assert failed == []


def test_supersessions_in_a_row_leave_nothing(served: Any, connect: Any, replicas: Any) -> None:
    server, url = served
    engine = connect(url)
    jobs, over = server.work.jobs, [0]

    def heard(op: str, _: Any) -> None:
        over[0] += op in ("reply", "superseded", "error")

    method, checked = zf_method("top", layer="conv2", k=9, so_far=False)
    for number in range(MANY):
        make = server.make(method, {**checked, "channel": number % 8})
        jobs.submit("student", "ask", "slot", number, make, heard)
    until(lambda: over[0] == MANY)
    until(lambda: replicas.idle)
    server.work.answers.clear()
    assert len(engine.top("conv2", 3)) == 9
    assert jobs.waiting == 0


def zf_method(name: str, **checked: Any) -> tuple[Any, dict[str, Any]]:
    from zfwidgets.classroom.messages.methods import METHODS

    return METHODS[name], checked


def workers() -> list[int]:
    """Processes of replicas that this one's Ray has."""
    found = []
    for process in psutil.Process().children(recursive=True):
        with_name = " ".join(process.cmdline()) if process.is_running() else ""
        if "ServeReplica" in with_name:
            found.append(process.pid)
    return found


def until(what: Any) -> None:
    end = time.monotonic() + SECONDS
    while not what():
        assert time.monotonic() < end, "it never comes to that"
        time.sleep(0.02)
