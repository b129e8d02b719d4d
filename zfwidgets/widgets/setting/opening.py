"""The unit on which a widget opens: one that says something by itself."""

from __future__ import annotations

from contextlib import suppress

import numpy as np

from ...engine.protocol import EngineProtocol
from ...errors import NotStored
from ...records import LayerInfo

SEEN = 1 / 3
"""Largest part of the network's input, each way, that the layer's units see: parts, not scenes."""
NINE = 9
"""Photos in which the channel fires, at least."""


def opening_unit(engine: EngineProtocol) -> tuple[str, int]:
    """Layer and channel with which widgets open."""
    layer = opening_layer(engine)
    return layer.name, opening_channel(engine, layer)


def opening_layer(engine: EngineProtocol) -> LayerInfo:
    """The deepest block, or convolution, whose units see no more than a third of the input."""
    layers = [layer for layer in engine.layers if layer.role == "block"]
    layers = layers or [layer for layer in engine.layers if layer.role == "conv"]
    layers = layers or list(engine.layers)
    small = [layer for layer in layers if _share(layer) <= SEEN]
    return small[-1] if small else layers[0]


def opening_channel(engine: EngineProtocol, layer: LayerInfo) -> int:
    """The channel whose strongest unit stands out most from its mean, once that is known.

    A channel that responds to one thing is weak nearly everywhere. What a convolution's channels
    are after the rectifier that reads them counts.
    """
    heard = layer if layer.rectified else _rectifier(engine, layer)
    if heard is None or not engine.indexed:
        return 0
    with suppress(NotStored):
        known = engine.channels(heard.name)
        fires = (1 - known.silent) * len(engine.info.images) > NINE - 0.5
        stands_out = np.where(fires & (known.mean > 0), known.strongest, 0)
        stands_out = stands_out / np.where(known.mean > 0, known.mean, 1)
        return int(stands_out.argmax())
    return 0


def _share(layer: LayerInfo) -> float:
    field = layer.receptive_field
    if field.reach == "global":
        return 1.0
    return max(size / image for size, image in zip(field.size, field.image, strict=True))


def _rectifier(engine: EngineProtocol, layer: LayerInfo) -> LayerInfo | None:
    """The rectifier that reads a layer's output, and nothing else, with the same channels."""
    for other in engine.layers:
        if other.rectified and other.parents == (layer.name,) and other.shape == layer.shape:
            return other
    return None
