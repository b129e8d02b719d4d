"""Hugging Face's image processors as transforms: a picture in, a tensor out."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from ...errors import InputError

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray
    from PIL import Image

WHITE = 255.0
"""What a processor gets for white."""


def is_processor(transform: Any) -> bool:
    """Whether it is an image processor, or a processor that has one beside a tokenizer."""
    names = getattr(getattr(transform, "image_processor", transform), "model_input_names", ())
    return "pixel_values" in (names or ())


class Processed:
    """An image processor as a transform: PIL image to float32 (channels, rows, columns).

    Parameters
    ----------
    processor
        An image processor of the package ``transformers``.

    Attributes
    ----------
    mean, std
        What it subtracts and divides by, (channels,) or (1,), for brightness in 0..1; None where
        that isn't what it does.
    """

    def __init__(self, processor: Any) -> None:
        self.processor = getattr(processor, "image_processor", processor)
        scale = WHITE * (self._of("rescale_factor", 1.0) if self._of("do_rescale", True) else 1.0)
        normalises = self._of("do_normalize", False)
        mean, std = (
            (0.0, 1.0) if not normalises else (self._of("image_mean"), self._of("image_std"))
        )
        known = mean is not None and std is not None
        self.mean = _vector(mean) / scale if known else None
        self.std = _vector(std) / scale if known else None

    def _of(self, name: str, default: Any = None) -> Any:
        found = getattr(self.processor, name, None)
        return default if found is None else found

    def __call__(self, image: Image.Image) -> torch.Tensor:
        """The tensor of an image in RGB.

        Raises
        ------
        InputError
            The processor makes several tensors of one image, as of its crops or a video.
        """
        values: Any = self.processor(images=image, return_tensors="pt")["pixel_values"]
        if values.ndim != 4 or len(values) != 1:
            raise InputError(
                f"{type(self.processor).__name__} makes pixel_values of shape "
                f"{tuple(values.shape)} of one picture: expected (1, channels, rows, columns). "
                "Pass a transform that makes one tensor of a picture."
            )
        tensor: torch.Tensor = values[0].float()
        return tensor

    def __repr__(self) -> str:
        """The same in every process: an index knows its transform by it."""
        known = self.processor.to_dict()
        return f"{type(self.processor).__name__}({json.dumps(known, sort_keys=True, default=str)})"


def _vector(values: Any) -> NDArray[np.float64]:
    return np.atleast_1d(np.asarray(values, np.float64))
