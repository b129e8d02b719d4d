"""How a photo of any size becomes the network's image, as steps that a page can take exactly.

Steps: ``{"step": "resize", "size": [rows, columns] or one number, "filter": ..., "tall_first":
...}`` as Pillow resizes, of a single number the shorter side; ``{"step": "crop", "size": [rows,
columns]}`` of the centre. What then becomes of a level of a channel, 0 to 255, is a table.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ...images.feeding.quick import is_torchvisions, torchvision_steps
from ...images.pixels import transforms
from ..network.graph.operations import two

FILTERS = ("nearest", "box", "bilinear", "hamming", "bicubic", "lanczos")
"""Names of Pillow's filters for resizing."""
_TO_FLOAT = {"ToTensor", "ConvertImageDtype", "ToDtype"}
_NOTHING_TO_DO = {"PILToTensor", "ToImage", "ToPureTensor", "Identity", "Normalize"}
_OF_SIZE = {"Resize", "CenterCrop"}
_SIDE = 16
"""Side of a square that has each level once."""

Steps = tuple[dict[str, Any], ...]


class UnknownStep(Exception):
    """A step of a transform that a page can't take; says which."""


def preparation(transform: Any, shape: tuple[int, ...]) -> tuple[Steps, NDArray[np.float32]]:
    """A transform as steps, and what each level of a channel becomes; raises `UnknownStep`.

    Returns
    -------
    tuple
        The steps; (channels, 256) float32.
    """
    if transform is None:
        raise UnknownStep("the images are tensors: how a photo becomes one isn't known")
    if shape[0] != 3:
        raise UnknownStep(f"the network takes {shape[0]} channels, a photo has 3")
    if not is_torchvisions(transform):
        raise UnknownStep(f"the transform ({type(transform).__name__}) isn't torchvision's own")
    return tuple(_steps(transform)), _levels(transform)


def _steps(transform: Any) -> Iterator[dict[str, Any]]:
    scaled = False
    for kind, step in torchvision_steps(transform):
        if kind == "Resize" and not scaled:
            yield _resize(step)
        elif kind == "CenterCrop" and not scaled:
            yield {"step": "crop", "size": list(two(step["size"]))}
        elif kind in _TO_FLOAT and not scaled:
            scaled = True
        elif kind not in _NOTHING_TO_DO:
            raise UnknownStep(f"the transform's step {kind} isn't known to a page")
    if not scaled:
        raise UnknownStep("the transform doesn't make brightness in 0..1 of pixels")


def _resize(step: dict[str, Any]) -> dict[str, Any]:
    size, given = step["size"], step["interpolation"]
    kind = getattr(given, "value", given)
    if step.get("max_size") is not None or kind not in FILTERS or size is None:
        raise UnknownStep("its Resize isn't one that a page knows")
    if not isinstance(size, int):
        size = int(size[0]) if len(size) == 1 else [int(n) for n in size]
    return {"step": "resize", "size": size, "filter": kind, "tall_first": _tall_first()}


@cache
def _tall_first() -> bool:
    """Whether this Pillow shrinks rows before columns where that is less work, as from 13 on."""
    drawn = np.random.default_rng(0).integers(0, 256, (40, 10, 3), np.uint8)
    picture, smooth = Image.fromarray(drawn), Image.Resampling.BILINEAR
    rows_first = picture.resize((10, 7), smooth).resize((9, 7), smooth)
    return bool((np.asarray(picture.resize((9, 7), smooth)) == np.asarray(rows_first)).all())


def _levels(transform: Any) -> NDArray[np.float32]:
    """What the transform itself makes of each level, without what changes a picture's size."""
    levels = np.arange(256, dtype=np.uint8).reshape(_SIDE, _SIDE)
    value: Any = Image.fromarray(np.stack([levels] * 3, -1))
    for step in transforms.steps(transform):
        kind = type(step).__name__
        if kind == "ImageClassification":
            step = copy.copy(step)
            step.resize_size = step.crop_size = [_SIDE]
        if kind not in _OF_SIZE:
            value = step(value)
    found: NDArray[np.float32] = value.float().numpy().reshape(3, 256)
    return found
