"""What a lesion gives; NumPy only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from ...errors import InputError
from ...language.words import Words
from ...records import Floats, Ints, Prediction, table
from ...records.predictions import softmax

if TYPE_CHECKING:
    import pandas

Off = tuple[int, ...] | str
"""What of a layer is off: channels, "all" (zero), or "skip" (its input passes through)."""


@dataclass(frozen=True)
class LesionResult:
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
        return title_of(self.off, Words("en"))


def title_of(off: Mapping[str, Any], words: Words) -> str:
    """What is off, in words."""
    parts = []
    for layer, what in off.items():
        if isinstance(what, str):
            parts.append(words(f"lesion.title.{'skip' if what == 'skip' else 'off'}", layer=layer))
        else:
            shown = ", ".join(map(str, what[:4])) + (", ..." if len(what) > 4 else "")
            told = {"layer": layer, "number": len(what), "channels": shown}
            parts.append(words("lesion.title.channels", **told))
    return "; ".join(parts) or words("lesion.title.none")
