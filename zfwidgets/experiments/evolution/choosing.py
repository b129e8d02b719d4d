"""Which feature maps are watched."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from ...engine.local import LocalEngine
from ...errors import InputError
from ...records import LayerInfo, Unit

LAYERS = 6
"""Convolutions that are watched if none are named: the paper's five, and not a hundred."""

Units = int | Sequence[Unit | tuple[str, int]] | Mapping[str, int | Sequence[int]]


def choose_units(engine: LocalEngine, units: Units) -> tuple[tuple[str, int], ...]:
    """(layer, channel) of the chosen maps, layers in the network's order.

    Raises
    ------
    UnknownLayer, InputError
        For a layer or channel that the network doesn't have, or none at all.
    """
    if isinstance(units, int):
        units = {layer.name: min(units, layer.channels) for layer in _convolutions(engine)}
    chosen: dict[str, list[int]] = {layer.name: [] for layer in engine.layers}
    for name, channel in _pairs(engine, units):
        info = engine.session.channel(name, channel)
        if channel not in chosen[info.name]:
            chosen[info.name].append(int(channel))
    found = tuple((name, channel) for name, channels in chosen.items() for channel in channels)
    if not found:
        raise InputError(
            "No feature maps are chosen: units is a number of maps a layer, pairs (layer, "
            "channel), or {layer: channels}. engine.layers lists the layers."
        )
    return found


def _pairs(
    engine: LocalEngine, units: Sequence[Unit | tuple[str, int]] | Mapping[str, int | Sequence[int]]
) -> Iterable[tuple[str, int]]:
    if isinstance(units, Mapping):
        for name, channels in units.items():
            info = engine.layer(name)
            drawn = _drawn(info, channels) if isinstance(channels, int) else channels
            for channel in drawn:
                yield info.name, channel
        return
    for unit in units:
        if isinstance(unit, Unit):
            yield unit.layer, unit.channel
            continue
        try:
            name, channel = unit
        except (TypeError, ValueError):
            raise InputError(f"units has {unit!r}: expected a Unit or (layer, channel).") from None
        yield name, channel


def _drawn(info: LayerInfo, count: int) -> list[int]:
    """Channels of a layer, drawn at random, the same each time."""
    if not 1 <= count <= info.channels:
        raise InputError(
            f"{count} maps of layer {info.name!r} are asked for: it has {info.channels}."
        )
    random = np.random.default_rng(info.channels)
    return sorted(random.choice(info.channels, count, replace=False).tolist())


def _convolutions(engine: LocalEngine) -> list[LayerInfo]:
    """The network's convolutions, evenly spread if there are many; else its first layers."""
    layers = [layer for layer in engine.layers if layer.role == "conv"] or list(engine.layers)
    places = np.unique(np.linspace(0, len(layers) - 1, min(LAYERS, len(layers))).round())
    return [layers[int(place)] for place in places]
