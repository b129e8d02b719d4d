"""Numbers and classes as colours, the same as in the browser."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from .arrays import Pixels
from .colour_maps import CATEGORIES, COLOUR_MAPS, FROM_ZERO, LEAST_PART, LEAST_SHARE

_STOPS = {**COLOUR_MAPS, "grey": "000000 ffffff"}

COLOURS = tuple(_STOPS)
"""Names of what numbers can be painted in; widgets have those of `COLOUR_MAPS`."""

_CATEGORIES = np.array(CATEGORIES, dtype=np.uint8)
EMPTY = 255
"""Level of what isn't known."""


def coloured(values: NDArray[Any], colours: str, low: float, high: float) -> Pixels:
    """Numbers as colours, (..., 3) uint8: ``low`` is the map's first, ``high`` its last.

    NaN is white. Of a map whose colours have an opacity it is (..., 4), and NaN transparent.
    """
    if colours not in _STOPS:
        raise InputError(f"colours must be one of {', '.join(COLOURS)}, not {colours!r}.")
    stops = np.array([list(bytes.fromhex(stop)) for stop in _STOPS[colours].split()], np.float64)
    span = high - low if high > low else 1.0
    at = np.clip((np.nan_to_num(values) - low) / span, 0, 1) * (len(stops) - 1)
    first = np.minimum(at.astype(int), len(stops) - 2)
    share = (at - first)[..., None]
    mixed = np.rint(stops[first] * (1 - share) + stops[first + 1] * share)
    mixed[np.isnan(values)] = (EMPTY, EMPTY, EMPTY, 0)[: mixed.shape[-1]]
    return np.asarray(mixed, dtype=np.uint8)


def change_reach(kind: str, changes: NDArray[Any], clean: float) -> float:
    """How large a change of an occlusion map has the strongest colours.

    The largest there is, unless all are rounding; the page has the same in ``changeScale``.

    Parameters
    ----------
    kind
        Name of the map.
    changes
        Differences from the value without occluder; NaN where there is none.
    clean
        That value; 0 of maps that are differences by themselves.
    """
    known = changes[np.isfinite(changes)]
    if not known.size:
        return 1.0
    largest = max(abs(clean), float(np.abs(known + clean).max()))
    least = LEAST_SHARE if kind in FROM_ZERO else LEAST_PART * largest
    return max(float(np.abs(known).max()), least) or 1.0


def value_ends(values: NDArray[Any]) -> tuple[float, float]:
    """Which values of an occlusion map have the first and the last colour.

    The smallest and the largest there are; where these differ by rounding alone, further apart, so
    that all look alike.
    """
    known = values[np.isfinite(values)]
    if not known.size:
        return 0.0, 1.0
    low, high = float(known.min()), float(known.max())
    short = max(0.0, LEAST_PART * max(abs(low), abs(high)) - (high - low))
    return low - short / 2, high + short / 2


def categories(values: NDArray[np.int64]) -> Pixels:
    """Classes as colours, (..., 3) uint8: the most frequent have their own, the others are grey.

    -1 is white.
    """
    known, counts = np.unique(values[values >= 0], return_counts=True)
    ranked = known[np.argsort(-counts, kind="stable")][: len(_CATEGORIES) - 1]
    out = np.full((*values.shape, 3), _CATEGORIES[-1], dtype=np.uint8)
    for colour, which in zip(_CATEGORIES, ranked, strict=False):
        out[values == which] = colour
    out[values < 0] = EMPTY
    return out
