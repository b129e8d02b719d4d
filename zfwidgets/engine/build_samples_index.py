"""Make the index of the sample photos that the package ships: ``python -m`` this module.

Run it again whenever the sample photos, the sample network or the index's layout change; a test
fails when the shipped index isn't found under the engine's fingerprint.
"""

from __future__ import annotations

from .. import samples
from .indexing import SHIPPED
from .local import LocalEngine


def main() -> None:
    """Write the index into the package's data folder, in place of older ones."""
    for old in SHIPPED.glob("*.safetensors"):
        old.unlink()
    engine = LocalEngine(samples.network(), samples.photos(), cache=SHIPPED)
    engine.index()
    print(*(f"{path} {path.stat().st_size:,} bytes" for path in SHIPPED.iterdir()), sep="\n")


if __name__ == "__main__":
    main()
