"""What a chart tells the page, as numbers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from zfwidgets.experiments.shared.charts import Chart


def drawn(chart: Chart) -> dict[str, NDArray[np.float64]]:
    """By the series' name; NaN where nothing is drawn."""
    return {one["name"]: np.array(one["y"], np.float64) for one in chart.series}


def places(chart: Chart) -> dict[str, NDArray[np.float64]]:
    """By the series' name: where its values stand."""
    return {one["name"]: np.array(one["x"], np.float64) for one in chart.series}


def names(chart: Chart) -> list[str]:
    """What places are called."""
    return [name for _, name in chart.across["names"]]
