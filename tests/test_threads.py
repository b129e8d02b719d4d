"""Processes that end while something is computed, and that are forked then."""

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

BEFORE = """
import sys, threading
import torch
from torch import nn
import zfwidgets as zf

torch.manual_seed(0)
network = nn.Sequential(
    nn.Conv2d(3, 8, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(8, 9, 3), nn.ReLU(),
    nn.Flatten(), nn.Linear(9 * 16 * 12, 4),
).eval()
images = [torch.rand(3, 38, 30) for _ in range(2000)]
scale = {"denormalize": ((0, 0, 0), (1, 1, 1))}
file = open(sys.argv[1], "w")
file.write("the result of a long run")  # and nobody flushes it
computing = threading.Event()


def slowed(model, batch):
    computing.set()
    for _ in range(20):  # most of the time is spent in PyTorch's code
        model[0](batch.repeat(8, 1, 1, 1))
    return model(batch)


def engine():
    made = zf.Engine(network, images, cache=False, forward=slowed, **scale)
    computing.clear()
    return made
"""
COMPUTING = {
    "an explorer": "shown = zf.Explorer(engine())\nshown.settle(0)",
    "an experiment": "shown = zf.Diagnosis(engine())",
    "a watched training": """
        optimizer = torch.optim.SGD(network.parameters(), 1e-3)
        made = zf.watch(network, images[:50], every=1, forward=slowed, **scale)
        computing.clear()
        for _ in range(3):
            optimizer.zero_grad()
            network(torch.stack(images[:8])).square().mean().backward()
            optimizer.step()
            made.step()
    """,
    "a pass with reading processes": """
        from zfwidgets.images import source
        source.MANY = 1
        shown = zf.Explorer(engine())
        shown.settle(0)
    """,
}
ENDS = {
    "its last line": ("", 0),
    "sys.exit(3)": ("sys.exit(3)", 3),
    "an error": ("raise ValueError('a mistake')", 1),
    "Ctrl-C": ("print('ready', flush=True)\nthreading.Event().wait()", -signal.SIGINT),
}


def descendants(mark: str) -> list[str]:
    """Processes that have a mark in their environment."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if mark.encode() in (process / "environ").read_bytes():
                found.append((process / "cmdline").read_text())
        except OSError:  # noqa: PERF203 -- it has ended, or isn't ours
            continue
    return found


@pytest.mark.skipif(os.name == "nt", reason="Ctrl-C can't be sent to one process there")
@pytest.mark.parametrize(
    ("computing", "end"),
    [*zip(COMPUTING, ENDS, strict=True), ("an experiment", "its last line")],
)
def test_a_process_ends_as_its_code_says_while_something_is_computed(
    computing: str, end: str, tmp_path: Path
) -> None:
    last, status = ENDS[end]
    script, written = tmp_path / "script.py", tmp_path / "written.txt"
    lines = [BEFORE, COMPUTING[computing], f"assert computing.wait({SECONDS})", last]
    script.write_text("\n".join(textwrap.dedent(part) for part in lines))
    process = subprocess.Popen(
        [sys.executable, str(script), str(written)],
        env={**os.environ, "ZFWIDGETS_CACHE": str(tmp_path), "ZFWIDGETS_TEST_MARK": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    if end == "Ctrl-C":
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=PROGRAM)
    assert process.returncode == status, said
    assert written.read_text() == "the result of a long run"
    assert "zfwidgets/" not in said  # no traceback of ours
    while left := descendants(
        str(tmp_path)
    ):  # readers end with their input; the test's time limit counts
        assert all("zfwidgets.images.feeding.worker" in command for command in left)


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
    explorer.settle()
    top = engine.top("0", 2)
    computes = {
        "predict": lambda: engine.predict(0),
        "occlude": lambda: engine.occlude(0, patch=4, stride=2, progress=False),
        "project": lambda: engine.project_all(list(top)),
        "photo": lambda: engine.photo(2),
        "settle": lambda: explorer.settle(),
        "widget": lambda: zf.Explorer(engine).settle(),
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
