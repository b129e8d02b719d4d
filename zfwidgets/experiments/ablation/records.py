"""What an ablation finds: frozen dataclasses of NumPy arrays, without torch."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ...errors import InputError
from ...records import Floats, Ints, Prediction, table
from ...records.predictions import softmax
from ...storage.checksums import digest
from ...storage.files import whole
from ..training.records import TrainingRecord
from .intervals import newcombe, wilson

if TYPE_CHECKING:
    import pandas

TABLE = "ablation.json"
"""Which variants there are, and in which folders their trainings."""

Off = tuple[int, ...] | str
"""What of a layer is off: channels, "all" (zero), or "skip" (its input passes through)."""


@dataclass(frozen=True)
class AblationRow:
    """One variant.

    Attributes
    ----------
    name
        What it was called.
    parameters
        How many numbers are learned.
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
        for row in self.rows:
            if row.name == name:
                return row
        names = ", ".join(repr(row.name) for row in self.rows)
        raise InputError(f"There is no variant {name!r}: expected one of {names}.")

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


@dataclass(frozen=True)
class KnockOut:
    """A trained network with parts switched off, beside itself with all of them.

    Attributes
    ----------
    off
        By layer, what of it is off: channels (their feature maps are zero), "all" (all maps are
        zero), or "skip" (the layer gives what it gets, as if it weren't there).
    classes
        Class names in the order of the network's outputs.
    images, names
        (images,) int64 numbers in the data, and their names, as far as they are computed.
    labels
        (images,) int64 true classes.
    logits, before
        (images, classes) float32: class scores with the parts off, and with all of them.
    total
        How many images there are; those that can't be read are `skipped`.
    skipped
        (name, reason) of images that can't be read.
    """

    off: Mapping[str, Off]
    classes: tuple[str, ...]
    images: Ints
    names: tuple[str, ...] = field(repr=False)
    labels: Ints = field(repr=False)
    logits: Floats = field(repr=False)
    before: Floats = field(repr=False)
    total: int
    skipped: tuple[tuple[str, str], ...] = ()

    @property
    def complete(self) -> bool:
        """Whether all images that can be read are in it."""
        return len(self.images) + len(self.skipped) >= self.total

    @property
    def accuracy(self) -> float:
        """Share of images whose true class is the most probable one, with the parts off."""
        return float(self._right(self.logits).mean())

    @property
    def accuracy_before(self) -> float:
        """The same with all parts."""
        return float(self._right(self.before).mean())

    def _right(self, logits: Floats) -> Floats:
        if not len(self.labels):
            return np.full(1, np.nan, dtype=np.float32)
        return np.asarray(logits.argmax(1) == self.labels, dtype=np.float32)

    def class_accuracies(self) -> tuple[Floats, Floats, Ints]:
        """Accuracy of each class with the parts off and with all, and its number of images.

        (classes,) each; NaN for classes without images.
        """
        counts = np.bincount(self.labels, minlength=len(self.classes))
        with np.errstate(invalid="ignore"):
            off, on = (
                np.asarray(
                    np.bincount(self.labels, self._right(logits), len(self.classes)) / counts,
                    dtype=np.float32,
                )
                for logits in (self.logits, self.before)
            )
        return off, on, counts

    def hurt_most(self, k: int = 5) -> list[tuple[int, str, float]]:
        """Classes that lose most accuracy, as (number, name, loss), the largest loss first.

        Classes of equal loss are ordered by their number; classes that lose nothing are left out.
        """
        off, on, counts = self.class_accuracies()
        loss = np.where(counts > 0, on - off, -np.inf)
        order = np.argsort(-loss, kind="stable")[:k]
        return [(int(c), self.classes[c], float(loss[c])) for c in order if loss[c] > 0]

    def prediction(self, image: int, *, before: bool = False) -> Prediction:
        """Class scores of an image, by its number in the data."""
        places = np.flatnonzero(self.images == image)
        if not len(places):
            raise InputError(f"Image {image} isn't computed, or can't be read.")
        place = int(places[0])
        logits = (self.before if before else self.logits)[place]
        return Prediction(int(image), self.names[place], logits, self.classes)

    def to_frame(self) -> pandas.DataFrame:
        """A pandas table: one row an image."""
        after, before = softmax(self.logits), softmax(self.before)
        rows = np.arange(len(self.images))
        return table(
            {
                "image": int(self.images[i]),
                "name": self.names[i],
                "label": self.classes[self.labels[i]],
                "predicted_before": self.classes[int(before[i].argmax())],
                "predicted": self.classes[int(after[i].argmax())],
                "probability_before": float(before[i, self.labels[i]]),
                "probability": float(after[i, self.labels[i]]),
            }
            for i in rows
        )

    def class_frame(self) -> pandas.DataFrame:
        """A pandas table: one row a class that has images, those that lose most first."""
        off, on, counts = self.class_accuracies()
        rows: list[dict[str, Any]] = [
            {
                "class": name,
                "images": int(counts[c]),
                "accuracy_before": float(on[c]),
                "accuracy": float(off[c]),
                "change": float(off[c] - on[c]),
            }
            for c, name in enumerate(self.classes)
            if counts[c]
        ]
        return table(sorted(rows, key=lambda row: row["change"]))

    @property
    def title(self) -> str:
        """What is off, in words; "nothing is off" if nothing is."""
        parts = []
        for layer, off in self.off.items():
            if isinstance(off, str):
                parts.append(f"{layer} {'skipped' if off == 'skip' else 'off'}")
            else:
                shown = ", ".join(map(str, off[:4])) + (", ..." if len(off) > 4 else "")
                word = "channel" if len(off) == 1 else f"{len(off)} channels"
                parts.append(f"{layer}: {word} {shown} off")
        return "; ".join(parts) or "nothing is off"
