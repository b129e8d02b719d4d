"""Make the letters of static pictures: the part of DejaVu Sans Condensed that languages here need.

``python -m benchmarks.building.build_letters DejaVuSansCondensed.ttf``, with fontTools installed.
The font that comes with Pillow has no umlauts, and neither dashes nor a minus.
"""

from __future__ import annotations

import sys
from pathlib import Path

from zfwidgets.drawing.page import LETTERS

RANGES = ((0x20, 0x7E), (0xA0, 0x17F), (0x2010, 0x2026), (0x2190, 0x2193), (0x391, 0x3C9))
SINGLE = "‰€™−∞≈≠≤≥½▸▾■●√Σ"


def build(font: Path) -> None:
    """Write `LETTERS` from the whole font."""
    from fontTools.subset import Options, Subsetter, load_font, save_font

    options = Options(layout_features=["kern"], hinting=False, notdef_outline=True)
    whole = load_font(str(font), options)
    letters = Subsetter(options)
    codes = [code for low, high in RANGES for code in range(low, high + 1)]
    letters.populate(unicodes=[*codes, *map(ord, SINGLE)])
    letters.subset(whole)
    save_font(whole, str(LETTERS), options)


if __name__ == "__main__":
    build(Path(sys.argv[1]))
