"""Features of several layers, and class scores, of images that the caller makes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ...engine.local import LocalEngine
from ...engine.network.modes import computing
from ...errors import InputError, NotStored
from ...records import Floats, Pixels

BATCH = 16
"""Images of one forward pass: low layers' features of one are some megabytes."""


@dataclass(frozen=True)
class Features:
    """Features and class scores of n images.

    Attributes
    ----------
    layers
        By name: (n, units) float32, all channels and places of a layer in one vector.
    logits
        (n, classes) float32; None if the network has no class scores.
    """

    layers: Mapping[str, Floats]
    logits: Floats | None


def features(engine: LocalEngine, images: Sequence[Tensor], layers: Iterable[str]) -> Features:
    """Run images through the engine's copy of the network.

    Parameters
    ----------
    engine
        Engine whose network and device are used.
    images
        (channels, rows, columns) each, in the network's units.
    layers
        Layers whose outputs are wanted, by the names that the engine lists.
    """
    network, wanted = engine.session.network, set(layers)
    found: dict[str, list[Floats]] = {name: [] for name in wanted}
    logits: list[Floats] = []

    def run(part: Sequence[Tensor]) -> None:
        seen: dict[str, Floats] = {}

        def visit(name: str, output: Tensor) -> None:
            if name in wanted:  # copied: what comes after may write over it
                seen[name] = np.array(output.flatten(1).cpu().numpy(), dtype=np.float32)

        batch = torch.stack([*part]).to(network.device)
        # Pools and convolutions are quicker so on CPUs.
        output = network.run(batch.contiguous(memory_format=torch.channels_last), visit)
        for name, values in seen.items():  # now that nothing can run out of memory
            found[name].append(values)
        if not engine.info.no_classes:
            logits.append(output.cpu().numpy())

    with engine.session.lock, computing(network.device):
        engine.session.memory.in_parts("features", run, list(images))
    return Features(
        {name: np.concatenate(values) for name, values in found.items()},
        np.concatenate(logits) if logits else None,
    )


def refuse_report(engine: Any, why: str) -> None:
    """Raise `NotStored` for a report's engine; ``why`` begins the error's sentence."""
    if hasattr(engine, "held_photos"):
        raise NotStored(f"{why}: a report has none; a live engine has, zf.Engine(model, images).")


def check_engine(engine: Any, why: str) -> LocalEngine:
    """The engine, if it is on this machine; ``why`` begins the error's sentence."""
    refuse_report(engine, why)
    if not isinstance(engine, LocalEngine):
        raise InputError(f"{why}: expected a zf.Engine, got {type(engine).__name__}.")
    return engine


def check_images_made(engine: Any, what: str) -> LocalEngine:
    """The engine, if it can take images that ``what`` makes."""
    return check_engine(
        engine,
        f"{what} shows the network images that it makes itself, so that the network must be here",
    )


def choose_layers(engine: LocalEngine, layers: Sequence[str] | None) -> tuple[str, ...]:
    """Names of layers as the engine lists them; None: a low, a middle and the last rectifier.

    The last rectifier of AlexNet and ZFNet is the paper's layer 7. Of a network with fewer than
    three rectifiers all layers count.
    """
    if layers is not None:
        if isinstance(layers, str):
            layers = [layers]
        chosen = tuple(dict.fromkeys(engine.layer(name).name for name in layers))
        if not chosen:
            raise InputError("layers is empty: name at least one of engine.layers.")
        return chosen
    names = [layer.name for layer in engine.layers if layer.role == "rectifier"]
    if len(names) < 3:
        names = [layer.name for layer in engine.layers]
    return tuple(dict.fromkeys([names[0], names[len(names) // 2], names[-1]]))


@dataclass(frozen=True)
class Photo:
    """A photo as the network gets it.

    Attributes
    ----------
    index
        Among the engine's images; None for one of the caller's own.
    name
        What it is called.
    tensor
        (channels, rows, columns) float32.
    """

    index: int | None
    name: str
    tensor: Tensor


def open_photos(engine: LocalEngine, images: Sequence[Any] | None, most: int = 5) -> list[Photo]:
    """Open photos by index, by name, or of the caller's own; None: the engine's first ``most``."""
    if images is None:
        images = range(min(most, len(engine.info.images)))
    one = isinstance(images, (str, int)) or not hasattr(images, "__len__")
    if one or getattr(images, "ndim", 1) > 1:  # a single photo, maybe as an array
        images = [images]
    names = engine.info.images
    photos: list[Photo] = []
    for image in images:
        known = isinstance(image, str) and image in names
        index, name, tensor = engine.session.image(names.index(image) if known else image)
        taken = {photo.name for photo in photos}
        if index is None and (name in taken or name in names):
            name = f"own image {len(photos)}"
        photos.append(Photo(index, name, tensor))
    if not photos:
        raise InputError("images is empty: pass at least one photo, an index or one of your own.")
    return photos


def seen(engine: LocalEngine, photos: Sequence[Photo]) -> list[Pixels]:
    """The photos as the network sees them, for the eye: (rows, columns, 3) uint8 each."""
    return [engine.session.source.show(photo.tensor) for photo in photos]
