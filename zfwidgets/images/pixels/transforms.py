"""What a transform is: how it is chosen, named, and inverted to see what the network saw."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError
from .preset import ImageClassification
from .processors import Processed, is_processor

ASSUMED = (
    "No transform was given, so ImageNet's evaluation transform is assumed: shorter side to 256 "
    "pixels, the centre's 224 x 224, ImageNet's normalisation."
)

MODELS_OWN = "No transform was given, so that of the model's own pretrained_cfg is taken."

AFTER_NORMALISING = {
    "CenterCrop",
    "ConvertImageDtype",
    "Identity",
    "Resize",
    "ToDtype",
    "ToPureTensor",
}
"""Steps that may follow a Normalize without changing what a value means."""


@dataclass(frozen=True)
class Normalisation:
    """The last, affine part of a transform: ``network = gain * pixel + shift``, per channel.

    ``gain`` and ``shift`` are (channels,) or (1,); pixels run from 0 to ``white``. ``centred``
    tells that a Normalize was there, so that 0 is its mean colour.
    """

    gain: NDArray[np.float64]
    shift: NDArray[np.float64]
    white: float = 1.0
    centred: bool = True

    def brightness(self, values: NDArray[Any]) -> NDArray[np.float64]:
        """Network values (channels, rows, columns) as brightness, 0 black to 1 white."""
        gain, shift = self.gain[:, None, None], self.shift[:, None, None]
        return np.asarray((values - shift) / gain / self.white)

    def network(self, brightness: float | NDArray[np.float64]) -> NDArray[np.float64]:
        """Brightness (0..1) as the network's values.

        A grey gives (channels,) or (1,); (channels, rows, columns) the same shape.
        """
        if isinstance(brightness, np.ndarray):
            gain, shift = self.gain[:, None, None], self.shift[:, None, None]
            return np.asarray(gain * brightness * self.white + shift)
        return self.gain * brightness * self.white + self.shift


UNCHANGED = Normalisation(np.ones(1), np.zeros(1), centred=False)
"""Tensors that hold plain brightness."""


def imagenet() -> Any:
    """ImageNet's evaluation transform: PIL image to float32 tensor (3, 224, 224).

    Shorter side to 256, the centre's 224 x 224, then ImageNet's normalisation.
    """
    return ImageClassification()


def choose(
    transform: Any, items_are_tensors: bool, models: Any = None
) -> tuple[Any, str, tuple[str, ...]]:
    """The callable, a note on screen about it (or ""), and class names that came with it.

    ``models`` is the model's own, taken for pictures where no other is given.
    """
    if transform is None:
        if items_are_tensors:
            return None, "", ()
        if models is not None:
            return models, MODELS_OWN, ()
        return imagenet(), ASSUMED, ()
    if is_processor(transform):
        return Processed(transform), "", ()
    if isinstance(transform, Enum):  # a member of torchvision's WeightsEnum
        if not callable(getattr(transform, "transforms", None)):
            raise InputError(
                f"{transform!r} isn't a torchvision weights enum: it has no transforms()."
            )
        weights: Any = transform
        return weights.transforms(), "", tuple(weights.meta.get("categories", ()))
    if isinstance(transform, type) and issubclass(transform, Enum):
        raise InputError(
            f"transform={transform.__name__} is a class: pass a member of it, "
            f"{transform.__name__}.DEFAULT."
        )
    if not callable(transform):
        raise InputError(
            f"transform is a {type(transform).__name__}: expected a callable from a PIL image to a "
            "float tensor (channels, rows, columns), or a member of torchvision's weights enum."
        )
    return transform, "", ()


def describe(transform: Any) -> str:
    """A transform in words that are the same in every process."""
    if transform is None:
        return "none"
    if type(transform).__name__ == "ImageClassification":  # its repr changes between versions
        names = ("resize_size", "crop_size", "interpolation", "antialias", "mean", "std")
        return ", ".join(f"{name} {getattr(transform, name, None)}" for name in names)
    return re.sub(r" at 0x[0-9a-fA-F]+", "", repr(transform))


def steps(transform: Any) -> Iterator[Any]:
    """The single steps of (nested) Compose, Sequential and the like."""
    inner: Any = getattr(transform, "transforms", None)
    if type(transform).__name__ == "Sequential":
        inner = list(transform)
    if isinstance(inner, (list, tuple)) or type(inner).__name__ == "ModuleList":
        for step in inner:
            yield from steps(step)
    elif transform is not None:
        yield transform


def find_normalisation(transform: Any) -> Normalisation | None:
    """The Normalize steps of a transform; None if there is none or what follows is unknown."""
    found = None
    for step in steps(transform):
        mean, std = getattr(step, "mean", None), getattr(step, "std", None)
        if not (mean is None or std is None or callable(mean)):  # an array of images has methods
            mean, std = as_vector(mean), as_vector(std)
            before = found or UNCHANGED
            found = Normalisation(before.gain / std, (before.shift - mean) / std)
        elif found and type(step).__name__ not in AFTER_NORMALISING:
            return None
    return found


def normalisation_of(images: Any) -> Normalisation | None:
    """The Normalize steps of a transform, or of a dataset's own, maybe inside a Subset."""
    found = None
    while images is not None and found is None:
        found = find_normalisation(images)
        images = getattr(images, "transform", None) or getattr(images, "dataset", None)
    return found


def refuse_twice(images: Any, transform: Any) -> None:
    """Raise `InputError` where both a dataset and a transform of its tensors normalise them."""
    if normalisation_of(images) and find_normalisation(transform):
        raise InputError(
            f"The dataset ({type(images).__name__}) normalises its images by a transform of its "
            "own, and the transform would do so once more: pass no transform (class names: "
            "labels=weights.meta['categories']), or a dataset without one."
        )


def as_vector(values: Any) -> NDArray[np.float64]:
    """A mean or std as an array (channels,) or (1,)."""
    return np.atleast_1d(np.asarray(values, dtype=np.float64).squeeze())
