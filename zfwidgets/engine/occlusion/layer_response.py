"""What an occluder does to a layer's feature maps, measured where they change.

Everything is a sum over what differs from the clean maps, those of the image with nothing over
it: of windows as of whole maps. So windows need no whole map, and nothing is lost to rounding
where little differs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ...records import LayerInfo
from ..network.graph.graph import Ref
from .places import Places, Windows

Ints = NDArray[np.int64]

AT_ONCE = 1 << 24
"""Elements of maps that are compared at once."""
IN_CACHE = 1 << 17
"""The same of windows on a CPU: what is made of them, wider, stays in a core's own cache."""


@dataclass(frozen=True)
class Measured:
    """Responses of a layer at n positions: see `zfwidgets.records.LayerResponse`.

    Attributes
    ----------
    totals, units
        (n, channels), in the maps' precision.
    hamming, cosine
        (n,).
    """

    totals: NDArray[Any]
    units: NDArray[Any]
    hamming: NDArray[Any]
    cosine: NDArray[Any]

    def parts(self) -> tuple[NDArray[Any], ...]:
        """All arrays."""
        return self.totals, self.units, self.hamming, self.cosine

    @classmethod
    def joined(cls, several: Sequence[Measured], order: Ints) -> Measured:
        """Measurements of several parts' positions put together, in an order."""
        arrays = zip(*(one.parts() for one in several), strict=True)
        return cls(*(np.concatenate(of)[order] for of in arrays))


@dataclass
class _Sums:
    """Sums over what differs from the clean maps, n positions each, as precise as the device can.

    Attributes
    ----------
    totals
        (n, channels): of the difference.
    along, square
        (n,): of its product with the clean maps, and with itself.
    flips
        (n,): units above zero in one of the two and not in the other.
    """

    totals: Tensor
    along: Tensor
    square: Tensor
    flips: Tensor

    @classmethod
    def of(cls, maps: Tensor, clean: Tensor) -> _Sums:
        """Sums over maps (n, channels, rows, columns) beside unoccluded ones."""
        difference, double = maps - clean, _wide(maps)
        return cls(
            difference.sum((2, 3), dtype=double),
            (difference * clean).sum((1, 2, 3), dtype=double),
            difference.square().sum((1, 2, 3), dtype=double),
            ((maps > 0) != (clean > 0)).sum((1, 2, 3), dtype=double),
        )

    def parts(self) -> tuple[Tensor, ...]:
        return self.totals, self.along, self.square, self.flips


class Response:
    """Measures one layer's maps beside those of the clean image.

    Parameters
    ----------
    layer
        Which.
    ref
        Where the recorded operations have its output; None if nowhere.
    clean
        The layer's output for the image with nothing over it.
    covered
        Whether something stays covered while the occluder slides, so that the maps that windows
        lie in aren't the clean ones.

    Attributes
    ----------
    clean_totals, clean_units, places
        See `zfwidgets.records.LayerResponse`.
    """

    def __init__(
        self, layer: LayerInfo, ref: Ref | None, clean: Tensor, *, covered: bool = False
    ) -> None:
        self.layer, self.ref, self._covered = layer, ref, covered
        self._maps = clean.reshape(layer.shape)
        self._last = self._maps.permute(1, 2, 0).contiguous()
        wide = _wide(clean)
        self._norm = self._maps.to(wide).square().sum()
        self._totals = self._maps.sum((1, 2), dtype=wide)
        self._units, self._at = self._maps.flatten(1).max(1)
        columns = layer.shape[2]
        self._rows = torch.div(self._at, columns, rounding_mode="floor")
        self._cols = self._at % columns

    @property
    def clean_totals(self) -> NDArray[Any]:
        """(channels,)."""
        return self._numpy(self._totals)

    @property
    def clean_units(self) -> NDArray[Any]:
        """(channels,)."""
        return self._numpy(self._units)

    @property
    def places(self) -> Ints:
        """(channels, 2)."""
        found: Ints = torch.stack([self._rows, self._cols], 1).cpu().numpy()
        return found

    def of_maps(self, maps: Tensor) -> Measured:
        """Measurements of whole maps, as the layer gives them for a batch."""
        count = max(1, AT_ONCE // self._maps.numel())
        maps = maps.reshape(-1, *self._maps.shape)
        sums = [_Sums.of(part, self._maps[None]).parts() for part in maps.split(count)]
        units = maps.flatten(2).gather(2, self._at.view(1, -1, 1).expand(len(maps), -1, 1))[..., 0]
        return self._measured(_Sums(*map(torch.cat, zip(*sums, strict=True))), units)

    def of_windows(self, windows: Windows, places: Places, base: Tensor) -> Measured:
        """Measurements of what an occluder changes in the maps ``base``."""
        assert self.ref is not None
        count, below = windows.count, self._last
        if self._covered:
            below = base.reshape(self._maps.shape).permute(1, 2, 0).contiguous()
        whole = _Sums.of(below.permute(2, 0, 1)[None], self._maps[None])
        sums = _Sums(*(part.repeat(count, *[1] * (part.dim() - 1)) for part in whole.parts()))
        channels = torch.arange(len(self._at), device=below.device)
        units = below[self._rows, self._cols, channels].repeat(count, 1)
        for members, batch in _parts(windows):
            starts, size = places.starts(self.ref, members), batch.shape[-2:]
            index = torch.from_numpy(members).to(batch.device)
            clean = _cut(self._last, starts, size)
            changes = _Sums.of(batch, clean).parts()
            if self._covered:
                before = _Sums.of(_cut(below, starts, size), clean).parts()
                changes = tuple(new - old for new, old in zip(changes, before, strict=True))
            for total, change in zip(sums.parts(), changes, strict=True):
                total[index] += change
            units[index] = self._units_in(batch, starts, units[index])
        return self._measured(sums, units)

    def _units_in(self, batch: Tensor, starts: Sequence[Ints], outside: Tensor) -> Tensor:
        """Each channel's unit, of the windows where it lies in them."""
        rows, cols = (
            at - torch.from_numpy(start).to(at)[:, None]
            for at, start in zip((self._rows, self._cols), starts, strict=True)
        )
        height, width = batch.shape[-2:]
        inside = (rows >= 0) & (rows < height) & (cols >= 0) & (cols < width)
        which = torch.arange(len(batch), device=batch.device)[:, None]
        channels = torch.arange(batch.shape[1], device=batch.device)
        found = batch[which, channels, rows.clamp(0, height - 1), cols.clamp(0, width - 1)]
        return torch.where(inside, found, outside)

    def _measured(self, sums: _Sums, units: Tensor) -> Measured:
        shares = sums.flips / self._maps.numel()
        distance = self._cosine(sums.along, sums.square)
        totals = self._totals + sums.totals
        return Measured(*(self._numpy(part) for part in (totals, units, shares, distance)))

    def _cosine(self, along: Tensor, square: Tensor) -> Tensor:
        """1 - cos, without the difference of two numbers that are almost equal."""
        if self._norm == 0:
            return (square > 0).to(square)
        x, y = along / self._norm, square / self._norm
        norm = (1 + 2 * x + y).clamp(min=0)
        cos = (1 + x) / norm.sqrt()
        sine = (y - x * x).clamp(min=0) / norm
        found = torch.where(cos > 0, sine / (1 + cos), 1 - cos)
        return torch.where(norm > 0, found, torch.ones_like(found))

    def _numpy(self, values: Tensor) -> NDArray[Any]:
        found: NDArray[Any] = values.to(self._maps.dtype).cpu().numpy()
        return found


def _wide(values: Tensor) -> torch.dtype:
    """The type that sums are in: float64, which Apple's GPUs don't have."""
    return torch.float32 if values.device.type == "mps" else torch.float64


def _parts(windows: Windows) -> Iterator[tuple[Ints, Tensor]]:
    """Positions and their windows, a few at a time on a CPU."""
    for members, batch in zip(windows.members, windows.batches, strict=True):
        at_once = IN_CACHE if batch.device.type == "cpu" else AT_ONCE
        count = max(1, at_once // max(1, batch[0].numel()))
        for start in range(0, len(members), count):
            yield members[start : start + count], batch[start : start + count]


def _cut(values: Tensor, starts: Sequence[Ints], size: Sequence[int]) -> Tensor:
    """Windows of a map (rows, columns, channels), one for each start: (n, channels, ...)."""
    (height, width), (rows, cols, channels) = size, values.shape
    windows = values.as_strided(
        (rows - height + 1, cols - width + 1, height, width, channels),
        (*values.stride()[:2], *values.stride()),
    )
    found: Tensor = windows[tuple(torch.from_numpy(axis) for axis in starts)]
    return found.permute(0, 3, 1, 2)
