"""What an ablation finds: frozen dataclasses of NumPy arrays, without torch."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...errors import InputError, one_of
from ...records import table
from ...storage.checksums import digest
from ...storage.whole import whole
from ..training.history import TrainingRecord
from .intervals import newcombe, wilson

if TYPE_CHECKING:
    import pandas

LEARNED = 0.1
"""Error on the training images above which a training counts as not done."""
TABLE = "ablation.json"
"""Which variants there are, and in which folders their trainings."""


@dataclass(frozen=True)
class AblationRow:
    """One variant.

    Attributes
    ----------
    name, parameters
        Name of the variant, and how many numbers it learns.
    training
        How its training went; None before it has begun.
    note
        Why there is no training, or why it ended early; "" if nothing is to be said.
    """

    name: str
    parameters: int
    training: TrainingRecord | None = None
    note: str = ""

    @property
    def train_error(self) -> float:
        """At the end, 0..1; see `TrainingRecord`. NaN before there is one."""
        return self._last("train_error")

    @property
    def validation_error(self) -> float:
        """At the end, 0..1; NaN before there is one, or without images to validate on."""
        return self._last("validation_error")

    @property
    def validation_error_5(self) -> float:
        """The same for the five most probable classes."""
        return self._last("validation_error_5")

    @property
    def validation_images(self) -> int:
        """How many images the validation error is of, at least: some may not be readable."""
        training = self.training
        return 0 if training is None else max(0, training.validation_images - len(training.skipped))

    @property
    def validation_interval(self) -> tuple[float, float]:
        """95 % interval of the validation error, of so many images: `wilson`. NaN without."""
        return wilson(self.validation_error, self.validation_images)

    def _last(self, name: str) -> float:
        values = [] if self.training is None else list(getattr(self.training, name))
        return float(values[-1]) if values else float("nan")


@dataclass(frozen=True)
class AblationTable:
    """Parameters and errors of variants that were trained alike (paper, Table 3).

    Attributes
    ----------
    rows
        One a variant, in the order they were given.
    """

    rows: tuple[AblationRow, ...]

    @property
    def complete(self) -> bool:
        """Whether each variant was trained to its end."""
        return all(row.training is not None and row.training.complete for row in self.rows)

    def __getitem__(self, name: str) -> AblationRow:
        return one_of({row.name: row for row in self.rows}, name, "variant")

    def difference(self, name: str, other: str) -> tuple[float, float, float]:
        """Validation error of one variant less that of another, and its 95 % interval, low to high.

        An interval that holds zero: so many images can't tell the two apart. It is of the images
        alone, as if each variant had images of its own (`newcombe`); another seed gives other
        errors too.
        """
        one, two = self[name], self[other]
        low, high = newcombe(
            one.validation_error, one.validation_images, two.validation_error, two.validation_images
        )
        return one.validation_error - two.validation_error, low, high

    @property
    def findings(self) -> tuple[str, ...]:
        """What the numbers say, a sentence for each variant: whether it errs more than the first.

        By the 95 % interval of `difference`. A last one names the variants that haven't learned
        their own training images, where there are any.
        """
        known = [row for row in self.rows if row.validation_images]
        if not known:
            return ()
        first, *others = known
        said = [f"{first.name}: {first.validation_error:.1%} wrong."]
        for row in others:
            gap, low, high = self.difference(row.name, first.name)
            told = "more" if low > 0 else "fewer" if high < 0 else "can't be told apart"
            said.append(
                f"{row.name}: {row.validation_error:.1%} wrong, {100 * gap:+.1f} points "
                f"[{100 * low:.1f}, {100 * high:.1f}]: {told}."
            )
        under_way = [
            f"{row.name} on {row.train_error:.0%} after {row.training.epochs:g} epochs"
            for row in known
            if row.training is not None and row.train_error > LEARNED
        ]
        if under_way:
            said.append(
                f"Still wrong on the images that they learn from: {'; '.join(under_way)}. So this "
                "compares how far trainings have got, not what each variant can learn."
            )
        return tuple(said)

    def to_frame(self) -> pandas.DataFrame:
        """A pandas table as the paper's: errors are shares, 0..1, where training ended."""
        return table(
            {
                "variant": row.name,
                "parameters": row.parameters,
                "train_error": row.train_error,
                "validation_error": row.validation_error,
                "validation_error_5": row.validation_error_5,
                "epochs": 0.0 if row.training is None else row.training.epochs,
                "seconds": 0.0 if row.training is None else row.training.seconds,
                "note": row.note,
            }
            for row in self.rows
        )

    def save(self, folder: str | Path, places: Mapping[str, str]) -> None:
        """Write which variants there are; their trainings are in ``places`` of the folder."""
        rows = [
            {
                "name": row.name,
                "parameters": row.parameters,
                "note": row.note,
                "place": places[row.name],
            }
            for row in self.rows
        ]
        with whole(Path(folder) / TABLE) as path:
            about = {"schema": 1, "rows": rows, "checksum": _checksum(rows)}
            path.write_text(json.dumps(about, indent=1), "utf-8")

    @classmethod
    def load(cls, folder: str | Path) -> AblationTable:
        """What `ablate` has kept in a folder, finished or not.

        Raises
        ------
        InputError
            There is none, or it can't be read.
        """
        path = Path(folder) / TABLE
        try:
            about = json.loads(path.read_text("utf-8"))
            if about.get("checksum") != _checksum(about["rows"]):
                raise ValueError("its checksum doesn't fit: it was changed or damaged")
            found = [(row, Path(folder) / row["place"]) for row in about["rows"]]
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise InputError(f"{path} isn't a readable ablation ({error}).") from error
        return cls(
            tuple(
                AblationRow(
                    row["name"],
                    row["parameters"],
                    TrainingRecord.load(place) if place.is_dir() else None,
                    row["note"],
                )
                for row, place in found
            )
        )


def _checksum(rows: Any) -> str:
    return digest(json.dumps(rows, sort_keys=True).encode())
