"""What a diagnosis finds in a whole network; NumPy only."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from ...errors import one_of
from ...language.words import Words
from ...records import Floats, Ints, Pixels, Projection, signed_to_uint8, table
from ...records.projections import CLIPPED_AT
from .findings import Finding, compare, find
from .layer_diagnosis import ConvolutionDiagnosis, RectifierDiagnosis, largest_known, mean_of_known

if TYPE_CHECKING:
    import pandas
    from PIL import Image


@dataclass(frozen=True)
class DiagnosisResult:
    """What a network's filters show, alone and on images.

    Attributes
    ----------
    model
        Class of the model that was looked at.
    convolutions, rectifiers
        All 2-d convolutions, in the order of the forward pass, and all layers behind a rectifier;
        none of these before images have been looked at.
    first
        Name of the first convolution, if it sees the pixels; "" if not (its inputs aren't 1 or 3
        channels).
    filters
        (filters, rows, columns, channels) float32: its weights.
    second
        Name of the layer whose channels are projected: the second convolution.
    channels
        (n,) int64: which channels, evenly spaced, none picked by hand.
    projections
        Each channel's strongest activation projected to the pixels; None for a channel that is
        never above zero.
    images_seen
        Number of images looked at for dead channels and projections.
    images_measured
        How many of these were measured for aliasing and shift consistency.
    complete
        Whether all is there that was asked for.
    """

    model: str
    convolutions: tuple[ConvolutionDiagnosis, ...]
    rectifiers: tuple[RectifierDiagnosis, ...] = ()
    first: str = ""
    filters: Floats | None = field(default=None, repr=False)
    second: str = ""
    channels: Ints = field(default_factory=lambda: np.empty(0, np.int64), repr=False)
    projections: tuple[Projection | None, ...] = field(default=(), repr=False)
    images_seen: int = 0
    images_measured: int = 0
    complete: bool = False

    def __getitem__(self, name: str) -> ConvolutionDiagnosis | RectifierDiagnosis:
        layers: tuple[ConvolutionDiagnosis | RectifierDiagnosis, ...] = (
            *self.convolutions,
            *self.rectifiers,
        )
        return one_of({layer.name: layer for layer in layers}, name, "layer")

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What is worth knowing, in words, with the paper's remedies."""
        return find(self, Words("en"))

    def beside(self, other: DiagnosisResult) -> tuple[str, ...]:
        """What sets this network and another one apart in what the paper saw, in sentences.

        Which first layer aliases, which layers above do, and whether the first layers cover the
        mid frequencies: 10 % of the responses' variance beyond the stride's limit count as
        aliasing, less than half of what random weights have there as little coverage.

        Parameters
        ----------
        other
            The other network's diagnosis.
        """
        return compare(self, other, Words("en"))

    @property
    def filter_scale(self) -> float:
        """The weight that is shown as black or white, one for all of the first layer's filters."""
        if self.filters is None or not self.filters.any():
            return 1.0
        return float(np.percentile(np.abs(self.filters), CLIPPED_AT))

    def filter_pictures(self) -> tuple[Pixels, ...]:
        """The first layer's filters, (rows, columns, 3) uint8 each: signed around mid-grey.

        All on one scale, as in the paper's Fig. 6 (a) to (c), so that dominating filters show.
        """
        if self.filters is None:
            return ()
        return tuple(signed_to_uint8(one, self.filter_scale) for one in self.filters)

    def projection_pictures(self) -> tuple[Pixels | None, ...]:
        """The projections' receptive fields, (rows, columns, 3) uint8, each on its own scale."""
        return tuple(None if p is None else np.asarray(p.to_pil()) for p in self.projections)

    def to_frame(self) -> pandas.DataFrame:
        """A pandas table, one row a layer: convolutions, then rectifiers."""
        convolutions: list[dict[str, Any]] = [
            {
                "layer": layer.name,
                "kind": "convolution",
                "channels": len(layer),
                "filter": f"{layer.shape[1]} x {layer.shape[2]}",
                "stride": max(layer.stride),
                "dominating": len(layer.dominating),
                "largest RMS / median": largest_known(layer.dominance),
                "near-duplicates": layer.repeated,
                **layer.coverage(),
                "beyond the limit": mean_of_known(layer.beyond),
                "aliasing": mean_of_known(layer.aliasing),
                "shift consistency": mean_of_known(layer.consistency),
            }
            for layer in self.convolutions
        ]
        rectifiers: list[dict[str, Any]] = [
            {
                "layer": layer.name,
                "kind": "rectifier",
                "channels": len(layer),
                "dead": len(layer.dead),
                "active": mean_of_known(layer.active),
            }
            for layer in self.rectifiers
        ]
        return table([*convolutions, *rectifiers])

    def to_pil(self, size: int = 48) -> Image.Image:
        """The first layer's filters on one sheet, RGB, each ``size`` pixels wide."""
        from PIL import Image

        pictures = self.filter_pictures()
        columns = max(1, round(len(pictures) ** 0.5 * 1.4))
        rows = -(-len(pictures) // columns)
        step = size + 2
        sheet = Image.new("RGB", (max(1, columns * step), max(1, rows * step)), "white")
        for number, pixels in enumerate(pictures):
            high = max(1, round(size * pixels.shape[0] / pixels.shape[1]))
            picture = Image.fromarray(pixels).resize((size, high), Image.Resampling.NEAREST)
            sheet.paste(picture, (number % columns * step, number // columns * step))
        return sheet
