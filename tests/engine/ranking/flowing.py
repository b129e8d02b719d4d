"""Look at many small pictures; prints the peak memory in kB.

``python flowing.py IMAGES FOLDER`` makes an index, ``python flowing.py worker IMAGES MORE`` has a
process read so many, and then more.
"""

from __future__ import annotations

import resource
import sys
import time
from contextlib import closing
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parent))
from small import network, transform

import zfwidgets as zf
from zfwidgets.engine.ranking.indexing import Settings
from zfwidgets.images.feeding.workers import Workers


class Flowing:
    """Pictures made of their number when they are asked for, with labels."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.classes = ("even", "odd")

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, number: int) -> tuple[np.ndarray, int]:
        if not 0 <= number < self.count:
            raise IndexError(number)
        pixels = np.random.default_rng(number).integers(0, 256, (40, 56, 3), np.uint8)
        return pixels, number % 2


def engine(count: int) -> zf.Engine:
    from flowing import Flowing as Sendable  # by a name that a worker can import

    return zf.Engine(network(), Sendable(count), transform(), cache=False)


def whole_pass(count: int, folder: Path) -> None:
    made = engine(count)
    made._indexing.ask(Settings(folder=folder, every=0.2))
    assert made.index(progress=False).images_seen == count
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


def worker(counts: list[int]) -> None:
    """One worker: its peak after so many pictures."""
    with closing(Workers(engine(max(counts)).session.source._reader, 1)) as pool:
        while not pool.pids:  # the test that runs this gives up in the end
            time.sleep(0.02)
        for first, end in zip([0, *counts], counts, strict=False):
            for number in range(first, end):
                assert pool.look(number).tensor is not None
            status = Path(f"/proc/{pool.pids[0]}/status").read_text()
            print(status.partition("VmHWM:")[2].split()[0])


if __name__ == "__main__":
    torch.set_num_threads(1)
    if sys.argv[1] == "worker":
        worker(list(map(int, sys.argv[2:])))
    else:
        whole_pass(int(sys.argv[1]), Path(sys.argv[2]))
