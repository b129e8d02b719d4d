"""Make the index of the sample photos that the package ships: ``python -m`` this module.

Run it again whenever the sample photos, the sample network or the index's layout change; a test
fails when the shipped index isn't found under the engine's fingerprint.
"""

from __future__ import annotations

from pathlib import Path

from .. import samples
from .local import SHIPPED, LocalEngine


def main() -> None:
    """Write the index into the package's data folder, in place of older ones."""
    folder = Path(str(SHIPPED))
    for old in folder.glob("*.safetensors"):
        old.unlink()
    engine = LocalEngine(samples.network(), samples.photos(), cache=folder)
    engine.index()
    print(*(f"{path} {path.stat().st_size:,} bytes" for path in folder.iterdir()), sep="\n")


if __name__ == "__main__":
    main()
