"""Which layers' features are looked at, and how large they are."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...errors import InputError
from ...records import LayerInfo
from .records.accuracies import FeatureShape

DIMENSION = 4096
"""Numbers of a feature vector at most, by default: as many as the paper's layers 6 and 7 have."""
MOST_LAYERS = 8


def main_layers(layers: Sequence[LayerInfo], most: int = MOST_LAYERS) -> tuple[str, ...]:
    """Layers as the paper counts them: each convolution or matrix with all that follows it.

    Each is read at its last module's output: behind rectifier, pool and norm. What branches and
    comes together again inside one module, such as a fire module or a residual block, counts as one
    layer: its bottlenecks and half branches hold a part of what it says. The class scores aren't
    among them. Where there are more than ``most``, as many at equal distances, the last included.
    """
    joining = {layer.blocks[-1] for layer in layers if layer.joined and layer.blocks}
    inside = [next((b for b in layer.blocks[::-1] if b in joining), "") for layer in layers]
    ends: list[str] = []
    for place, layer in enumerate(layers):
        if place + 1 == len(layers):
            ends.append(layer.name)
            continue
        above, block = layers[place + 1], inside[place + 1]
        starts = block != inside[place] if block else above.role in ("conv", "linear")
        if starts:
            ends.append(layer.name)
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
