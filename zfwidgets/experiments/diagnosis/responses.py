"""What a stride does to the responses of filters, on images.

For a convolution with a stride the response without it is computed, on the same input, without its
bias, where the filters lie wholly inside the map (padding makes edges that aren't the image's).
Each image's response is taken less the channel's mean: only what changes within an image counts.
The stride's places, when it begins at the first of these, are called the grid.

**Aliasing** of a channel: the share of the response's variance at frequencies above 1 / (2 stride)
cycles a pixel along rows or columns, the Nyquist limit of the grid. What lies there isn't lost: it
turns up as lower frequencies, as false structure. A Hann window is laid on the response, so that
its borders don't count as detail; energies are summed over the images before they are divided.

**Shift consistency** of a channel: shifting the picture by less than the stride moves the grid to
places between its own. It is the correlation, over all these places of all images, of the
response there and what the response on the grid leads to expect (linear interpolation). 1: the
response follows the shift; 0: what happens between the grid's places can't be told.

Both are NaN for a channel without any response, and where a map has less than 4 places of the grid.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...records import Floats
from .measures import too_fine

FEWEST = 4
"""Places of the grid, down and across, from which on something can be said."""


class StrideResponses:
    """Sums over images for one convolution; see the module."""

    def __init__(self, module: nn.Conv2d) -> None:
        self.module = module
        self.stride = module.stride
        channels = module.out_channels
        self._beyond, self._energy = np.zeros(channels), np.zeros(channels)
        self._count = 0
        self._sums = np.zeros((5, channels))  # a, p, aa, pp, ap

    def add(self, inputs: Tensor) -> None:
        """Count an input of the convolution, (images, channels, rows, columns)."""
        if any(
            size < (FEWEST - 1) * step + (kernel - 1) * dilation + 1
            for size, step, kernel, dilation in zip(
                inputs.shape[-2:],
                self.stride,
                self.module.kernel_size,
                self.module.dilation,
                strict=True,
            )
        ):
            return
        weight, dilation, groups = self.module.weight, self.module.dilation, self.module.groups
        for image in inputs:
            response = F.conv2d(image[None], weight, None, 1, 0, dilation, groups)[0]
            response = response - response.mean((1, 2), keepdim=True)
            self._add_spectrum(response)
            self._add_shifts(response)

    @property
    def aliasing(self) -> Floats:
        """(channels,) float32 in 0..1, or NaN."""
        return _ratio(self._beyond, self._energy)

    @property
    def consistency(self) -> Floats:
        """(channels,) float32 in -1..1, or NaN."""
        n = max(1, self._count)
        a, p, aa, pp, ap = self._sums / n
        spread = np.sqrt(np.maximum(0, aa - a * a) * np.maximum(0, pp - p * p))
        return np.asarray(np.clip(_ratio(ap - a * p, spread), -1, 1), np.float32)

    def _add_spectrum(self, response: Tensor) -> None:
        rows, columns = response.shape[-2:]
        window = torch.outer(_hann(rows, response), _hann(columns, response))
        energy = torch.fft.fft2(response * window).abs().square()
        down, right = np.fft.fftfreq(rows)[:, None], np.fft.fftfreq(columns)[None]
        mask = torch.from_numpy(too_fine(down, right, self.stride)).to(response.device)
        self._energy += _sum(energy)
        self._beyond += _sum(energy * mask)

    def _add_shifts(self, response: Tensor) -> None:
        down, across = self.stride
        rows, columns = (response.shape[1] - 1) // down, (response.shape[2] - 1) // across
        whole = response[:, : rows * down + 1, : columns * across + 1]
        grid = whole[:, ::down, ::across]
        expected = F.interpolate(grid[None], whole.shape[-2:], mode="bilinear", align_corners=True)[
            0
        ]
        between = torch.ones(whole.shape[-2:], dtype=torch.bool, device=whole.device)
        between[::down, ::across] = False
        a, p = whole[:, between].double(), expected[:, between].double()
        self._count += a.shape[1]
        self._sums += np.stack([_sum(v) for v in (a, p, a * a, p * p, a * p)])


def _hann(length: int, like: Tensor) -> Tensor:
    return torch.hann_window(length + 2, periodic=False, dtype=like.dtype, device=like.device)[1:-1]


def _sum(values: Tensor) -> Any:
    return values.flatten(1).double().sum(1).cpu().numpy()


def _ratio(part: Any, whole: Any) -> Floats:
    out = np.full(len(part), np.nan)
    np.divide(part, whole, out=out, where=whole > 0)
    return out.astype(np.float32)
