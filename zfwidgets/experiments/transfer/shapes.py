"""Which layers' features are looked at, and how large they are."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...errors import InputError
from ...records import LayerInfo
from .accuracies import FeatureShape

DIMENSION = 4096
"""Numbers of a feature vector at most, by default: as many as the paper's layers 6 and 7 have."""
MOST_LAYERS = 8


def main_layers(layers: Sequence[LayerInfo], most: int = MOST_LAYERS) -> tuple[str, ...]:
    """Layers as the paper counts them: each convolution or matrix with all that follows it.

    Of each the last module's output: behind rectifier, pool and norm. The class scores aren't
    among them. Where there are more than ``most``, as many at equal distances, the last included.
    """
    ends: list[str] = []
    for here, above in zip(layers, [*layers[1:], None], strict=True):
        if above is None or above.role in ("conv", "linear"):
            ends.append(here.name)
    ends = ends[:-1] or ends
    if len(ends) > most:
        places = np.unique(np.linspace(0, len(ends) - 1, most).round().astype(int))
        ends = [ends[place] for place in places]
    return tuple(ends)


def feature_shape(layer: LayerInfo, dimension: int = DIMENSION) -> FeatureShape:
    """How a layer's output becomes a vector of at most ``dimension`` numbers.

    Raises
    ------
    InputError
        Even one number a channel would be more.
    """
    channels, rows, columns = layer.shape
    if channels > dimension:
        raise InputError(
            f"{layer.name!r} has {channels} channels, a feature vector may have {dimension} "
            f"numbers: pass dimension={channels} or more."
        )
    grid = rows, columns
    while channels * grid[0] * grid[1] > dimension:
        longer = max(grid) - 1
        grid = min(grid[0], longer), min(grid[1], longer)
    return FeatureShape(layer.name, (channels, rows, columns), grid)
