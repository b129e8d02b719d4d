"""Which layers, channels and photos a report holds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ..engine.protocol import EngineProtocol
from ..errors import InputError
from ..widgets.wire.service import Need

PATCHES = 9
"""Strongest activations that are kept of each channel."""


@dataclass(frozen=True)
class Held:
    """What a report holds beside the statistics of its layers.

    Attributes
    ----------
    layers
        Names.
    units
        Channels with patches from their whole range: those that its widgets showed.
    channels
        All channels with all of their projections, by layer.
    images
        Photos with an occlusion map.
    covers
        Requests for covered patches.
    """

    layers: tuple[str, ...]
    units: tuple[tuple[str, int], ...]
    channels: dict[str, list[int]]
    images: tuple[int, ...]
    covers: tuple[Need, ...]

    def choices(
        self, engine: Any, given: Mapping[str, Any], units: Iterable[tuple[str, int]]
    ) -> dict[str, Any]:
        """The layers and channels that are saved again: those given, else all that are held."""
        layers = self.layers if given.get("layers") is None else given["layers"]
        channels = given.get("channels")
        if channels is None:
            kept = chosen_layers(engine, layers, units)
            channels = {name: held for name, held in self.channels.items() if name in kept}
        return {"layers": layers, "channels": channels}


def chosen_layers(
    engine: EngineProtocol, layers: Iterable[str] | str | None, units: Iterable[tuple[str, int]]
) -> tuple[str, ...]:
    """Names of layers: None means convolutions and what the widgets show."""
    if layers is None:
        wanted = {layer.name for layer in engine.layers if layer.role == "conv"}
        wanted |= {name for name, _ in units}
    elif layers == "all":
        wanted = {layer.name for layer in engine.layers}
    else:
        wanted = {engine.layer(n).name for n in ([layers] if isinstance(layers, str) else layers)}
    names = tuple(layer.name for layer in engine.layers if layer.name in wanted)
    if not names:
        raise InputError("A report needs a layer: layers is empty.")
    return names
