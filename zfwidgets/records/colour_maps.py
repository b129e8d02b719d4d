"""The one table of colours, from which ``js/hatch_build.py`` makes the browser's."""

from __future__ import annotations

COLOUR_MAPS = {
    "tint": "d0107eff d0107e80 80808000 2e8b1280 2e8b12ff",
    "viridis": """440154 48186a 472d7b 424086 3b528b 33638d 2c728e 26828e 21908c 1f9f88
        27ad81 3ebc74 5cc863 82d34d aadc32 d5e21a fde725""",
    "magma": """000004 0a0822 1d1147 36106b 50127c 691c81 822681 9c2e7f b6367a cf4070
        e65164 f46a5c fb8861 fea571 fec287 fde0a1 fcfdbf""",
    "diverging": """3b4cc0 4e68d8 6282ea 779af7 8db0fe a3c2fe b8d0f9 ccd9ed dcdcdc ebd3c6
        f4c5ad f7b194 f49a7b ec7f63 de614d cb3e38 b40426""",
}
"""Evenly spaced colours of each map, low to high; between them, straight lines.

Eight digits have an opacity: what is shown below shines through. Of an occlusion map those of
`CHANGES` show how values differ from the one without occluder.
"""
CHANGES = ("tint", "diverging")
"""Maps of two sides, whose middle is no change."""
FROM_ZERO = ("probability", "hamming", "cosine")
"""Occlusion maps whose values are at least zero, which means something: none of it."""
LEAST_SHARE, LEAST_PART = 0.001, 0.0001
"""Changes by less are rounding, and don't get the strongest colours.

The first is of maps that are `FROM_ZERO`, the second of others: a part of the largest value.
"""
DEFAULT_COLOURS = "tint"
"""Name of the map that occlusion maps have unless another one is chosen."""
CATEGORIES = (
    (0, 114, 178),
    (230, 159, 0),
    (0, 158, 115),
    (204, 121, 167),
    (86, 180, 233),
    (213, 94, 0),
    (240, 228, 66),
    (128, 128, 128),
)
"""Colours that colour-blind people tell apart (Okabe and Ito, 2008), and grey for the rest."""
SERIES = (*(f"#{bytes(CATEGORIES[at]).hex()}" for at in (0, 5, 2, 3, 1, 4)), "#8c959f")
"""Those of lines and bars, the best seen first."""
LUMINANCE = (0.299, 0.587, 0.114)
"""How much red, green and blue count in a pixel's brightness (ITU-R BT.601, as Pillow's "L")."""
