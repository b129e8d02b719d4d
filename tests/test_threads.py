"""The package's threads when a process ends, and in one that is forked."""

from __future__ import annotations

import ast
import copy
import os
import pickle
import re
import select
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
from torch import nn

import zfwidgets as zf
from tests.waiting import PROGRAM, SECONDS
from zfwidgets import threads
from zfwidgets.errors import NotCopied


def end_in_another_process(code: str) -> subprocess.CompletedProcess[str]:
    before = "import threading, time\nfrom zfwidgets import threads\n"
    script = before + textwrap.dedent(code)
    return subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=PROGRAM
    )


def test_a_thread_that_takes_long_is_interrupted_when_the_process_ends() -> None:
    ended = end_in_another_process("""
        def work():
            begun.set()
            try:
                while True:
                    time.sleep(0.01)
            finally:
                print("put away")

        begun = threading.Event()
        threads.start(work, "test", lambda: print("told"))
        begun.wait()
    """)
    assert ended.returncode == 0
    told, *again, put_away = ended.stdout.splitlines()
    assert (told, put_away, {*again} - {"told"}) == ("told", "put away", set())
    assert not ended.stderr


def test_the_users_own_threads_end_before_ours() -> None:
    """A loop on a thread that isn't a daemon goes on after the script's last line."""
    ended = end_in_another_process("""
        from zfwidgets.images.feeding.prefetch import prefetch

        def work():
            stopped.wait()
            print("ours")

        def train():
            threading.main_thread().join()
            threads.start(work, "later", stopped.set)
            while not closed():
                time.sleep(0.01)
            print(*prefetch(abs, [-3, 2, -1], workers=2))

        def closed():
            from concurrent.futures import ThreadPoolExecutor
            try:
                ThreadPoolExecutor(1).submit(int)
            except RuntimeError:
                return True

        stopped = threading.Event()
        threading.Thread(target=train).start()
    """)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.splitlines() == ["3 2 1", "ours"]


def test_no_thread_starts_once_they_are_ended() -> None:
    ended = end_in_another_process("""
        import atexit
        from zfwidgets.widgets.wire.jobs import Jobs

        def steps(value):
            def make():
                yield
                return value
            return make

        def at_the_end():
            jobs.submit("owner", "view", "slot", 2, steps("second"), lambda *said: print(*said))
            print(jobs.wait({"owner"}), threading.active_count())

        atexit.register(at_the_end)
        jobs = Jobs()
        jobs.submit("owner", "view", "slot", 1, steps("first"), lambda *said: print(*said))
        jobs.wait({"owner"})
    """)
    assert ended.stdout.splitlines() == ["reply first", "reply second", "True 1"], ended.stderr


def test_no_thread_is_started_elsewhere(root: Path) -> None:
    """Those that `zfwidgets.threads` doesn't know of, the end of the process can't wait for."""
    for path in (root / "zfwidgets").rglob("*.py"):
        called = {
            node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            for node in ast.walk(ast.parse(path.read_text("utf-8")))
            if isinstance(node, ast.Call)
        }
        started = called & {"Thread", "Timer", "ThreadPoolExecutor", "ProcessPoolExecutor"}
        if path.name != "watched.py":  # it waits for its parent's end, in a process without PyTorch
            assert not started or path.name == "threads.py", (path, started)


def test_threads_that_have_ended_are_forgotten() -> None:
    done = threading.Event()
    threads.start(done.wait, "test", done.set).join(0)
    before = len(threads._running)
    done.set()
    while len(threads._running) == before:
        pass


@pytest.fixture
def engine() -> zf.Engine:
    torch.manual_seed(1)
    network = nn.Sequential(
        nn.Conv2d(3, 6, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(6 * 10 * 8, 4)
    ).eval()
    return zf.Engine(network, Pictures(), cache=False, denormalize=([0] * 3, [1] * 3))


class Pictures(torch.utils.data.Dataset[torch.Tensor]):
    """Pictures that are the same in every process."""

    def __len__(self) -> int:
        return 12

    def __getitem__(self, number: int) -> torch.Tensor:
        if number >= len(self):
            raise IndexError
        return torch.rand(3, 22, 18, generator=torch.Generator().manual_seed(number))


@contextmanager
def computing_elsewhere(engine: zf.Engine) -> Iterator[None]:
    """Another thread computes, and holds the engine's locks nearly always."""
    over = threading.Event()

    def work() -> None:
        while not over.is_set():
            engine.occlude(0, patch=4, stride=1, progress=False)
            engine.photo(1)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def in_a_forked_child(call: Callable[[], object]) -> str:
    """What a call gives in a forked child: "answered", or its error's name and text."""
    reading, writing = os.pipe()
    if not (pid := os.fork()):
        try:
            call()
            said = "answered"
        except Exception as error:  # noqa: BLE001 -- told to the parent
            said = f"{type(error).__name__}: {error}"
        os.write(writing, said.encode())
        os._exit(0)
    os.close(writing)
    try:
        ready, _, _ = select.select([reading], [], [], SECONDS)
        return os.read(reading, 9999).decode() if ready else "nothing"
    finally:
        os.close(reading)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no process is forked there")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_an_engine_refuses_at_once_in_a_forked_child(engine: zf.Engine) -> None:
    engine.index(progress=False)
    explorer = zf.Explorer(engine)
    explorer.settle(SECONDS)
    top = engine.top("0", 2)
    computes = {
        "predict": lambda: engine.predict(0),
        "occlude": lambda: engine.occlude(0, patch=4, stride=2, progress=False),
        "project": lambda: engine.project_all(list(top)),
        "photo": lambda: engine.photo(2),
        "settle": lambda: explorer.settle(SECONDS),
        "widget": lambda: zf.Explorer(engine).settle(SECONDS),
        "experiment": lambda: zf.Diagnosis(engine),
        "index": lambda: zf.experiments.diagnose(engine, progress=False),
    }
    reads = {
        "top": lambda: engine.top("0", 2),
        "layers": lambda: engine.layers,
        "close": explorer.close,
    }
    with computing_elsewhere(engine):
        for name, call in computes.items():
            said = in_a_forked_child(call)
            assert re.match("ForkedProcess: .*spawn", said), (name, said)
        for name, call in reads.items():
            assert in_a_forked_child(call) == "answered", name
    assert engine.predict(0).probabilities.shape == (4,)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no process is forked there")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_child_can_have_an_engine_of_its_own(engine: zf.Engine) -> None:
    def own() -> None:
        with threads_allowed(1):
            network = engine.session.network.module
            made = zf.Engine(network, Pictures(), cache=False, denormalize=([0] * 3, [1] * 3))
            explorer = zf.Explorer(made)
            assert explorer.settle(SECONDS)
            assert made.top("0", 2)[0].image == expected

    expected = engine.top("0", 2)[0].image
    with computing_elsewhere(engine):
        assert in_a_forked_child(own) == "answered"


@contextmanager
def threads_allowed(number: int) -> Iterator[None]:
    """PyTorch's own threads don't come along in a fork either."""
    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no process is forked there")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_forked_loaders_read_the_dataset_that_an_engine_has(engine: zf.Engine) -> None:
    loader = torch.utils.data.DataLoader(
        Pictures(), 4, num_workers=2, multiprocessing_context="fork", timeout=SECONDS
    )
    with computing_elsewhere(engine):
        seen = torch.cat(list(loader))
    assert torch.equal(seen, torch.stack([*Pictures()]))


def test_what_holds_a_network_refuses_to_be_copied(engine: zf.Engine) -> None:
    explorer, diagnosis = zf.Explorer(engine), zf.Diagnosis(engine)
    watch = zf.watch(
        nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU()), Pictures(), denormalize=lambda t: t
    )
    for held in (engine, explorer, diagnosis, watch):
        for copied in (pickle.dumps, copy.copy, copy.deepcopy, lambda one: copy.deepcopy([one])):
            with pytest.raises(NotCopied, match=f"{type(held).__name__}.*make one there"):
                copied(held)
    watch.finish()
    diagnosis.close()
