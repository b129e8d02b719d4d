"""What the paper's networks need beside PyTorch's layers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from PIL import Image, ImageOps
from torch import Tensor, nn

from ..errors import InputError

PIXEL_RANGE = 128.0
"""The paper's inputs: pixels less their mean, roughly in [-128, 128] (section 3)."""


class ContrastNorm(nn.LocalResponseNorm):
    r"""Contrast normalisation across feature maps (paper, Fig. 3).

    The paper gives no formula. This is the contrast normalisation of cuda-convnet, the library of
    Krizhevsky et al. (2012), over neighbouring maps instead of neighbouring places:

    .. math:: b_f = a_f \, / \, (k + \alpha V_f)^\beta

    where :math:`V_f` is the variance of the ``size`` maps around map f at the same place (maps
    beyond the first and the last are zero). Local response normalisation has the mean of
    squares there, and no mean is taken off.

    Parameters
    ----------
    size
        How many maps are normalised together, odd.
    alpha, beta, k
        As in the formula.
    """

    def __init__(
        self, size: int = 5, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0
    ) -> None:
        if size < 1 or size % 2 == 0:
            raise InputError(f"size is {size}: expected an odd number of maps, 1 or more.")
        super().__init__(size, alpha, beta, k)

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002, as torch's
        """Normalise maps (n, channels, rows, columns)."""
        variance = self._mean(input * input) - self._mean(input).pow(2)
        return input / (variance * self.alpha + self.k).pow(self.beta)

    def _mean(self, maps: Tensor) -> Tensor:
        half = self.size // 2
        padded = F.pad(maps[:, None], (0, 0, 0, 0, half, half))
        return F.avg_pool3d(padded, (self.size, 1, 1), stride=1)[:, 0]


def renormalize_filters_(
    model: nn.Module, radius: float = 0.1, *, input_range: float = PIXEL_RANGE
) -> dict[str, int]:
    """Bring filters whose RMS passes a radius back to it, in place (paper, section 3).

    "Visualization of the first layer filters during training reveals that a few of them
    dominate. To combat this, we renormalize each filter in the convolutional layers whose RMS
    value exceeds a fixed radius of 10^-1 to this fixed radius." Call it after each step of the
    optimizer. A filter is all the weights that make one channel, (in, rows, columns); biases stay.

    Parameters
    ----------
    model
        Model whose `torch.nn.Conv2d` layers are changed.
    radius
        Largest root of the mean squared weight of a filter, for inputs as the paper's.
    input_range
        The inputs lie in about [-input_range, input_range]. Dividing the inputs by s and
        multiplying the first layer's weights by s changes nothing for the layers above it, so
        the first layer's radius is ``radius * 128 / input_range``. It is 2 for
        `zfwidgets.models.transform`, about 2.5 for ImageNet's usual normalisation.

    Returns
    -------
    dict
        How many filters were changed, by the layer's name; layers without any are left out.

    Raises
    ------
    InputError
        If the model has no convolution, or radius or input_range isn't above zero.
    """
    for name, value in (("radius", radius), ("input_range", input_range)):
        if not value > 0:
            raise InputError(f"{name} is {value}: expected a number above zero.")
    convolutions = [(n, m) for n, m in model.named_modules() if isinstance(m, nn.Conv2d)]
    if not convolutions:
        raise InputError(f"{type(model).__name__} has no Conv2d layer: no filters to renormalise.")
    changed = {}
    with torch.no_grad():
        for number, (name, module) in enumerate(convolutions):
            limit = radius * PIXEL_RANGE / input_range if number == 0 else radius
            rms = module.weight.pow(2).mean((1, 2, 3), keepdim=True).sqrt()
            if over := int((rms > limit).sum()):
                changed[name] = over
                module.weight.mul_(torch.where(rms > limit, limit / rms, 1.0))
    return changed


@dataclass(frozen=True)
class Cover:
    """Resizes a PIL image, keeping its proportions, and cuts its centre to ``rows`` x ``columns``.

    As much of the picture as possible stays; one that has the size is left as it is.
    """

    rows: int
    columns: int

    def __call__(self, image: Image.Image) -> Image.Image:
        """The picture at its new size."""
        if image.size == (self.columns, self.rows):
            return image
        return ImageOps.fit(image, (self.columns, self.rows), Image.Resampling.BILINEAR)


def transform(size: int | tuple[int, int] = 64) -> Any:
    """What brings a picture to the networks of this module: PIL image to float32 tensor.

    Parameters
    ----------
    size
        Rows and columns: a picture is resized until it covers them, and the centre is cut out.

    Returns
    -------
    callable
        Gives (3, rows, columns) in [-2, 2]: ``(pixel / 255 - 0.5) / 0.25``. The paper takes the
        mean image off, and leaves pixels in [-128, 128].
    """
    from torchvision.transforms import v2

    rows, columns = (size, size) if isinstance(size, int) else size
    return v2.Compose(
        [
            Cover(rows, columns),
            v2.ToImage(),
            v2.ToDtype(torch.float32, scale=True),
            v2.Normalize([0.5] * 3, [0.25] * 3),
        ]
    )
