"""How alike two pictures are by the order of their values; SciPy is imported when it is needed."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ....errors import optional


def rank_correlation(a: NDArray[Any], b: NDArray[Any]) -> float:
    """Spearman's rank correlation, -1 .. 1, ties at their mean rank; NaN where one is constant."""
    if constant(a) or constant(b):
        return float("nan")
    return float(load("scipy.stats").spearmanr(a.ravel(), b.ravel()).statistic)


def constant(values: NDArray[Any]) -> bool:
    """Whether all values are the same, or there are none."""
    return not values.size or bool(np.ptp(values) == 0)


def load(name: str) -> Any:
    """Import what compares pictures; raises `MissingDependency`."""
    return optional(
        name,
        "The sanity check compares pictures with SciPy and scikit-image: "
        "pip install 'zfwidgets[sanity]'",
    )
