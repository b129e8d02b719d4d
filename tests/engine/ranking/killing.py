"""Kill a process that builds an index again and again; prints how often it hit.

``python killing.py PICTURES FOLDER KILLS``. Each pass is begun anew where the last one was left,
in a process forked from this one, which has torch loaded. When one is through, its file must be,
byte for byte, that of a pass that nobody disturbed.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parent))
from small import engine

from zfwidgets.engine.ranking.indexing import Settings
from zfwidgets.index.storing import FILE

torch.set_num_threads(1)


def build(pictures: Path, folder: Path) -> None:
    made = engine(pictures)
    made._indexing.ask(Settings(folder=folder, every=0.0))
    made.index(progress=False)


def forked(pictures: Path, folder: Path) -> int:
    pid = os.fork()
    if not pid:
        build(pictures, folder)
        os._exit(0)
    return pid


def main() -> None:
    pictures, folder, kills = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    chance = random.Random(0)
    began = time.monotonic()
    assert os.waitpid(forked(pictures, folder / "undisturbed"), 0)[1] == 0
    whole = time.monotonic() - began
    expected = (folder / "undisturbed" / FILE).read_bytes()
    hit, through = 0, 0
    while hit < kills or not through:
        here = folder / f"{through}"
        pid = forked(pictures, here)
        if hit < kills:
            time.sleep(chance.uniform(0, whole))  # the moment is the test
            os.kill(pid, signal.SIGKILL)
        status = os.waitpid(pid, 0)[1]
        hit += os.WIFSIGNALED(status)
        assert os.WIFSIGNALED(status) or status == 0, status
        if status == 0:
            assert (here / FILE).read_bytes() == expected
            through += 1
    print(hit, through)


if __name__ == "__main__":
    main()
