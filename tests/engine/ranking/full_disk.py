"""Build indexes where files may grow to a random size only; prints how often that was too little.

``python full_disk.py PICTURES FOLDER TRIES``. The limit (RLIMIT_FSIZE) stops a write in its middle
with an error of the operating system, as a full disk does, at a byte of our choice.
"""

from __future__ import annotations

import random
import resource
import shutil
import sys
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parent))
from small import engine

import zfwidgets as zf
from zfwidgets.engine.ranking.indexing import Settings
from zfwidgets.index.storing import FILE, UNFINISHED, load

torch.set_num_threads(1)
TOLD = "File too large"


def build(pictures: Path, folder: Path, steps: int = 1000) -> str:
    """Take so many steps of an index, or all; what the user is told."""
    made = engine(pictures)
    made._indexing.ask(Settings(folder=folder, every=0.0))
    stream = made.index_steps()
    for _ in range(steps):
        if next(stream, None) is None:
            break
    stream.close()
    return " ".join(made.info.notes)


def main() -> None:
    pictures, folder, tries = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    fewer = folder / "fewer"
    shutil.copytree(pictures, fewer, ignore=shutil.ignore_patterns("*7.png"))  # with their times
    build(pictures, folder / "new")
    build(fewer, folder / "before")
    shutil.copytree(folder / "before", folder / "repaired")
    build(pictures, folder / "repaired")
    expected = [(folder / name / FILE).read_bytes() for name in ("new", "repaired")]
    before = (folder / "before" / FILE).read_bytes()
    assert len({*expected, before}) == 3
    chance, failed = random.Random(0), 0
    for number in range(tries):
        here, repairing = folder / f"{number}", number % 2
        if repairing:
            shutil.copytree(folder / "before", here)
        written, unfinished = here / FILE, here / UNFINISHED
        allowed = resource.getrlimit(resource.RLIMIT_FSIZE)
        limit = chance.randrange(int(1.1 * len(expected[repairing])))
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, allowed[1]))
        try:
            told = build(pictures, here, chance.choice([1, 2, 1000]))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, allowed)
        whole = written.exists() and written.read_bytes() == expected[repairing]
        assert (TOLD in told and str(here) in told) == (not whole and not unfinished.exists())
        failed += TOLD in told
        assert whole or not repairing or written.read_bytes() == before
        assert whole or repairing or not written.exists()
        if unfinished.exists():
            assert load(unfinished).images_seen
        assert not list(here.glob(".*.part"))
        assert TOLD not in build(pictures, here)
        assert written.read_bytes() == expected[repairing]
        assert not unfinished.exists()
        assert zf.index.read(here).images_seen == len(list(pictures.iterdir()))
    print(failed)


if __name__ == "__main__":
    main()
