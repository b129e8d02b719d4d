"""What verifying an index found: every mismatch, with its place, both values and a likely cause."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..records import table
from .records import LayerShape

if TYPE_CHECKING:
    import pandas

WHATS = (
    "activation",
    "place",
    "missing",
    "sampled maximum",
    "silent images",
    "histogram",
    "mean",
    "zeros",
    "label",
    "readable",
    "unreadable",
    "removed",
    "order",
)
"""Kinds of mismatches, see `Mismatch`."""

WEIGHTS = "wrong weights"
TRANSFORM = "changed transform"
EITHER = "wrong weights or changed transform"
UNKNOWN = "changed transform or images"
IMAGE = "changed image"
REMOVED = "removed image"
LABEL = "changed label"
DRIFT = "numerical drift"
FILE = "changed index"
CAUSES = (WEIGHTS, TRANSFORM, EITHER, UNKNOWN, IMAGE, REMOVED, LABEL, DRIFT, FILE)
"""Likely causes of mismatches, see `Verification`."""

ROW = np.dtype(
    [
        ("what", "u1"),
        ("cause", "u1"),
        ("row", "i8"),
        ("rank", "i2"),
        ("image", "i8"),
        ("label", "i4"),
        ("there", "f8"),
        ("here", "f8"),
        ("place_there", "i8"),
        ("place_here", "i8"),
    ]
)
"""A mismatch in a table: numbers into `WHATS`, `CAUSES`, all layers' channels one after another,
images, classes; -1 for none."""

EXAMPLES = 3
"""Mismatches of each cause that are shown in words."""


@dataclass(frozen=True)
class Mismatch:
    """One thing that isn't as the index has it.

    Attributes
    ----------
    what
        "activation", "place": an entry of a top has another value, or another place of the same
        value. "missing": an activation stronger than the weakest entry (``there``) isn't listed.
        "sampled maximum": of an image and channel. "silent images", "histogram", "mean", "zeros":
        a channel's statistics. "label": an image among the strongest of a class has another one.
        "readable", "unreadable": an image that the index left out can be read, or the other way
        round. "removed": an image isn't there any more. "order": an entry stands behind a weaker
        one, or its image twice in one list.
    layer, channel
        Whose; "" and None of a whole image.
    image
        The image's name in the index; None of statistics.
    there, here
        The index's value, and the one computed now; NaN where there is none.
    place_there, place_here
        (row, column) in the map; None where it isn't known.
    rank
        Which of the channel's strongest, from 0; None where it isn't listed.
    of_class
        Of which class's top; None of a channel's.
    cause
        The likely cause, one of `CAUSES`.
    """

    what: str
    layer: str
    channel: int | None
    image: str | None
    there: float
    here: float
    place_there: tuple[int, int] | None
    place_here: tuple[int, int] | None
    rank: int | None
    of_class: str | None
    cause: str

    def __str__(self) -> str:
        parts = [f"{self.layer!r} channel {self.channel}"] if self.layer else []
        parts += [f"image {self.image!a}"] if self.image is not None else []
        parts += [f"class {self.of_class!r}"] if self.of_class is not None else []
        values = ""
        if not (math.isnan(self.there) and math.isnan(self.here)):
            values = f" {self.there:.7g} there, {self.here:.7g} here"
        if self.what == "order":
            values = f", rank {self.rank} has {self.there:.7g}"
        if self.what == "place":
            values = f" {self.place_there} there, {self.place_here} here"
        return f"{', '.join(parts)}: {self.what}{values}"


@dataclass(frozen=True)
class Verification:
    """What was found when an index's images were looked at again.

    Causes are likely, not proven: a removed or changed image by its name, size and time (or
    bytes); wrong weights and a changed transform by their fingerprints; a changed transform (or
    images) also where most values differ although the fingerprints don't; numerical drift where a
    difference is within `tolerance`; else it is the index's file that was changed.

    Attributes
    ----------
    where
        The index, in words.
    images, entries, sampled
        How many images were looked at again; how many of their entries in tops, and how many
        sampled maxima, were compared.
    of_images, of_entries
        How many there are in the index.
    batches
        Numbers of the batches (of its plan) that were computed again, whole.
    whole
        Whether that is all of them.
    differs
        In which fingerprints the index isn't of this model, transform and images; empty if in none.
    setup
        Why values may differ by rounding: another torch, device, number of threads or batch size
        than when the index was made; empty if bits must be equal.
    unchecked
        What this doesn't prove.
    tolerance
        Up to which difference values count as rounded, as a share of the channel's strongest.
    largest
        The largest difference that was found, as such a share; NaN is infinite.
    found
        The mismatches, as rows of `ROW`.
    """

    where: str
    images: int
    of_images: int
    entries: int
    of_entries: int
    sampled: int
    batches: tuple[int, ...]
    whole: bool
    differs: tuple[str, ...]
    setup: tuple[str, ...]
    unchecked: tuple[str, ...]
    tolerance: float
    largest: float
    found: NDArray[Any]
    shapes: tuple[LayerShape, ...]
    names: Sequence[str]
    classes: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether the index is this engine's, and nothing differs by more than rounding."""
        return not self.differs and not self.causes.keys() - {DRIFT}

    @property
    def bit_equal(self) -> bool:
        """Whether all that was compared is equal bit by bit, sampled maxima to their rounding."""
        return not len(self.found)

    @cached_property
    def causes(self) -> Mapping[str, int]:
        """How many mismatches there are of each cause."""
        counts = Counter(self.found["cause"].tolist())
        return {CAUSES[cause]: count for cause, count in counts.most_common()}

    @cached_property
    def mismatches(self) -> tuple[Mismatch, ...]:
        """Every mismatch, in the order of layers, channels and ranks."""
        return tuple(self._mismatches(self.found))

    def _mismatches(self, found: NDArray[Any]) -> Iterator[Mismatch]:
        starts = np.cumsum([0, *(shape.channels for shape in self.shapes)])
        for row in found:
            number = int(row["row"])
            layer = None
            if number >= 0:
                layer = self.shapes[int(np.searchsorted(starts, number, "right")) - 1]
                number -= int(starts[self.shapes.index(layer)])
            yield Mismatch(
                WHATS[row["what"]],
                layer.name if layer else "",
                number if layer else None,
                self.names[row["image"]] if row["image"] >= 0 else None,
                float(row["there"]),
                float(row["here"]),
                _place(row["place_there"], layer),
                _place(row["place_here"], layer),
                int(row["rank"]) if row["rank"] >= 0 else None,
                self.classes[row["label"]] if row["label"] >= 0 else None,
                CAUSES[row["cause"]],
            )

    def rows(self) -> Iterator[dict[str, Any]]:
        """One row for each mismatch."""
        return (dict(vars(mismatch)) for mismatch in self._mismatches(self.found))

    def to_frame(self) -> pandas.DataFrame:
        """A pandas table, one row for each mismatch (`Mismatch`)."""
        return table(self.rows())

    def summary(self) -> dict[str, Any]:
        """All of it as what JSON knows: NaN and infinite values are None."""
        names = ("where", "images", "of_images", "entries", "of_entries", "sampled", "whole")
        rows = [{key: _plain(value) for key, value in row.items()} for row in self.rows()]
        return {
            "ok": self.ok,
            "bit_equal": self.bit_equal,
            **{name: getattr(self, name) for name in names},
            "batches": list(self.batches),
            "differs": list(self.differs),
            "setup": list(self.setup),
            "unchecked": list(self.unchecked),
            "tolerance": self.tolerance,
            "largest": _plain(self.largest),
            "causes": dict(self.causes),
            "mismatches": rows,
        }

    def __str__(self) -> str:
        lines = [
            f"{self.where}: looked at {self.images:,} of {self.of_images:,} images again, compared "
            f"{self.entries:,} of {self.of_entries:,} entries and {self.sampled:,} sampled maxima.",
            self._verdict(),
        ]
        for cause, count in self.causes.items():
            rows = self.found[self.found["cause"] == CAUSES.index(cause)][:EXAMPLES]
            lines.append(f"  {count:,} x {cause}:")
            lines += [f"    {mismatch}" for mismatch in self._mismatches(rows)]
            lines += ["    ..."] * (count > len(rows))
        for head, sentences in (
            ("Differs", self.differs),
            ("Made otherwise", self.setup),
            ("Not checked", self.unchecked),
        ):
            lines += [f"{head}: {sentence}" for sentence in sentences]
        return "\n".join(lines)

    def _verdict(self) -> str:
        if self.bit_equal:
            return "All of it is equal, bit by bit."
        rounded = f"differences up to {self.tolerance:g} of a channel's strongest count as rounding"
        count = len(self.found)
        if not self.causes.keys() - {DRIFT}:
            off = f"{count:,} values, by up to {self.largest:.1e}"
            return f"Equal but for rounding ({off}; {rounded})."
        return f"{count:,} mismatch{'es' * (count > 1)} ({rounded}):"


def _place(place: int, layer: LayerShape | None) -> tuple[int, int] | None:
    if layer is None or place < 0:
        return None
    return int(place) // layer.columns, int(place) % layer.columns


def _plain(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return list(value) if isinstance(value, tuple) else value
