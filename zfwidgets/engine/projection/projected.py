"""What one way down gives for a batch, and which units it starts from."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ...records import Operation


@dataclass(frozen=True)
class Projected:
    """Projections of a batch.

    Attributes
    ----------
    pixels
        (n, channels, rows, columns), signed, in input units.
    values
        (n,) the units' activations, which the projections start from.
    operations
        What was met on the way.
    switches
        Switches of each max-pool, (n, channels, rows, columns), nearest the unit first.
    near_ties
        (n,) how strong a signal of each crosses near ties of max-pools, 0..1 of the strongest;
        None where that isn't known. See `Crossing`.
    """

    pixels: Tensor
    values: Tensor
    operations: tuple[Operation, ...]
    switches: tuple[Tensor, ...]
    near_ties: Tensor | None = None

    def one(self, number: int) -> Projected:
        """One of the batch."""
        here = slice(number, number + 1)
        return Projected(
            self.pixels[here],
            self.values[here],
            self.operations,
            tuple(pool[here] for pool in self.switches),
            None if self.near_ties is None else self.near_ties[here],
        )

    @classmethod
    def join(cls, parts: list[Projected]) -> Projected:
        """One batch from several of one layer."""
        if len(parts) == 1:
            return parts[0]
        known = [part.near_ties for part in parts]
        return cls(
            torch.cat([part.pixels for part in parts]),
            torch.cat([part.values for part in parts]),
            parts[0].operations,
            tuple(torch.cat(pool) for pool in zip(*(p.switches for p in parts), strict=True)),
            None if any(k is None for k in known) else torch.cat(known),  # type: ignore[arg-type]
        )


def select(units: list[tuple[int, int, int]], output: Tensor) -> tuple[Tensor, ...]:
    """Indices of one unit per image in a layer's output."""
    index = torch.tensor(units, device=output.device)
    return (torch.arange(len(units), device=output.device), *index.T)[: output.dim()]
