"""How alike a channel's nine photos are, and how suspiciously its nine units lie, for a layer.

For sorting: which channels can be read at a glance, and which may be about where and not what.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from math import comb, log10

import numpy as np
from numpy.typing import NDArray

from ..engine.protocol import EngineProtocol
from ..records import Activation, LayerInfo, Progress
from ..stepwise import Counting
from .alike import Responses
from .grouping import class_scores
from .shared import FEWEST, K

CELLS = 4
"""A feature map is cut into so many by so many places."""
SMALLEST_MAP = 4
"""Rows and columns of a feature map, below which units have no place to speak of."""
CHANNELS_A_STEP = 64


@dataclass(frozen=True)
class Orders:
    """What channels of a layer can be sorted by.

    Attributes
    ----------
    layer
        Name of the layer.
    features
        Name of the layer by whose responses photos are compared: the last before class scores.
    readable
        (channels,) float32: how alike the photos of a channel's nine are: the mean cosine of all
        pairs. The vectors are each photo's largest activations of ``features``, less the mean
        over all photos and in standard deviations, so that 0 is as alike as any two photos.
        NaN where fewer than three of the nine are among the photos that the index samples.
    suspicious
        (channels,) float32: how improbable it is that as many of the nine units lie at the border
        of the feature map, or within one of its 4 x 4 parts, if all units were as likely: minus
        the decimal logarithm of the chance. NaN for maps of fewer than 4 rows or columns, and
        where a channel has fewer than three units.
    """

    layer: str
    features: str
    readable: NDArray[np.float32]
    suspicious: NDArray[np.float32]


def order_steps(engine: EngineProtocol, layer: str) -> Counting[Orders]:
    """Compute `Orders` of a layer from what the index knows, a few channels a step."""
    info, last = engine.layer(layer), feature_layer(engine)
    yield Progress(0, info.channels, None, ORDERING)
    described = _described(Responses.of(engine, last.name))
    readable = np.full(info.channels, np.nan, np.float32)
    suspicious = np.full(info.channels, np.nan, np.float32)
    for channel in range(info.channels):
        if channel % CHANNELS_A_STEP == 0:
            yield Progress(channel, info.channels, None, ORDERING)
        nine = list(engine.top(layer, channel, K))
        vectors = [described[a.image] for a in nine if a.image in described]
        readable[channel] = likeness(np.array(vectors))
        suspicious[channel] = suspicion(nine, info)
    return Orders(info.name, last.name, readable, suspicious)


ORDERING = "comparing channels"


def feature_layer(engine: EngineProtocol) -> LayerInfo:
    """The last layer that isn't class scores: as many channels as classes are such, too."""
    classes = len(engine.info.labels) if class_scores(engine) is not None else -1
    found = [layer for layer in engine.layers if layer.channels != classes]
    return (found or engine.layers)[-1]


def _described(responses: Responses) -> dict[int, NDArray[np.float64]]:
    """Each photo's vector."""
    values = responses.values - responses.values.mean(0)
    spread = values.std(0)
    values = np.divide(values, spread, out=np.zeros_like(values), where=spread > 0)
    return dict(zip(responses.images.tolist(), values, strict=True))


def likeness(vectors: NDArray[np.float64]) -> float:
    """The mean cosine of all pairs of (n, d) vectors; NaN of fewer than three."""
    if len(vectors) < FEWEST:
        return float("nan")
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    units = np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > 0)
    # The square of their sum is all pairs twice, and each with itself.
    count = len(units)
    total = float((units.sum(0) ** 2).sum() - (units**2).sum())
    return total / (count * (count - 1))


def suspicion(nine: list[Activation], info: LayerInfo) -> float:
    """How improbable the places of units are, see `Orders.suspicious`."""
    _, rows, columns = info.shape
    places = [(a.unit.row, a.unit.col) for a in nine]
    known = [(row, col) for row, col in places if row is not None and col is not None]
    if min(rows, columns) < SMALLEST_MAP or len(known) < FEWEST:
        return float("nan")
    inner = (rows - 2) * (columns - 2)
    border = sum(row in (0, rows - 1) or col in (0, columns - 1) for row, col in known)
    chances = [at_least(border, len(known), 1 - inner / (rows * columns))]
    parts = Counter((row * CELLS // rows, col * CELLS // columns) for row, col in known)
    for (down, right), count in parts.items():
        area = _extent(down, rows) * _extent(right, columns) / (rows * columns)
        chances.append(at_least(count, len(known), area))
    tried = CELLS * CELLS + 1
    return -log10(min(1.0, tried * min(chances)))


def _extent(part: int, size: int) -> int:
    """How many rows or columns are in a part."""
    return sum(place * CELLS // size == part for place in range(size))


def at_least(found: int, drawn: int, share: float) -> float:
    """The chance of so many hits or more in independent draws (binomial)."""
    return sum(
        comb(drawn, hits) * share**hits * (1 - share) ** (drawn - hits)
        for hits in range(found, drawn + 1)
    )
