"""Exercises about layers: how much a unit sees, and what is found early or late."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ...engine.protocol import EngineProtocol
from ...errors import InputError
from ...language.words import Words
from ...records import Box, LayerInfo, Pixels, Progress
from .shared import LETTERS, alive, called, patch, photo_of, readable, stages, tiled, widest
from .task import Figure, Mark, Option, Scale, Steps, Task

CLOSE = 0.2
"""How far an estimate of a width may be off, as a part of the right number."""
PATCHES = 6
"""In each of the pictures that are compared."""


def _seen(layer: LayerInfo) -> Box:
    """What the layer's unit in the middle sees."""
    return widest(layer).box(layer.shape[1] // 2, layer.shape[2] // 2)


def _extent(words: Words, layer: LayerInfo) -> str:
    rows, columns = widest(layer).size
    key = "field.most" if layer.fields else "field.extent"
    return words(key, rows=rows, columns=columns)


@dataclass(frozen=True)
class LargerField:
    """Ask which of some layers has the largest receptive field.

    Attributes
    ----------
    layers
        Names of the layers; none: an early, a middle and a late one.
    photo
        Photo on which the fields are shown then; None: one that is taken.
    seed
        Number that draws their order.
    """

    indexed: ClassVar[bool] = False
    layers: tuple[str, ...] = ()
    photo: int | str | None = None
    seed: int = 0

    def steps(self, engine: EngineProtocol, words: Words) -> Steps:
        """Compare the fields that the engine says."""
        yield Progress(0, 1, None, words("making"))
        chosen = [engine.layer(name) for name in self.layers or dict.fromkeys(stages(engine))]
        order = np.random.default_rng(self.seed).permutation(len(chosen))
        layers = [chosen[place] for place in order]
        areas = [int(np.prod(widest(layer).size)) for layer in layers]
        best = int(np.argmax(areas))
        if areas.count(areas[best]) > 1 or len(layers) < 2:
            raise InputError(
                "One of the layers must have a larger receptive field than all others: "
                + ", ".join(f"{one.name} has {widest(one).size}" for one in layers)
            )
        image = photo_of(engine, self.photo)
        photo, name = engine.photo(image), engine.info.images[image]
        marks = tuple(Mark(_seen(layer), layer.name) for layer in layers)
        said = "; ".join(f"{layer.name}: {_extent(words, layer)}" for layer in layers)
        return Task(
            "choice",
            words("larger_field.ask"),
            best,
            words("larger_field.truth", layers=said),
            figures=(Figure(photo, "", words("alt.photo", name=name)),),
            reveal=(Figure(photo, words("larger_field.caption"), name, marks),),
            options=tuple(Option(one.name, None, _extent(words, one)) for one in layers),
        )


@dataclass(frozen=True)
class FieldWidth:
    """Ask how many pixels wide a layer's receptive field is.

    Attributes
    ----------
    layer, photo
        Layer, and photo on which its field is shown then; None: one from the middle of the
        network, and one that is taken.
    """

    indexed: ClassVar[bool] = False
    layer: str | None = None
    photo: int | str | None = None

    def steps(self, engine: EngineProtocol, words: Words) -> Steps:
        """Read the width that the engine says."""
        yield Progress(0, 1, None, words("making"))
        layer = engine.layer(self.layer or stages(engine)[1])
        columns = engine.info.input_shape[2]
        channel = layer.channels - 1
        field = layer.field_of(channel)
        width, box = field.size[1], field.box(layer.shape[1] // 2, layer.shape[2] // 2)
        who = called(words, layer.name, channel)
        image = photo_of(engine, self.photo)
        photo, name = engine.photo(image), engine.info.images[image]
        return Task(
            "estimate",
            words("field_width.ask", channel=who, columns=columns),
            width,
            words("field_width.truth", channel=who, width=width, columns=columns),
            figures=(Figure(photo, "", words("alt.photo", name=name)),),
            reveal=(Figure(photo, words("field_width.caption"), name, (Mark(box, ""),)),),
            scale=Scale(1, columns, words("unit.pixels")),
            tolerance=max(1.0, round(CLOSE * width)),
        )


@dataclass(frozen=True)
class DeepestPatches:
    """Ask which patches are of the channel that lies deepest in the network.

    Attributes
    ----------
    layers
        As in `LargerField`.
    seed
        Number that draws the channels and their order.
    """

    indexed: ClassVar[bool] = True
    layers: tuple[str, ...] = ()
    seed: int = 0

    def steps(self, engine: EngineProtocol, words: Words) -> Steps:
        """Take patches of a channel of each layer; the deepest is the last of the pass."""
        yield from engine.index_steps()
        names = list(self.layers) or list(dict.fromkeys(stages(engine)))
        if len(set(names)) < 2:
            raise InputError("This compares layers: give two or more.")
        places = [layer.name for layer in engine.layers]
        order = np.random.default_rng(self.seed).permutation(len(names))
        names = [engine.layer(names[place]).name for place in order]
        options = []
        for number, name in enumerate(names):
            yield Progress(number, len(names), None, words("making"))
            channel, pictures = _patches(engine, name, self.seed)
            layer = engine.layer(name)
            figure = Figure(tiled(pictures, 3), "", words("alt.patches", letter=LETTERS[number]))
            who, extent = called(words, name, channel), _extent(words, layer)
            told = words("deepest_patches.told", channel=who, extent=extent)
            options.append(Option(LETTERS[number], figure, told))
        best = max(range(len(names)), key=lambda number: places.index(names[number]))
        return Task(
            "choice",
            words("deepest_patches.ask"),
            best,
            words("deepest_patches.truth", letter=LETTERS[best], layer=names[best]),
            options=tuple(options),
        )


def _patches(engine: EngineProtocol, layer: str, seed: int) -> tuple[int, list[Pixels]]:
    """A channel that fires in enough photos, and its strongest patches."""
    channels = alive(engine, layer, seed)
    best: tuple[int, list[Pixels]] = (channels[0], [])
    for channel in channels[:20]:
        top = [
            activation
            for activation in engine.top(layer, channel, PATCHES)
            if activation.image is not None and readable(engine, activation.image)
        ]
        if len(top) > len(best[1]):
            best = channel, [patch(engine, activation) for activation in top]
        if len(best[1]) == PATCHES:
            break
    return best
