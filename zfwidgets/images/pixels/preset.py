"""ImageNet's evaluation transform, the same as torchvision's to the bit, without importing it."""

from __future__ import annotations

from enum import Enum
from typing import Any

import numpy as np
from PIL import Image


class InterpolationMode(Enum):
    """The one that it takes, as torchvision calls it."""

    BILINEAR = "bilinear"


class ImageClassification:
    """torchvision's preset of that name, for a crop of 224 x 224.

    RGB images are prepared here, whatever else by torchvision: importing it takes almost as long as
    PyTorch itself.

    Attributes
    ----------
    crop_size, resize_size, mean, std, interpolation, antialias
        As torchvision's has them.
    """

    def __init__(self) -> None:
        self.crop_size, self.resize_size = [224], [256]
        self.mean, self.std = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
        self.interpolation = InterpolationMode.BILINEAR
        self.antialias = True

    def __call__(self, image: Any) -> Any:
        """A PIL image as float32 tensor (3, 224, 224)."""
        import torch

        if not isinstance(image, Image.Image) or image.mode != "RGB":
            from torchvision.transforms._presets import ImageClassification as Torchvisions

            return Torchvisions(crop_size=self.crop_size[0], resize_size=self.resize_size[0])(image)
        levels = torch.from_numpy(np.array(self._cropped(image))).permute(2, 0, 1).contiguous()
        mean, std = (
            torch.tensor(of, dtype=torch.float32)[:, None, None] for of in (self.mean, self.std)
        )
        return levels.to(torch.float32).div_(255).sub_(mean).div_(std)

    def _cropped(self, image: Image.Image) -> Image.Image:
        (short,), (side,) = self.resize_size, self.crop_size
        columns, rows = image.size
        size = (
            (short, int(short * rows / columns))
            if columns <= rows
            else (int(short * columns / rows), short)
        )
        if image.size != size:
            image = image.resize(size, Image.Resampling.BILINEAR)
        left, top = (round((length - side) / 2.0) for length in size)
        return image.crop((left, top, left + side, top + side))

    def __repr__(self) -> str:
        told = ("crop_size", "resize_size", "mean", "std", "interpolation")
        rows = "".join(f"\n    {name}={getattr(self, name)}" for name in told)
        return f"ImageClassification({rows}\n)"
