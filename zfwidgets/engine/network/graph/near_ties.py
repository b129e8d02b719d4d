"""Near ties: where rounding, not the image, decides a max-pool's switch.

In flat parts of a photo a pool's window holds values that are all but equal. Which of them is the
largest then depends on the order in which a kernel adds: another machine, precision or memory
layout takes another one, and what comes down through that window lands elsewhere.
"""

from __future__ import annotations

from collections.abc import Hashable

import torch
from torch import Tensor

from .geometry import Slide

ROUNDING = 16
"""Two values of a map tie if they differ by less than so many roundings of its largest value."""


def near_ties(x: Tensor, out: Tensor, slide: Slide, scale: Tensor) -> Tensor:
    """Windows that hold a value which is less than the largest by no more than rounding.

    Values that are equal don't count: they are where all that they are computed from is equal, in
    a flat part's middle, or zero behind a rectifier. Rounded otherwise they nearly always stay
    equal, and the first is taken.

    Parameters
    ----------
    x
        (n, channels, rows, columns), what the pool reads, with its padding.
    out
        The windows' maxima.
    scale
        (n,) the largest magnitude in each of the maps.

    Returns
    -------
    torch.Tensor
        As ``out``, uint8: 1 where it is so, else 0.
    """
    rounding = ROUNDING * torch.finfo(x.dtype).eps * scale
    lowest = out - rounding.view(-1, 1, 1, 1)
    (down, across), (rows, cols) = slide.stride, out.shape[-2:]
    fits = torch.empty_like(out)  # of this type comparisons are several times as fast
    near = torch.zeros_like(out)
    for place in range(slide.kernel[0] * slide.kernel[1]):
        row, col = divmod(place, slide.kernel[1])
        top, left = row * slide.dilation[0], col * slide.dilation[1]
        part = x[..., top : top + rows * down : down, left : left + cols * across : across]
        near += torch.ge(part, lowest, out=fits)
        near -= torch.eq(part, out, out=fits)
    return near.clamp_(max=1).to(torch.uint8)


def largest(x: Tensor) -> Tensor:
    """The largest magnitude in each of a batch's maps, (n,)."""
    return torch.maximum(x.amax((1, 2, 3)), -x.amin((1, 2, 3)))


class Crossing:
    """How strong a signal crosses near ties on its way down.

    At each map that max-pools read, it is the largest magnitude that came through a window with a
    near tie, as a share of the largest there; of these shares the largest counts. In pictures of
    another precision about that share of the largest value may lie elsewhere. (The share of the
    *sum* of magnitudes tells less: where it was 0.7 per cent, a third of the largest value moved.)
    """

    def __init__(self) -> None:
        self._tied: dict[Hashable, Tensor] = {}
        self._shares: list[Tensor] = []

    def pool(self, below: Hashable, signal: Tensor, tied: Tensor) -> None:
        """A pool that reads the map ``below`` passes a signal on; by chance where ``tied`` is 1."""
        layout = torch.channels_last if signal.stride(1) == 1 else torch.contiguous_format
        found = largest(signal * tied.to(signal.dtype, memory_format=layout))
        known = self._tied.get(below)
        self._tied[below] = found if known is None else torch.maximum(known, found)

    def arrive(self, at: Hashable, signal: Tensor) -> None:
        """All of the signal of a map is there."""
        tied = self._tied.pop(at, None)
        if tied is not None:
            whole = largest(signal)
            self._shares.append(torch.where(tied > 0, tied / whole, tied).clamp(max=1))

    def share(self, like: Tensor) -> Tensor:
        """(n,) 0..1; zero where there was no max-pool."""
        if not self._shares:
            return like.new_zeros(len(like))
        return torch.stack(self._shares).amax(0).abs()  # which zero it is, would be by chance
