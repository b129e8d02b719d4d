"""The index over Ray's workers: the bits of one process, through killed workers and drivers."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial, reduce
from pathlib import Path
from typing import Any

import pytest

import zfwidgets as zf
from tests.engine.ranking.cluster.ray_here import PATIENT, ports_said
from tests.engine.ranking.datasets import BROKEN, Deadly, Locked, Numbered, OneAtATime, OnlyHere
from tests.engine.ranking.small import BAD, engine, mixed, network, transform
from tests.waiting import PROGRAM, SECONDS
from zfwidgets.engine.ranking.cluster.ray_connection import Connection
from zfwidgets.engine.ranking.cluster.ray_executor import RayExecutor, options_of
from zfwidgets.engine.ranking.cluster.shards import Job, Precision, Shard, Worker
from zfwidgets.errors import ClusterError, InputError, MissingDependency, UnsupportedModel
from zfwidgets.index.partial import Partial
from zfwidgets.index.storing import FILE, UNFINISHED, load

COUNT = 200
CPUS = partial(zf.ClusterOptions, cpus=1)
"""Two workers fit, with however many threads this process computes."""


@pytest.fixture(scope="module")
def ray() -> Iterator[Any]:
    """One for all tests here: nothing else needs any."""
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory(dir="/tmp") as short:
        for name, value in PATIENT.items():  # before Ray is imported: it reads some then
            patch.setenv(name, value)
        found = pytest.importorskip("ray", reason="Ray isn't installed: zfwidgets[ray]")
        with ports_said(Path(short)):
            found.init(
                "local",
                num_cpus=2,
                include_dashboard=False,
                log_to_driver=False,
                object_store_memory=100 * 2**20,
                _node_ip_address="127.0.0.1",
                _temp_dir=short,
            )
        yield found
        found.shutdown()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return mixed(tmp_path_factory.mktemp("pictures") / "all", COUNT)


def made(images: Any, model: Any = None) -> zf.Engine:
    return zf.Engine(model or network(), images, transform(), cache=False)


def until(what: Callable[[], Any]) -> Any:
    """Wait until something is true; what it is."""
    end = time.monotonic() + SECONDS
    while not (found := what()):
        assert time.monotonic() < end, "it never came"
        time.sleep(0.02)
    return found


def all_free(ray: Any) -> bool:
    return bool(ray.available_resources().get("CPU") == 2)


def alone(images: Any, folder: Path, **settings: Any) -> bytes:
    """The file that one process writes."""
    made(images).index(progress=False, folder=folder, **settings)
    return (folder / FILE).read_bytes()


def test_a_folder_gives_the_same_file(ray: Any, folder: Path, tmp_path: Path) -> None:
    engine(folder).index(progress=False, folder=tmp_path / "alone")
    there = engine(folder)
    index = there.index(progress=False, folder=tmp_path / "there", cluster=CPUS())
    assert (tmp_path / "there" / FILE).read_bytes() == (tmp_path / "alone" / FILE).read_bytes()
    assert index.images_seen == COUNT
    assert {skipped for skipped, _ in there.info.skipped} == set(BAD)
    assert not (tmp_path / "there" / UNFINISHED).exists()
    assert ray.is_initialized()
    until(lambda: all_free(ray))


def test_a_worker_is_killed(ray: Any, tmp_path: Path) -> None:
    expected = alone(Numbered(COUNT, tmp_path / "a"), tmp_path / "alone", by_class=2)
    gated = Numbered(COUNT, tmp_path / "b", gate=83)
    killed: list[int] = []

    def kill() -> None:
        killed.append(until(lambda: gated.read(83))[0])
        os.kill(killed[0], signal.SIGKILL)
        (gated.notes / "open").touch()

    killer = threading.Thread(target=kill)
    killer.start()
    there = made(gated)
    there.index(progress=False, folder=tmp_path / "there", by_class=2, cluster=CPUS())
    killer.join()
    assert killed[0] != os.getpid()
    assert len(set(gated.read(83))) == 2, "it was read again, by another process"
    assert (tmp_path / "there" / FILE).read_bytes() == expected
    assert {name for name, _ in there.info.skipped} == {f"image {number}" for number in BROKEN}


def test_the_driver_is_killed_and_the_next_goes_on_alone(ray: Any, tmp_path: Path) -> None:
    count, gate = 480, 470
    expected = alone(Numbered(count, tmp_path / "a"), tmp_path / "alone")
    gated, there = Numbered(count, tmp_path / "b", gate=gate), tmp_path / "there"
    address = ray.get_runtime_context().gcs_address
    command = [
        sys.executable,
        "-m",
        "tests.engine.ranking.driving",
        address,
        str(gated.notes),
        str(there),
    ]
    driver = subprocess.Popen([*command, str(count), str(gate)])

    def known() -> int:
        path = there / UNFINISHED
        return len(load(path).partial.batches) if path.exists() else 0

    until(lambda: gated.read(gate) and known() >= 15)
    driver.send_signal(signal.SIGKILL)
    driver.wait()
    left = count - 16 * known()
    until(lambda: all_free(ray))  # nobody works for it any more
    (gated.notes / "open").touch()
    again = made(gated)
    before = len(gated.read())
    again.index(progress=False, folder=there)
    assert len(gated.read()) - before == left
    assert (there / FILE).read_bytes() == expected


def test_an_interrupt_ends_the_workers_and_keeps_what_is_known(ray: Any, tmp_path: Path) -> None:
    count, gate = 320, 310
    expected = alone(Numbered(count, tmp_path / "a"), tmp_path / "alone")
    gated, there = Numbered(count, tmp_path / "b", gate=gate), tmp_path / "there"

    def interrupt() -> None:
        until(lambda: gated.read(gate))
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)

    threading.Thread(target=interrupt).start()
    there_made = made(gated)
    with pytest.raises(KeyboardInterrupt):
        there_made.index(progress=False, folder=there, cluster=CPUS())
    until(lambda: all_free(ray))
    assert len(load(there / UNFINISHED).partial.batches) > 1
    (gated.notes / "open").touch()
    there_made.index(progress=False)
    assert (there / FILE).read_bytes() == expected


def test_an_image_that_ends_every_process_is_a_bad_image(ray: Any, tmp_path: Path) -> None:
    deadly = made(Deadly(60, tmp_path / "a", gate=20))
    index = deadly.index(progress=False, cluster=CPUS(workers=1, retries=1))
    assert index.images_seen == 60 - len(BROKEN) - 1
    assert "ends the process" in dict(index.skipped)["image 20"]


def test_errors_name_what_is_wrong(ray: Any, tmp_path: Path) -> None:
    one = CPUS(workers=1)
    fails = made(Numbered(60, tmp_path / "a"), OneAtATime())
    with pytest.raises(UnsupportedModel, match=r"OneAtATime fails on .*'image 0'.*too many at on"):
        fails.index(progress=False, cluster=one)
    with pytest.raises(ClusterError, match=r"can't read the image 'image 0': .*/here/0\.png"):
        made(OnlyHere(60, tmp_path / "b")).index(progress=False, cluster=one)
    with pytest.raises(InputError, match=r"dataset \(Locked\) can't be sent .*'turnstile'.*lock"):
        made(Locked(60, tmp_path / "c")).index(progress=False, cluster=one)
    with pytest.raises(ClusterError, match=r"64 CPUs and 0 GPUs; there are 2 CPUs"):
        made(Numbered(60, tmp_path / "d")).index(progress=False, cluster=zf.ClusterOptions(cpus=64))
    with pytest.raises(ClusterError, match=r"another Ray than '10\.1\.2\.3:6379'"):
        made(Numbered(60, tmp_path / "e")).index(progress=False, cluster="10.1.2.3:6379")
    until(lambda: all_free(ray))


def test_a_ray_of_its_own_is_shut_down(folder: Path) -> None:
    pytest.importorskip("ray", reason="Ray isn't installed: zfwidgets[ray]")
    script = (
        "import os, signal, sys, ray\n"
        "from pathlib import Path\n"
        "import zfwidgets as zf\n"
        "from tests.engine.ranking.cluster.ray_here import ports_said\n"
        "from tests.engine.ranking.small import engine\n"
        f"made = engine(Path({str(folder)!r}))\n"
        "with ports_said(Path(os.environ['RAY_TMPDIR'], 'ray')):\n"
        "    options = zf.ClusterOptions(workers=1, cpus=1)\n"
        "    index = made.index(progress=False, cluster=options)\n"
        "kept = signal.getsignal(signal.SIGTERM) is signal.SIG_DFL\n"
        "told = 'RAY_USAGE_STATS_ENABLED' in os.environ\n"
        "print(index.images_seen, ray.is_initialized(), kept, told)"
    )
    environment = {**os.environ, **PATIENT, "RAY_ADDRESS": "local"}
    environment.pop("RAY_USAGE_STATS_ENABLED", None)
    command = [sys.executable, "-c", script]
    with tempfile.TemporaryDirectory(dir="/tmp") as short:
        environment["RAY_TMPDIR"] = short
        out = subprocess.run(
            command, capture_output=True, text=True, env=environment, timeout=PROGRAM, check=False
        )
    assert out.returncode == 0, out.stderr
    assert out.stdout.split() == [str(COUNT), "False", "True", "False"]


class Late:
    """Of Ray its start, which takes too long a number of times."""

    def __init__(self, times: int, why: str) -> None:
        self.left, self.why = times, why
        self.ended = 0

    def is_initialized(self) -> bool:
        return False

    def init(self, *_: Any, **__: Any) -> None:
        self.left -= 1
        if self.left >= 0:
            raise Exception(self.why)

    def shutdown(self) -> None:
        self.ended += 1


LATE = "The current node timed out during startup. This could happen because ..."


def test_a_start_that_took_too_long_is_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    def connect(late: Late) -> Late:
        monkeypatch.setattr(Connection, "check", staticmethod(lambda: late))
        Connection(None)
        return late

    assert connect(Late(2, LATE)).ended == 2, "what had begun is ended first"
    with pytest.raises(ClusterError, match=r"none can be started.*timed out during startup"):
        connect(Late(99, LATE))
    other = Late(1, "no permission")
    with pytest.raises(ClusterError, match="no permission"):
        connect(other)
    assert other.ended == 0


def test_without_ray_it_says_what_to_install(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingDependency, match=r"zfwidgets\[ray\]"):
        engine(folder).index(cluster=True)


@pytest.mark.parametrize("cluster", ["", 3, ["auto"]])
def test_what_is_no_cluster_is_refused(cluster: Any) -> None:
    with pytest.raises(InputError, match=r"cluster is .*expected True"):
        options_of(cluster)
    with pytest.raises(InputError, match="workers is 0, expected 1 or more"):
        zf.ClusterOptions(workers=0)


def shards(made: zf.Engine) -> tuple[Any, Worker, list[Shard]]:
    """A pass, what computes it after having been sent, and its shards, likewise."""
    task = made._indexing.task()
    job = Job.of(task, "cpu", Precision.now(), 1)
    batches = list(range(len(task.plan)))
    cut = [Shard.of(task, part) for part in (batches[7:], batches[:2], batches[2:7])]
    return task, Worker(pickle.loads(pickle.dumps(job))), pickle.loads(pickle.dumps(cut))


def test_shards_that_were_sent_merge_to_the_whole(folder: Path) -> None:
    made = engine(folder)
    _, worker, cut = shards(made)
    found = [pickle.loads(pickle.dumps(worker.look(shard))) for shard in cut]
    whole = made.index(progress=False).partial
    assert not any(one.unlike for one in found)
    merged = reduce(Partial.merged, [one.partial() for one in found])
    mine, theirs = merged.to_arrays(), whole.to_arrays()
    assert mine[1] == theirs[1]
    for name, array in theirs[0].items():
        assert mine[0][name].dtype == array.dtype
        assert mine[0][name].tobytes() == array.tobytes(), name


def test_files_that_are_others_there_are_named(folder: Path) -> None:
    task, worker, cut = shards(engine(folder))
    shard = cut[1]
    elsewhere = replace(shard, stamps=["17 0", "gone", *shard.stamps[2:]])
    found = worker.look(elsewhere)
    assert found.unlike == shard.numbers[:2]
    there = RayExecutor(task, None, range(len(task.plan)), zf.ClusterOptions())
    with pytest.raises(ClusterError, match=r"000\.png' with another size, or not at all"):
        there._check_files(shard, found)
    (folder / "000.png").touch()  # it changed here too, after the pass had begun
    there._check_files(shard, replace(found, unlike=[0]))
