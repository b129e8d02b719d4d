"""Filtering with the transposed weights, as fast as the shapes allow.

PyTorch's transposed convolution is slow where few channels lie below, as at the pixels. There one
matrix product and a fold do the same, and with a large stride one dense convolution whose outputs
are the stride's phases. Of a single place it is one matrix product.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.weak import WeakIdKeyDictionary

from .geometry import Slide

_LAST: WeakIdKeyDictionary = WeakIdKeyDictionary()


def channels_last(weight: Tensor) -> Tensor:
    """Filters laid out so that PyTorch's CPU kernels take them fastest, kept as long as they are.

    Laying them out takes as long as filtering a small window. The copy is made anew when the
    weights have been written to.
    """
    if weight.is_inference() or weight.is_contiguous(memory_format=torch.channels_last):
        return weight.contiguous(memory_format=torch.channels_last)
    found = _LAST.get(weight)
    if found is None or found[0] != weight._version:
        laid = weight.contiguous(memory_format=torch.channels_last)
        found = _LAST[weight] = (weight._version, laid)
    laid_out: Tensor = found[1]
    return laid_out


FEW = 4
"""Channels below, up to which the other ways are faster."""

LARGE = 100
"""Weights of a channel above, from which the phases are."""


Run = Callable[[Tensor], Tensor]
Each = Callable[[Run, Tensor], Tensor]


def together(run: Run, signal: Tensor) -> Tensor:
    """The whole batch in one call."""
    return run(signal)


def transposed(
    signal: Tensor,
    weight: Tensor,
    slide: Slide,
    groups: int,
    each: Each = together,
) -> Tensor:
    """The transposed convolution without padding.

    Parameters
    ----------
    signal
        (n, channels above, rows, columns).
    weight
        (channels above, channels below / groups, kernel rows, kernel columns).
    each
        How a batch is run: all in one call, or one by one as `Frame.each` does.

    Returns
    -------
    torch.Tensor
        (n, channels below, (rows-1)*stride + (kernel-1)*dilation + 1, ...).
    """
    below = weight.shape[1]
    if groups == 1 and below <= FEW and signal.device.type == "cpu":
        stride = slide.stride[0]
        even = stride == slide.stride[1] and slide.dilation == (1, 1)
        if even and stride > 1 and weight[0].numel() > LARGE:
            return _by_phases(signal, weight, stride, each)
        return each(lambda one: _by_folding(one, weight, slide), signal)
    places = signal.shape[-2] * signal.shape[-1]
    if groups == places == 1 and slide.dilation == (1, 1) and signal.device.type == "cpu":
        return each(lambda one: _of_one_place(one.flatten(1), weight), signal)
    if groups == 1:
        signal = signal.contiguous(memory_format=torch.channels_last)
        weight = channels_last(weight)

    def filtered(one: Tensor) -> Tensor:
        return F.conv_transpose2d(one, weight, None, slide.stride, 0, 0, groups, slide.dilation)

    return each(filtered, signal)


def _of_one_place(signal: Tensor, weight: Tensor) -> Tensor:
    """Filters of the channels that carry a signal: below a single unit that is one."""
    used = signal.any(0)
    return torch.matmul(signal[:, used], weight[used].flatten(1)).view(-1, *weight.shape[1:])


def _by_folding(signal: Tensor, weight: Tensor, slide: Slide) -> Tensor:
    kernel = weight.shape[-2:]
    size = tuple(
        (n - 1) * s + (k - 1) * d + 1
        for n, s, k, d in zip(signal.shape[-2:], slide.stride, kernel, slide.dilation, strict=True)
    )
    columns = torch.matmul(weight.flatten(1).t(), signal.flatten(2))
    return F.fold(columns, size, kernel, slide.dilation, 0, slide.stride)


def _by_phases(signal: Tensor, weight: Tensor, stride: int, each: Each) -> Tensor:
    above, below, height, width = weight.shape
    rows, cols = -(-height // stride), -(-width // stride)
    padded = F.pad(weight, (0, cols * stride - width, 0, rows * stride - height))
    taps = padded.view(above, below, rows, stride, cols, stride).flip(2, 4)
    filters = taps.permute(1, 3, 5, 0, 2, 4).reshape(below * stride * stride, above, rows, cols)
    phases = each(lambda one: F.conv2d(one, filters, padding=(rows - 1, cols - 1)), signal)
    out = F.pixel_shuffle(phases, stride)
    size = [(n - 1) * stride + k for n, k in zip(signal.shape[-2:], (height, width), strict=True)]
    return out[..., : size[0], : size[1]]
