"""What an occluder does at each of a grid of positions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from .arrays import Floats, Ints, table
from .layers import Box
from .predictions import softmax

if TYPE_CHECKING:
    import pandas
    from PIL import Image


@dataclass(frozen=True)
class OcclusionMap:
    """What an occluder at each of a grid of positions does (paper, section 4.2, Fig. 7).

    Cell (i, j) stands for the ``stride`` block of input pixels from (i*stride, j*stride); the
    occluder lies centred on that block, cut by the image's border. Cells not ``done`` hold NaN.

    Attributes
    ----------
    size, stride
        (rows, columns) of the occluder and of the cells, in input pixels.
    logits
        (grid rows, grid columns, classes) float32.
    clean
        (classes,) float32: the logits without occluder.
    target
        The class whose probability is shown.
    layer, totals, clean_totals
        The layer whose feature maps were summed: (grid rows, grid columns, channels) float32 and
        (channels,) float32; None when no layer was asked for.
    done
        (grid rows, grid columns) bool: the cells that are computed.
    note
        Why each position took a full forward pass; "" where only what changed was computed.
    """

    image: int | None
    image_name: str
    size: tuple[int, int]
    stride: tuple[int, int]
    fill: str | float
    input_shape: tuple[int, int]
    logits: Floats
    clean: Floats
    target: int
    labels: tuple[str, ...]
    done: NDArray[np.bool_]
    layer: str | None = None
    totals: Floats | None = None
    clean_totals: Floats | None = None
    note: str = ""

    @property
    def complete(self) -> bool:
        """Whether every position is computed."""
        return bool(self.done.all())

    @property
    def grid(self) -> tuple[int, int]:
        """(rows, columns) of positions."""
        return self.done.shape[0], self.done.shape[1]

    def box(self, row: int, col: int) -> Box:
        """Where the occluder lies for a cell, cut by the image's border."""
        return occluder_box(row, col, self.size, self.stride).clip(*self.input_shape)

    def probability(self, target: int | None = None) -> Floats:
        """Probability of a class at each position (Fig. 7d), (grid rows, grid columns)."""
        return softmax(self.logits)[..., self.target if target is None else target]

    def predicted(self) -> Ints:
        """Most probable class at each position (Fig. 7e); -1 where not done."""
        filled = np.where(self.done[..., None], self.logits, -np.inf)
        return np.where(self.done, filled.argmax(axis=-1), -1)

    @property
    def strongest_channel(self) -> int:
        """The channel of `layer` with the largest total activation without occluder."""
        if self.clean_totals is None:
            raise InputError("This map has no feature maps: pass layer=... to occlude().")
        return int(self.clean_totals.argmax())

    def feature_map(self, channel: int | None = None) -> Floats:
        """Total activation of a feature map at each position (Fig. 7b)."""
        strongest = self.strongest_channel
        assert self.totals is not None
        return self.totals[..., strongest if channel is None else channel]

    def to_frame(self) -> pandas.DataFrame:
        """A pandas table, one row a position."""
        probability, predicted = self.probability(), self.predicted()
        return table(
            {
                "row": i,
                "col": j,
                **self.box(i, j).to_json(),
                "probability": float(probability[i, j]),
                "predicted": self.labels[predicted[i, j]] if self.done[i, j] else None,
            }
            for i in range(self.grid[0])
            for j in range(self.grid[1])
        )

    def to_pil(self) -> Image.Image:
        """The target's probability as grey levels, black 0 to white 1, one pixel a position."""
        from PIL import Image

        values = np.nan_to_num(self.probability())
        return Image.fromarray(np.rint(values * 255).astype(np.uint8))


def occluder_box(row: int, col: int, size: tuple[int, int], stride: tuple[int, int]) -> Box:
    """The occluder centred on cell (row, col), unclipped."""
    top = row * stride[0] + stride[0] // 2 - size[0] // 2
    left = col * stride[1] + stride[1] // 2 - size[1] // 2
    return Box(top, left, *size)
