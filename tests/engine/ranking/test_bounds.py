"""What a pass takes of memory and disk, and what becomes of it where there is too little."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pytest
import torch
from torch import nn
from torchvision.models import densenet121

import zfwidgets as zf
from tests.engine.ranking.small import engine, network, pictures, transform
from tests.waiting import PROGRAM
from zfwidgets.engine.network import memory
from zfwidgets.engine.network.memory import MOST, batch_size, live_elements
from zfwidgets.engine.network.network import Network
from zfwidgets.engine.ranking import build, indexing
from zfwidgets.engine.ranking.index_pass import IndexPass
from zfwidgets.engine.ranking.indexing import Settings
from zfwidgets.engine.ranking.ranking_spec import KEEP, RESERVE, SAMPLE, RankingSpec
from zfwidgets.index.exact import BINS
from zfwidgets.index.plan import Plan
from zfwidgets.index.storing import FILE, UNFINISHED

A_CHANNEL = 12 * (KEEP + RESERVE) + 4 * SAMPLE + 8 * (BINS + 4)
"""Bytes of an index that a channel takes, without tops by class: 1808."""


def run(script: str, *arguments: object) -> list[int]:
    pytest.importorskip("resource", reason="this system neither tells nor limits such things")
    command = [sys.executable, str(Path(__file__).with_name(script)), *map(str, arguments)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=PROGRAM)
    assert result.returncode == 0, result.stderr
    return list(map(int, result.stdout.split()))


def test_memory_is_flat(tmp_path: Path) -> None:
    """Passes in processes of their own; a tensor kept of each image would be 107 MB more."""
    (few,) = run("flowing.py", 1000, tmp_path / "few")
    (many,) = run("flowing.py", 5000, tmp_path / "many")
    assert many <= 1.05 * few, f"1,000 images: {few} kB, 5,000: {many} kB"


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="there is no /proc here")
def test_memory_of_a_worker_is_flat() -> None:
    few, many = run("flowing.py", "worker", 1000, 5000)
    assert many <= 1.05 * few, f"1,000 images: {few} kB, 5,000: {many} kB"


def test_a_full_disk_costs_only_work(tmp_path: Path) -> None:
    (failed,) = run("full_disk.py", pictures(tmp_path / "pictures", 40), tmp_path, 20)
    assert failed >= 7


def test_an_index_that_found_no_room_is_written_when_it_is_asked_for_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, other = engine(pictures(tmp_path / "pictures", 20)), tmp_path / "other"
    with monkeypatch.context() as full:
        error = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        for module in (build, indexing):
            full.setattr(module, "save", Mock(side_effect=error))
        for _ in range(2):
            found = made.index(progress=False, folder=tmp_path / "index")
            assert any("No space left" in note for note in made.info.notes)
        assert not (tmp_path / "index" / FILE).exists()
    assert made.index(progress=False, folder=tmp_path / "index") is found
    assert not any("No space left" in note for note in made.info.notes)
    engine(tmp_path / "pictures").index(progress=False, folder=other)
    assert (tmp_path / "index" / FILE).read_bytes() == (other / FILE).read_bytes()


# DenseNet-121: the most channels of the usual networks


def test_an_index_of_many_channels_is_bounded() -> None:
    dense = Network(densenet121(weights=None).eval(), torch.zeros(3, 32, 32))
    channels = sum(layer.channels for layer in dense.layers)
    assert (len(dense.layers), channels) == (370, 97_640)
    count = SAMPLE + 16
    plan = Plan.of(count, 16)
    spec = RankingSpec.of([f"{i}" for i in range(count)], keep=KEEP + RESERVE)
    running = IndexPass(dense, plan, spec)
    generator = torch.Generator().manual_seed(0)
    for batch in range(len(plan)):
        running.take(batch, list(torch.rand(16, 3, 32, 32, generator=generator)))
    arrays, _ = running.partial().to_arrays()
    taken = sum(array.nbytes for array in arrays.values())
    assert taken <= A_CHANNEL * channels + 16 * count
    assert len(arrays["sampled"]) == SAMPLE  # as many as there ever are


# The size of a batch


def test_what_an_image_takes_is_counted() -> None:
    net = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten())
    graph = Network(net.eval(), torch.zeros(3, 20, 28)).graph
    assert live_elements(graph) == 2 * 8 * 20 * 28  # the convolution's map and the rectified one

    class Joined(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.one, self.two = nn.Conv2d(3, 4, 1), nn.Conv2d(3, 6, 1)

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            return torch.cat([self.one(images), self.two(images)], 1)

    graph = Network(Joined().eval(), torch.zeros(3, 20, 28)).graph
    assert live_elements(graph) == 20 * 28 * (4 + 6 + 10)  # the image isn't read any more


@pytest.mark.parametrize("room", [2**20, 2**22, 2**24, 2**30])
def test_the_size_of_a_batch_follows_from_what_an_image_takes(
    room: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "ROOM", room)
    graph = Network(nn.Sequential(nn.Conv2d(3, 90, 1)).eval(), torch.zeros(3, 64, 96)).graph
    size, takes = batch_size(graph, torch.device("cpu")), 4 * live_elements(graph)
    assert takes == 4 * 64 * 96 * (3 + 90)
    assert size in {1, MOST["cpu"]} or size * takes <= room < 2 * size * takes
    assert (size == 1) == (room < 2 * takes)
    assert (size == MOST["cpu"]) == (room >= MOST["cpu"] * takes)


def test_batches_that_were_begun_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As where a pass goes on on a device with more memory."""
    folder = pictures(tmp_path / "pictures", 40)
    undisturbed = engine(folder)
    undisturbed.index(progress=False, folder=tmp_path / "undisturbed")
    begun = engine(folder)
    begun._indexing.ask(Settings(folder=tmp_path / "index", every=0.0))
    next(steps := begun.index_steps())
    steps.close()
    begun._indexing._stop()
    assert (tmp_path / "index" / UNFINISHED).exists()
    monkeypatch.setattr(indexing, "batch_size", lambda *_: 7)
    found = engine(folder).index(progress=False, folder=tmp_path / "index")
    assert found.plan.sizes().tolist() == [16, 16, 8]
    one, other = (tmp_path / name / FILE for name in ("undisturbed", "index"))
    assert one.read_bytes() == other.read_bytes()


class Greedy(nn.Module):
    """Asks for a petabyte where more than three images come at once."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = network()

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        if len(images) > 3:
            torch.empty(2**50, dtype=torch.uint8)
        return self.inner(images)


def test_batches_shrink_where_the_memory_of_a_cpu_runs_out(tmp_path: Path) -> None:
    folder = pictures(tmp_path / "pictures", 20)
    greedy = zf.Engine(Greedy(), folder, transform(), cache=False)
    found, plain = greedy.index(progress=False), engine(folder).index(progress=False)
    assert "down to 2 images" in found.made_with["smaller batches"]
    assert any("memory of cpu ran out" in note for note in greedy.info.notes)
    for layer, other in zip(found.layers.values(), plain.layers.values(), strict=True):
        np.testing.assert_allclose(layer.values, other.values, rtol=1e-5)
        np.testing.assert_array_equal(layer.images, other.images)

    class Wrong(Greedy):
        def forward(self, images: torch.Tensor) -> torch.Tensor:
            if len(images) > 3:
                raise RuntimeError("something else is wrong")
            return self.inner(images)

    with pytest.raises(RuntimeError, match="something else"):
        zf.Engine(Wrong(), folder, transform(), cache=False).index(progress=False)
