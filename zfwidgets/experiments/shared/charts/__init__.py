"""Charts of experiments: lines, bars, named points.

`chart` is the widget: what it shows are its traits, numbers and all, so that it needs no kernel to
stand in a report, and the page (``js/src/views/charts``) draws it. The others are what experiments
make: each says with a few methods what is drawn, and hears what is clicked.
"""

from __future__ import annotations

from .bars import BarChart
from .chart import Chart
from .lines import LineChart
from .points import PointChart

__all__ = ["BarChart", "Chart", "LineChart", "PointChart"]
