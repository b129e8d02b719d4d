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
    """Windows whose largest two values, at different places, are the same but for rounding.

    Not those in which the largest is exactly zero, as it is where a rectifier let nothing
    through: however it is rounded, that is zero everywhere, and the first place is taken.

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
        As ``out``, bool.
    """
    rounding = ROUNDING * torch.finfo(x.dtype).eps * scale
    lowest = out - rounding.view(-1, 1, 1, 1)
    (down, across), (rows, cols) = slide.stride, out.shape[-2:]
    tied = torch.zeros_like(out, dtype=torch.bool)
    for place in range(slide.kernel[0] * slide.kernel[1]):
        row, col = divmod(place, slide.kernel[1])
        top, left = row * slide.dilation[0], col * slide.dilation[1]
        part = x[..., top : top + rows * down : down, left : left + cols * across : across]
        tied |= (part >= lowest) & (part < out)
    return tied


def largest(x: Tensor) -> Tensor:
    """The largest magnitude in each of a batch's maps, (n,)."""
    return torch.maximum(x.amax((1, 2, 3)), -x.amin((1, 2, 3)))


class Crossing:
    """How much of a signal crosses near ties on its way down.

    At each map that max-pools read, it is the share of the absolute signal there that came through
    windows with a near tie; of these shares the largest counts. Below one per cent, pictures of
    other precisions are the same to about that share; beyond, parts of them may lie elsewhere.
    """

    def __init__(self) -> None:
        self._tied: dict[Hashable, Tensor] = {}
        self._shares: list[Tensor] = []

    def pool(self, below: Hashable, signal: Tensor, tied: Tensor) -> None:
        """A pool that reads the map ``below`` passes a signal, some of it through near ties."""
        found = magnitudes(signal * tied)
        self._tied[below] = self._tied[below] + found if below in self._tied else found

    def arrive(self, at: Hashable, signal: Tensor) -> None:
        """All of the signal of a map is there."""
        tied = self._tied.pop(at, None)
        if tied is not None:
            whole = magnitudes(signal)
            self._shares.append(torch.where(whole > 0, tied / whole, tied).clamp(max=1))

    def share(self, like: Tensor) -> Tensor:
        """(n,) 0..1; zero where there was no max-pool."""
        if not self._shares:
            return like.new_zeros(len(like))
        return torch.stack(self._shares).amax(0)


def magnitudes(signal: Tensor) -> Tensor:
    """Sums of each one's magnitudes, (n,): one by one, as sums of a batch may add otherwise."""
    return torch.stack([one.sum() for one in signal.abs()])
