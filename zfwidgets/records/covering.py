"""A channel's strongest patches, covered: what remains of the unit that they excited."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..errors import InputError
from .activations import Activation
from .arrays import Floats, Rows, table
from .layers import Box

if TYPE_CHECKING:
    import pandas


@dataclass(frozen=True)
class CoverRequest:
    """A channel's strongest patches that are to be covered, as engines are asked for it.

    Attributes
    ----------
    layer, channel, k
        Layer and channel of the activations, and how many of the strongest.
    baseline
        What covers, see `zfwidgets.records.Occluder`.
    controls
        How many random patches of the same size are covered instead, for each activation.
    seed
        Seed of the random patches' places.

    Raises
    ------
    InputError
        For fewer than no controls. What depends on the network is checked by the engine.
    """

    layer: str
    channel: int
    k: int = 9
    baseline: str | float = "grey"
    controls: int = 8
    seed: int = 0

    def __post_init__(self) -> None:
        """Check what hinges on nothing else."""
        if self.controls < 0:
            raise InputError(
                f"controls is {self.controls}: expected a number of patches, 0 or more."
            )


@dataclass(frozen=True)
class CoveredPatch:
    """One of a channel's strongest activations, its receptive field covered.

    Attributes
    ----------
    activation, box
        The unit in its image, and what was covered: its field, cut by the image's border.
    before, after
        The unit's activation without and with the cover.
    moved
        Where the channel's largest activation of the covered image is, and its value.
    controls
        Random patches of the same size, inside the image, that were covered instead.
    control_values
        (controls,) float32: the unit's activation with each of them.
    """

    activation: Activation
    box: Box
    before: float
    after: float
    moved: Activation
    controls: tuple[Box, ...]
    control_values: Floats

    @property
    def overlap(self) -> float:
        """Mean share, over the controls, of the receptive field that they cover; 0..1."""
        shares = [_common(self.box, box) / (box.height * box.width) for box in self.controls]
        return float(np.mean(shares)) if shares else float("nan")


@dataclass(frozen=True)
class CoveredPatches(Rows[CoveredPatch], of="patches"):
    """A channel's strongest activations, each with its receptive field covered, strongest first.

    ``complete`` says whether all of them are computed, controls included; ``unreadable`` which of
    the images were left out, as they can't be read any more: (name, reason).
    """

    layer: str
    channel: int
    baseline: str | float
    patches: tuple[CoveredPatch, ...]
    seed: int = 0
    complete: bool = True
    unreadable: tuple[tuple[str, str], ...] = ()

    def to_frame(self) -> pandas.DataFrame:
        """A pandas table, one row an activation."""
        return table(
            {
                "layer": self.layer,
                "channel": self.channel,
                "rank": rank,
                "image": p.activation.image,
                "name": p.activation.image_name,
                "row": p.activation.unit.row,
                "col": p.activation.unit.col,
                **p.box.to_json(),
                "before": p.before,
                "after": p.after,
                "moved_row": p.moved.unit.row,
                "moved_col": p.moved.unit.col,
                "moved_value": p.moved.value,
                "control_mean": float(p.control_values.mean()) if p.controls else None,
                "control_low": float(p.control_values.min()) if p.controls else None,
                "control_high": float(p.control_values.max()) if p.controls else None,
                "control_overlap": p.overlap if p.controls else None,
                "controls": len(p.controls),
            }
            for rank, p in enumerate(self.patches, 1)
        )


def _common(one: Box, other: Box) -> int:
    """Pixels that lie in both."""
    rows = min(one.bottom, other.bottom) - max(one.top, other.top)
    columns = min(one.right, other.right) - max(one.left, other.left)
    return max(rows, 0) * max(columns, 0)
