"""Max-pool switches: where each pooling window's maximum was."""

from __future__ import annotations

import torch
from torch import Tensor

from .geometry import Pair, Slide


def pack(flat: Tensor, slide: Slide, width: int) -> Tensor:
    """PyTorch's flat indices as places within their windows, row by row: one byte each.

    Parameters
    ----------
    flat
        (n, channels, rows, columns) int64, indices into a map of ``width`` columns that isn't
        padded.
    """
    rows = flat.div(width, rounding_mode="floor")
    cols = flat - rows * width
    rows = rows - _count(rows, 2)[:, None] * slide.stride[0]
    cols = cols - _count(cols, 3) * slide.stride[1]
    place = rows // slide.dilation[0] * slide.kernel[1] + cols // slide.dilation[1]
    return place.to(torch.uint8)


def unpool(signal: Tensor, switches: Tensor, slide: Slide, size: Pair) -> Tensor:
    """Put each value back where its window's maximum was; what meets there adds up.

    Parameters
    ----------
    signal
        (n, channels, rows, columns).
    switches
        As ``signal``: int64, flat indices into the result, or uint8, as `pack` gives them.
    size
        Rows and columns of the result.
    """
    n, channels = signal.shape[:2]
    (kh, kw), (sh, sw), (dh, dw) = slide.kernel, slide.stride, slide.dilation
    if switches.dtype == torch.uint8:
        offsets = torch.arange(kh * kw, device=signal.device)
        offsets = offsets // kw * (dh * size[1]) + offsets % kw * dw
        corners = _count(signal, 2)[:, None] * (sh * size[1]) + _count(signal, 3) * sw
        switches = offsets[switches.int()] + corners
    out = signal.new_zeros((n, channels, size[0] * size[1]))
    out.scatter_add_(2, switches.flatten(2), signal.flatten(2))
    return out.view(n, channels, *size)


def _count(values: Tensor, axis: int) -> Tensor:
    return torch.arange(values.shape[axis], device=values.device)
