"""What a correspondence experiment finds: frozen dataclasses of NumPy arrays, without torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError
from ...language.words import Words
from ...records import Box, table
from .findings import find
from .rows import RANDOM, random_row, row_text

if TYPE_CHECKING:
    import pandas
    from PIL import Image

Doubles = NDArray[np.float64]


@dataclass(frozen=True)
class MaskedSigns:
    """What one mask in each photo does to the signs of features; n photos, n (n - 1) / 2 pairs.

    Pairs are (0, 1), (0, 2), ..., (1, 2), ...

    Attributes
    ----------
    boxes
        The mask of each photo, in input pixels.
    differing
        (layers, pairs) float64, 0..1: share of the layer's units whose signs differ.
    changed
        (layers, photos) float64, 0..1: share of units that the mask changes.
    opposite
        (layers, pairs) float64, 0..1: share of opposite signs among units that change in both;
        NaN where none does.
    """

    boxes: tuple[Box, ...]
    differing: Doubles
    changed: Doubles
    opposite: Doubles


@dataclass(frozen=True)
class CorrespondenceResult:
    """How alike the same part's masks change features, beside random masks (paper, Table 1).

    What the numbers are: `zfwidgets.experiments.correspondence`.

    Attributes
    ----------
    images
        Indices of the photos; None for one of the caller's own.
    image_names, layers
        Names of the photos and of the layers.
    parts
        By part; only those that are done.
    random
        By part: the draws that are done.
    part_names, draws
        All parts that were asked for, and how many random draws for each.
    within
        The marked part that random masks stay inside of; "" for the whole photo.
    baseline
        What the masks are filled with.
    seed
        Seed of the random masks.
    apart
        Whether random masks kept clear of every marked part.
    """

    images: tuple[int | None, ...]
    image_names: tuple[str, ...]
    layers: tuple[str, ...]
    parts: Mapping[str, MaskedSigns]
    random: Mapping[str, tuple[MaskedSigns, ...]]
    part_names: tuple[str, ...]
    draws: int
    within: str = ""
    baseline: str | float = field(default="grey")
    seed: int = 0
    apart: bool = True

    @property
    def complete(self) -> bool:
        """Whether all parts and all draws are done."""
        return self.done == len(self.part_names) * (1 + self.draws)

    @property
    def done(self) -> int:
        """Masks that are done, counting each part and each draw once."""
        return len(self.parts) + sum(len(draws) for draws in self.random.values())

    @property
    def pairs(self) -> int:
        """Pairs of photos."""
        count = len(self.image_names)
        return count * (count - 1) // 2

    def rows(self) -> tuple[str, ...]:
        """What is known: the parts that are done, then random masks of each part's sizes."""
        parts = tuple(part for part in self.part_names if part in self.parts)
        return (*parts, *(random_row(part) for part in self.part_names if self.random.get(part)))

    def differing(self, row: str) -> Doubles:
        """Share of differing signs, (layers, pairs of photos).

        Random masks have a row for each part's sizes, as larger masks change more; "random" is
        all of them.
        """
        return self._all(row, "differing")

    def mean(self, row: str) -> Doubles:
        """D: the mean over pairs, (layers,) float64."""
        return np.asarray(self.differing(row).mean(1))

    def spread(self, row: str) -> Doubles:
        """Standard deviation over pairs, (layers,) float64; NaN where there is one pair only."""
        values = self.differing(row)
        if values.shape[1] < 2:
            return np.full(len(self.layers), np.nan)
        return np.asarray(values.std(1))

    def changed(self, row: str) -> Doubles:
        """Share of units that a mask changes, mean over photos, (layers,) float64."""
        return np.asarray(self._all(row, "changed").mean(1))

    def opposite(self, row: str) -> Doubles:
        """Share of opposite signs among units that change in both, (layers,) float64.

        The mean over pairs that have such units; NaN where none has.
        """
        values = self._all(row, "opposite")
        known = np.isfinite(values)
        total = np.where(known, values, 0.0).sum(1)
        return np.asarray(total / np.where(known.any(1), known.sum(1), np.nan))

    def not_above(self, part: str) -> Doubles:
        """Share of a part's random draws whose D is as low as the part's, (layers,) float64.

        0.05 and below: hardly a random mask does as well. NaN before the first draw.
        """
        return self._share_of_draws(part, np.less_equal)

    def _all(self, row: str, what: str) -> Doubles:
        if row in self.parts:
            return np.asarray(getattr(self.parts[row], what))
        draws = [
            draw
            for part, of_part in self.random.items()
            if row in (RANDOM, random_row(part))
            for draw in of_part
        ]
        if not draws:
            known = ", ".join(map(repr, self.rows())) or "nothing"
            raise InputError(f"There is no row {row!r} in this result: there is {known}.")
        return np.concatenate([getattr(draw, what) for draw in draws], axis=1)

    def not_below(self, part: str) -> Doubles:
        """Share of a part's random draws whose D is as high as the part's, (layers,) float64.

        NaN before the first draw.
        """
        return self._share_of_draws(part, np.greater_equal)

    def _share_of_draws(self, part: str, compare: np.ufunc) -> Doubles:
        draws = self.random.get(part, ())
        if not draws:
            return np.full(len(self.layers), np.nan)
        means = np.stack([draw.differing.mean(1) for draw in draws])
        return np.asarray(compare(means, self.mean(part)).mean(0))

    @property
    def findings(self) -> tuple[str, ...]:
        """What the numbers say, a sentence for each layer and one for all: `findings.find`."""
        return find(self)

    def to_frame(self) -> pandas.DataFrame:
        """A pandas table: a row for each part, then random masks of its sizes, and layer."""
        rows: list[dict[str, Any]] = []
        for row in self.rows():
            below = self.not_above(row) if row in self.parts else np.full(len(self.layers), np.nan)
            columns = (self.mean(row), self.spread(row), self.changed(row), self.opposite(row))
            for place, layer in enumerate(self.layers):
                mean, spread, changed, opposite = (float(values[place]) for values in columns)
                rows.append(
                    {
                        "masked": row,
                        "layer": layer,
                        "differing": mean,
                        "spread": spread,
                        "changed": changed,
                        "opposite": opposite,
                        "random_as_low": float(below[place]),
                        "pairs": self.differing(row).shape[1],
                    }
                )
        return table(rows)

    def to_table(self) -> pandas.DataFrame:
        """The paper's Table 1: rows for parts and random masks, a column for each layer.

        Cells are the mean feature sign change +- its standard deviation over pairs.
        """
        frame = table(
            {
                "occlusion location": row,
                **dict(zip(self.layers, self._cells(row), strict=True)),
            }
            for row in self.rows()
        )
        return frame.set_index("occlusion location") if len(frame) else frame

    def _cells(self, row: str) -> list[str]:
        return [
            f"{mean:.3f} ± {spread:.3f}" if np.isfinite(spread) else f"{mean:.3f}"
            for mean, spread in zip(self.mean(row), self.spread(row), strict=True)
        ]

    def to_pil(self) -> Image.Image:
        """The table as a picture, RGB."""
        from PIL import Image, ImageDraw

        from ...drawing.page import font
        from ...drawing.palette import INK, SOFT

        letters, words = font(17), Words()
        cells = [[words("correspondence.location"), *self.layers]]
        cells += [
            [row_text(row, words), *(text.replace(".", words.point) for text in self._cells(row))]
            for row in self.rows()
        ]
        wide = [
            max(letters.getlength(line[i]) for line in cells) + 32 for i in range(len(cells[0]))
        ]
        sheet = Image.new("RGB", (round(sum(wide)) + 16, 30 * len(cells) + 16), "white")
        pen = ImageDraw.Draw(sheet)
        for row, line in enumerate(cells):
            for column, text in enumerate(line):
                place = (16 + sum(wide[:column]), 10 + 30 * row)
                pen.text(place, text, INK, letters)
            if row == 0:
                pen.line((12, 36, sheet.width - 12, 36), SOFT, 1)
        return sheet
