"""Make the index of the sample photos that the package ships.

    python -m benchmarks.building.build_samples_index

Run it again whenever the sample photos, the sample network or the index's layout change; a test
fails when the shipped index isn't found under the engine's fingerprint.
"""

from __future__ import annotations

import shutil

from zfwidgets import samples
from zfwidgets.engine.local import LocalEngine
from zfwidgets.engine.ranking.indexing import SHIPPED, Indexing
from zfwidgets.engine.ranking.ranking_spec import KEEP
from zfwidgets.index.storing import FILE, save


def main() -> None:
    """Write the index into the package's data folder, in place of older ones."""
    for old in SHIPPED.iterdir():
        shutil.rmtree(old) if old.is_dir() else old.unlink()
    session = LocalEngine(samples.network(), samples.photos(), cache=False).session
    indexing = Indexing(session, None)
    indexing.keep = KEEP  # no photo is ever removed
    path = SHIPPED / indexing.name / FILE
    save(indexing.get(), path)
    print(f"{path} {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
