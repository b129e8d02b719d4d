"""Max-pool switches: where each pooling window's maximum was."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from .geometry import Pair, Slide
from .near_ties import near_ties

TIED_BIT = 7
TIED = 1 << TIED_BIT
"""Added to the switch of a window with a near tie."""


def pool(x: Tensor, slide: Slide, scale: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
    """Maxima of windows without padding, and their places within them: see `pack`.

    With ``scale``, the largest magnitude in each map, there are places, and `TIED` is added to
    those in windows with near ties; without it there are none. On CPUs PyTorch's pooling is several
    times as fast where a place's channels lie side by side.
    """
    turned = x.device.type == "cpu" and x.is_contiguous()
    if turned:
        x = x.contiguous(memory_format=torch.channels_last)
    packed = None
    if scale is not None:
        out, flat = F.max_pool2d(
            x, slide.kernel, slide.stride, 0, slide.dilation, return_indices=True
        )
        packed = pack(flat, slide, x.shape[-1])
        packed += near_ties(x, out, slide, scale) * TIED
    else:
        out = F.max_pool2d(x, slide.kernel, slide.stride, 0, slide.dilation)
    return out.contiguous() if turned else out, packed


def pack(flat: Tensor, slide: Slide, width: int) -> Tensor:
    """PyTorch's flat indices as places within their windows, row by row: seven bits each.

    Parameters
    ----------
    flat
        (n, channels, rows, columns) int64, indices into a map of ``width`` columns that isn't
        padded.
    """
    (height, across), (down, right) = slide.kernel, slide.stride
    places = torch.arange(height * across, device=flat.device)
    steps = places // across * (slide.dilation[0] * width) + places % across * slide.dilation[1]
    known = places.new_zeros(int(steps[-1]) + 1, dtype=torch.uint8)
    known[steps] = places.to(torch.uint8)
    rows, cols = (torch.arange(n, device=flat.device) for n in flat.shape[-2:])
    inside = (flat - (rows[:, None] * (down * width) + cols * right)).permute(0, 2, 3, 1)
    return known.index_select(0, inside.flatten()).view(inside.shape).permute(0, 3, 1, 2)


def unpack(switches: Tensor, slide: Slide, shape: Pair) -> Tensor:
    """Places within windows as PyTorch's flat indices into a padded map of ``shape``."""
    places = (switches & (TIED - 1)).long()
    rows, cols = (torch.arange(n, device=places.device) for n in places.shape[-2:])
    (down, across), (top, left) = slide.stride, slide.padding
    row = places // slide.kernel[1] * slide.dilation[0] + rows[:, None] * down - top
    col = places % slide.kernel[1] * slide.dilation[1] + cols * across - left
    return row * shape[1] + col


def unpool(signal: Tensor, switches: Tensor, slide: Slide, size: Pair) -> Tensor:
    """Put each value back where its window's maximum was; what meets there adds up.

    Place by place of the windows, which takes a fraction of the time of computing indices; the last
    place first, so that where windows overlap their values are added row by row.

    Parameters
    ----------
    signal
        (n, channels, rows, columns).
    switches
        As ``signal``, as `pool` gives them.
    size
        Rows and columns of the result, which is laid out in memory as ``signal`` is.
    """
    last = not signal.is_contiguous() and signal.is_contiguous(memory_format=torch.channels_last)
    layout = torch.channels_last if last else torch.contiguous_format
    places = (switches & (TIED - 1)).to(signal.dtype, memory_format=layout)
    here = torch.empty_like(places)
    shape = (*signal.shape[:2], *size)
    out = torch.empty(shape, dtype=signal.dtype, device=signal.device, memory_format=layout).zero_()
    (down, across), (rows, cols) = slide.stride, signal.shape[-2:]
    for place in reversed(range(slide.kernel[0] * slide.kernel[1])):
        row, col = divmod(place, slide.kernel[1])
        top, left = row * slide.dilation[0], col * slide.dilation[1]
        torch.eq(places, place, out=here)
        part = out[..., top : top + rows * down : down, left : left + cols * across : across]
        part.addcmul_(signal, here)
    return out
