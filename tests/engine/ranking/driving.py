"""A driver of a pass on a cluster, to be killed: ``driving.py ADDRESS NOTES FOLDER COUNT GATE``."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.engine.ranking.cluster.test_cluster import CPUS, made
from tests.engine.ranking.datasets import Numbered
from zfwidgets.engine.ranking.indexing import Settings

if __name__ == "__main__":
    address, notes, folder, count, gate = sys.argv[1:]
    engine = made(Numbered(int(count), Path(notes), int(gate)))
    engine._indexing.ask(Settings(folder=Path(folder), every=0.0))
    engine.index(progress=False, cluster=CPUS(address))
