"""What the strongest map of a photo is, and what covering it does: without torch."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from ...language.words import Words
from ...records import Activation, Box, Floats, OcclusionMap, Pixels, Projection

if TYPE_CHECKING:
    from PIL import Image


@dataclass(frozen=True)
class StrongestMapResult:
    """A layer's strongest map in a photo, and in others (paper, Fig. 7a to 7c).

    Attributes
    ----------
    image, image_name, photo
        Index of the photo (None for one of the caller's own), its name, and the photo as the
        network sees it, (rows, columns, 3) uint8.
    layer, channel
        The map: the layer's channel with the largest total activation in the photo.
    total
        Sum of the map's activations.
    projection
        The map's strongest unit, projected into this photo.
    square
        The occluder where it holds most of the projection's energy.
    left
        Share of the map's total that is left with the square there.
    covered
        The occluder at all places of a grid; None before it is computed.
    others
        The channel's strongest activations in other photos, strongest first.
    views
        By activation: the part of its photo that counts, the square around the unit's middle that
        holds 95 % of these projections' energy (`zfwidgets.records.focus_side`).
    patches
        By activation, (rows, columns, 3) uint8: that part.
    projections
        By activation: its projection.
    complete
        Whether all is computed.
    """

    image: int | None
    image_name: str
    photo: Pixels = field(repr=False)
    layer: str
    channel: int
    total: float
    projection: Projection = field(repr=False)
    square: Box
    left: float
    covered: OcclusionMap | None = field(default=None, repr=False)
    others: tuple[Activation, ...] = ()
    views: tuple[Box, ...] = field(default=(), repr=False)
    patches: tuple[Pixels, ...] = field(default=(), repr=False)
    projections: tuple[Projection, ...] = field(default=(), repr=False)
    complete: bool = False

    @property
    def totals(self) -> Floats:
        """Share of the map's total that is left at each place of the square (Fig. 7b).

        (grid rows, grid columns) float32; NaN where it isn't computed.
        """
        if self.covered is None:
            return np.full((0, 0), np.nan, np.float32)
        return np.asarray(self.covered.feature_map(self.channel) / self.total, np.float32)

    @property
    def anywhere(self) -> float:
        """Mean of `totals`: what is left with the square at a random place. NaN before."""
        known = self.totals[np.isfinite(self.totals)]
        return float(known.mean()) if known.size else float("nan")

    @property
    def finding(self) -> str:
        """What the numbers say, in a sentence."""
        from .drawing import finding_text

        return finding_text(self, Words("en"))

    def to_pil(self) -> Image.Image:
        """Fig. 7a to 7c of this photo on one sheet, RGB, 1200 px wide."""
        from .drawing import draw

        return draw(self, Words())

    def _repr_png_(self) -> bytes:
        """What a notebook shows."""
        from io import BytesIO

        file = BytesIO()
        self.to_pil().save(file, "PNG")
        return file.getvalue()


def square_on(projection: Projection, size: tuple[int, int]) -> Box:
    """Where a box of so many rows and columns holds most of a projection's energy.

    The first such place, from the top and left; a box that is larger than the image is as large as
    the image.
    """
    energy = np.square(projection.pixels, dtype=np.float64).sum(-1)
    rows, columns = (min(n, whole) for n, whole in zip(size, energy.shape, strict=True))
    sums = np.pad(energy.cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    held = sums[rows:, columns:] - sums[:-rows, columns:] - sums[rows:, :-columns]
    held = held + sums[:-rows, :-columns]
    top, left = np.unravel_index(int(held.argmax()), held.shape)
    return Box(int(top), int(left), rows, columns)
