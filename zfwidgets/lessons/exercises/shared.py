"""What several exercises need of an engine."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from string import ascii_uppercase

import numpy as np
from PIL import Image

from ...engine.protocol import EngineProtocol
from ...errors import InputError, NotStored, UnreadableImage, ZfError
from ...language.words import Words
from ...records import Activation, LayerInfo, Pixels, ReceptiveField

LETTERS = ascii_uppercase
PHOTOS = ("coffee", "chickens", "scarlet-macaw", "koala", "penguin")
"""Shipped photos whose thing is easily told."""
SMALLEST = 20
"""An early layer's field is at least this part of the photo's width: less shows nothing."""
SEEN = 12
"""How many other photos are looked at for those that the network is surest of."""


def stages(engine: EngineProtocol) -> tuple[str, str, str]:
    """Names of an early, a middle and a late layer, each with larger fields than the one before.

    Blocks where the network has some, else layers behind a rectifier. In a small network some may
    be the same.
    """
    rows, columns = engine.info.input_shape[1:]
    found: dict[bool, dict[tuple[int, int], str]] = {True: {}, False: {}}
    for layer in engine.layers:
        field = layer.receptive_field
        told = layer.rectified and layer.channels > 1 and field.reach != "global"
        if told and field.size[0] <= rows and field.size[1] <= columns:
            found[layer.role == "block"].setdefault(field.size, layer.name)
    sizes = found[True] if len(found[True]) > 2 else found[False]
    names = [name for size, name in sizes.items() if size[1] >= columns / SMALLEST]
    names = names or [*sizes.values()] or [layer.name for layer in engine.layers]
    return names[0], names[(len(names) - 1) // 2], names[-1 - len(names) // 6]


def widest(layer: LayerInfo) -> ReceptiveField:
    """The largest field that channels of a layer have."""
    fields = [field for _, field in layer.fields] or [layer.receptive_field]
    return max(fields, key=lambda field: field.size[0] * field.size[1])


def surest(engine: EngineProtocol) -> list[int]:
    """Photos to ask about: `PHOTOS`, and where these aren't, those the network is surest of."""
    images = engine.info.images
    shipped = [images.index(name) for name in PHOTOS if name in images]
    if len(shipped) == len(PHOTOS):
        return shipped
    spread = np.unique(np.linspace(0, len(images) - 1, min(SEEN, len(images))).astype(int))
    sure = []
    for image in spread.tolist():
        with suppress(ZfError):  # a photo that can't be read isn't asked about
            sure.append((-engine.predict(image).top(1)[0][2], image))
    if not sure:
        raise InputError("None of the engine's photos can be read.")
    return [image for _, image in sorted(sure)]


def photo_of(engine: EngineProtocol, photo: int | str | None) -> int:
    """The number of a photo; None: of one of `PHOTOS`, or the first.

    Raises
    ------
    InputError
        There is no such photo.
    """
    images = engine.info.images
    if photo is None:
        return next((images.index(name) for name in PHOTOS if name in images), 0)
    return engine.info.image_number(photo)


def classes_of(engine: EngineProtocol) -> tuple[str, ...]:
    """What the network's classes are called, each by its first name."""
    if engine.info.no_classes:
        raise InputError(
            f"This asks how sure the network is of a class: {engine.info.no_classes} Ask for "
            "something else."
        )
    return tuple(label.split(",")[0] for label in engine.info.labels)


def alive(engine: EngineProtocol, layer: str, seed: int) -> list[int]:
    """A layer's channels that fire anywhere, in an order drawn by the seed."""
    fire = np.flatnonzero(engine.channels(layer).strongest > 0)
    found: list[int] = np.random.default_rng(seed).permutation(fire).tolist()
    if not found:
        raise InputError(f"No channel of layer {layer!r} fires in these photos: choose another.")
    return found


def readable(engine: EngineProtocol, image: int) -> bool:
    """Whether a photo can be shown: it may be gone since the index was made, or not be stored."""
    try:
        engine.photo(image)
    except (NotStored, UnreadableImage):
        return False
    return True


def patch(engine: EngineProtocol, activation: Activation) -> Pixels:
    """What an activation's unit sees, moved into the photo."""
    assert activation.image is not None  # what an index found is in the engine's images
    photo = engine.photo(activation.image)
    return np.asarray(activation.box.inside(*photo.shape[:2]).cut(photo))


def as_large(pixels: Pixels, side: int) -> Pixels:
    """A picture with `side` columns."""
    rows = max(1, round(side * pixels.shape[0] / pixels.shape[1]))
    small = max(pixels.shape[:2]) <= 64
    how = Image.Resampling.NEAREST if small else Image.Resampling.BICUBIC
    return np.asarray(Image.fromarray(pixels).resize((side, rows), how))


def tiled(pictures: Sequence[Pixels], across: int, side: int = 72) -> Pixels:
    """Pictures of one shape in one, in rows of ``across``, with white between."""
    gap = 3
    large = [as_large(one, side) for one in pictures]
    height = large[0].shape[0]
    down = -(-len(large) // across)
    shape = (down * (height + gap) - gap, across * (side + gap) - gap, 3)
    found = np.full(shape, 255, np.uint8)
    for place, one in enumerate(large):
        top, left = (place // across) * (height + gap), (place % across) * (side + gap)
        found[top : top + height, left : left + side] = one
    return found


def called(words: Words, layer: str, channel: int) -> str:
    """A channel, as texts name it."""
    return words("channel", layer=layer, channel=str(channel))
