"""Processes that end while something is computed: as their code says, with their files written."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pytest
from jupyter_client.manager import KernelManager

from tests.waiting import PROGRAM, SECONDS

REPEATS = int(os.environ.get("ZFWIDGETS_ENDS", "0"))
"""How often each end is tried with all that may compute; 0: each of both once."""

BEFORE = """
import sys, threading
import torch
from torch import nn
import zfwidgets as zf

torch.manual_seed(0)
computing = threading.Event()


class First(nn.Conv2d):
    def forward(self, batch):
        computing.set()
        for _ in range(20):  # most of the time is spent in PyTorch's code
            super().forward(batch.detach().repeat(8, 1, 1, 1))
        return super().forward(batch)


def made():
    return nn.Sequential(
        First(3, 8, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(8, 9, 3), nn.ReLU(),
        nn.Flatten(), nn.Linear(9 * 16 * 12, 4),
    )


network = made().eval()
images = [torch.rand(3, 38, 30) for _ in range(2000)]
labelled = [(image, number % 4) for number, image in enumerate(images)]
scale = {"denormalize": ((0, 0, 0), (1, 1, 1))}
file = open(written, "w")
file.write("the result of a long run")  # and nobody flushes it


def engine():
    made = zf.Engine(network, images, cache=False, **scale)
    computing.clear()
    return made
"""
COMPUTING = {
    "an explorer": "shown = zf.Explorer(engine())\nshown.settle(0)",
    "a diagnosis": "shown = zf.Diagnosis(engine())",
    "a watched training": """
        optimizer = torch.optim.SGD(network.parameters(), 1e-3)
        watched = zf.watch(network, images[:50], every=1, **scale)
        computing.clear()
        for _ in range(3):
            optimizer.zero_grad()
            network(torch.stack(images[:8])).square().mean().backward()
            optimizer.step()
            computing.clear()
            watched.step()
    """,
    "a pass with reading processes": """
        from zfwidgets.images import source
        source.MANY = 1
        shown = zf.Explorer(engine())
        shown.settle(0)
    """,
    "an invariance": "shown = zf.Invariance(engine())",
    "a correspondence": """
        boxes = {"nose": [(2, 3, 9, 5), (0, 10, 7, 8)], "tail": [(25, 2, 9, 6), (20, 16, 9, 8)]}
        shown = zf.Correspondence(engine(), [0, 1], boxes=boxes, draws=500)
    """,
    "a strongest map": "shown = zf.StrongestMap(engine(), patch=8, stride=1)",
    "a sanity check": "shown = zf.SanityCheck(engine(), ('3', 2))",
    "a lesion": "shown = zf.Lesion(engine(), labelled, off={'0': [1]})",
    "a quiz": "shown = zf.Quiz(engine())",
    "an ablation": """
        shown = zf.Ablation({"one": made, "another": made}, labelled, epochs=9)
    """,
    "a transfer": "shown = zf.Transfer(engine(), labelled)",
}
ENDS = {
    "its last line": ("", 0),
    "sys.exit(3)": ("sys.exit(3)", 3),
    "an error": ("raise ValueError('a mistake')", 1),
    "Ctrl-C": ("print('ready', flush=True)\nthreading.Event().wait()", -signal.SIGINT),
    "a kernel's shutdown": ("", 0),
    "a kernel's restart": ("", 0),
}


def pairs() -> Iterator[tuple[str, str, int]]:
    if REPEATS:
        yield from itertools.product(COMPUTING, ENDS, range(REPEATS))
    for computing, end in zip(COMPUTING, itertools.cycle(ENDS), strict=False):
        if not REPEATS:
            yield computing, end, 0


@pytest.mark.skipif(os.name == "nt", reason="Ctrl-C can't be sent to one process there")
@pytest.mark.parametrize(("computing", "end", "turn"), [*pairs()])
def test_a_process_ends_as_its_code_says_while_something_is_computed(
    computing: str, end: str, turn: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if computing == "a transfer":
        pytest.importorskip("sklearn")
    last, status = ENDS[end]
    written = tmp_path / "written.txt"
    parts = [f"written = {str(written)!r}", BEFORE, COMPUTING[computing]]
    parts += [f"assert computing.wait({SECONDS})", last]
    code = "\n".join(textwrap.dedent(part) for part in parts)
    monkeypatch.setenv("ZFWIDGETS_CACHE", str(tmp_path))
    monkeypatch.setenv("ZFWIDGETS_TEST_MARK", str(tmp_path))
    with (tmp_path / "said").open("w+") as said:
        if end.startswith("a kernel's"):
            found = end_kernel(code, end == "a kernel's restart", said)
        else:
            found = end_script(code, end == "Ctrl-C", tmp_path / "script.py", said)
        said.seek(0)
        told = said.read()
    assert found == status, told
    assert written.read_text() == "the result of a long run"
    assert "zfwidgets/" not in told, told  # no traceback of ours
    assert "terminate called" not in told
    while left := descendants(
        str(tmp_path)
    ):  # readers end with their input; the test's time limit counts
        assert all("zfwidgets.images.feeding.worker" in command for command in left)


def end_script(code: str, interrupted: bool, path: Path, said: IO[str]) -> int:
    """A script's exit status."""
    path.write_text(code)
    with subprocess.Popen(
        [sys.executable, str(path)], stdout=subprocess.PIPE, stderr=said, text=True
    ) as process:
        if interrupted:
            assert process.stdout is not None
            process.stdout.readline()
            process.send_signal(signal.SIGINT)
        return process.wait(PROGRAM)


def end_kernel(code: str, restart: bool, said: IO[str]) -> int:
    """The exit status of an ordinary kernel that is asked to end.

    Jupyter asks in a message, as here, and kills who doesn't end. That is left out: whatever
    doesn't end by itself runs into the test's time limit.
    """
    with kernel(said) as manager:
        client = manager.client()
        client.start_channels()
        client.wait_for_ready(timeout=SECONDS)
        reply = client.execute(code, reply=True, timeout=PROGRAM)
        assert reply["content"]["status"] == "ok", reply["content"]
        client.shutdown(restart=restart)
        process = manager.provisioner.process  # type: ignore[union-attr]
        status = process.wait(PROGRAM)
        client.stop_channels()
        return int(status)


@contextmanager
def kernel(said: IO[str]) -> Iterator[KernelManager]:
    manager = KernelManager(kernel_name="python3")
    manager.start_kernel(stdout=said, stderr=said)
    try:
        yield manager
    finally:
        manager.shutdown_kernel(now=True)


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
