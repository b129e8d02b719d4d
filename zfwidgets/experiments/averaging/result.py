"""Errors of models alone and together, of one crop and of ten: without torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...errors import InputError
from ...records import table
from ..ablation.intervals import wilson

if TYPE_CHECKING:
    import pandas

CROPS = (1, 10)


@dataclass(frozen=True)
class AveragedRow:
    """Errors of the mean answer of one or more models.

    Attributes
    ----------
    models, crops
        Names of the models whose answers are averaged, and crops of each picture, 1 or 10.
    error
        Share of pictures whose class isn't the most probable one, 0..1.
    error_5
        Share of those whose class isn't among the five most probable; NaN for up to five classes.
    images
        Pictures that were looked at.
    """

    models: tuple[str, ...]
    crops: int
    error: float
    error_5: float
    images: int

    @property
    def interval(self) -> tuple[float, float]:
        """95 % interval of the error, of so many pictures."""
        return wilson(self.error, self.images)


@dataclass(frozen=True)
class AveragedTable:
    """What more crops and more models bring (paper, Table 2).

    Attributes
    ----------
    rows
        Each model with one crop and with ten; then all of them together, if they are several.
    complete
        Whether all pictures were looked at.
    skipped
        Name and reason of pictures that can't be read.
    """

    rows: tuple[AveragedRow, ...]
    complete: bool = False
    skipped: tuple[tuple[str, str], ...] = ()

    def row(self, models: str | tuple[str, ...], crops: int = 10) -> AveragedRow:
        """The row of some models.

        Parameters
        ----------
        models
            Name of one, or names of all that answer together.
        crops
            Crops of each picture, 1 or 10.
        """
        wanted = (models,) if isinstance(models, str) else tuple(models)
        for row in self.rows:
            if row.models == wanted and row.crops == crops:
                return row
        known = "; ".join(f"{', '.join(row.models)} ({row.crops})" for row in self.rows)
        raise InputError(
            f"There is no row of {', '.join(wanted)} with {crops} crops: there is {known}."
        )

    def to_frame(self) -> pandas.DataFrame:
        """A pandas table: a row for each of `rows`."""
        return table(
            {
                "models": ", ".join(row.models),
                "crops": row.crops,
                "error": row.error,
                "error_low": row.interval[0],
                "error_high": row.interval[1],
                "error_5": row.error_5,
                "images": row.images,
            }
            for row in self.rows
        )
