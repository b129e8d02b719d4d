"""What verifying an index found: every mismatch, with its place, both values and a likely cause."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..records import table
from .records import TopKIndex

if TYPE_CHECKING:
    import pandas

WEIGHTS = "wrong weights"
TRANSFORM = "changed transform"
UNKNOWN = "changed transform or images"
IMAGE = "changed image"
REMOVED = "removed image"
LABEL = "changed label"
DRIFT = "numerical drift"
FILE = "changed index"

NUMBERS = ("row", "rank", "image", "label", "place_there", "place_here")
"""Columns with numbers: channels of all layers one after another, images, classes; -1 for none."""
ROW = np.dtype(
    [("what", "O"), ("cause", "O"), ("there", "f8"), ("here", "f8")]
    + [(name, "i8") for name in NUMBERS]
)
"""A mismatch in a table."""
EXAMPLES = 3
"""Mismatches of each cause that are shown in words."""

TOLERANCE = 1e-4
"""Share of a channel's strongest up to which differences count as rounding."""


@dataclass(frozen=True)
class Mismatch:
    """One thing that isn't as the index has it.

    Attributes
    ----------
    what
        "activation", "place": another value, or another place of the same value. "missing": an
        activation stronger than the weakest entry (``there``) isn't listed. "sampled maximum";
        "silent images", "histogram", "mean", "zeros": a channel's statistics. "label": an image
        among the strongest of a class has another one. "readable", "unreadable", "removed": an
        image. "order": an entry stands behind a weaker one, or its image twice in one list.
    layer, channel, image, of_class, rank
        Where: "" or None for what it isn't about; ``rank`` counts a channel's strongest from 0.
    there, here, place_there, place_here
        The index's value and place (row, column), and those computed now; NaN or None where there
        is none.
    cause
        The likely cause.
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
        values = "" if math.isnan(self.here) else f" {self.there:.7g} there, {self.here:.7g} here"
        if self.what == "order":
            values = f", rank {self.rank} has {self.there:.7g}"
        if self.what == "place":
            values = f" {self.place_there} there, {self.place_here} here"
        return f"{', '.join(parts)}: {self.what}{values}"


@dataclass(frozen=True)
class Verification:
    """What was found when an index's images were looked at again; ``print`` says it in words.

    Attributes
    ----------
    where
        The index, in words.
    images, of_images
        How many images were looked at again, and how many the index has.
    entries, sampled
        How many entries of tops, and how many sampled maxima, were compared.
    batches
        Numbers of the batches (of its plan) that were computed again, whole.
    differs
        Fingerprints in which the index isn't of this model, transform and images.
    setup
        Why values may differ by rounding: another torch, device, number of threads or batch size
        than when the index was made; empty if bits must be equal.
    unchecked
        What this doesn't prove.
    tolerance
        Up to which difference values count as rounded, as a share of the channel's strongest.
    index, found
        The index, and the mismatches as rows of `ROW`.
    """

    where: str
    images: int
    of_images: int
    entries: int
    sampled: int
    batches: tuple[int, ...]
    differs: tuple[str, ...]
    setup: tuple[str, ...]
    unchecked: tuple[str, ...]
    tolerance: float
    index: TopKIndex = field(repr=False)
    found: NDArray[Any] = field(repr=False)

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
        """How many mismatches there are of each cause; causes are likely, not proven."""
        return dict(Counter(self.found["cause"]).most_common())

    @cached_property
    def mismatches(self) -> tuple[Mismatch, ...]:
        """Every mismatch, in the order of layers, channels and ranks."""
        return tuple(self._mismatches(self.found))

    def _mismatches(self, found: NDArray[Any]) -> Iterator[Mismatch]:
        names, classes = self.index.manifest.names, self.index.classes
        channels = [(s, channel) for s in self.index.shapes for channel in range(s.channels)]
        for what, cause, there, here, row, rank, image, label, *places in found.tolist():
            layer, channel = channels[row] if row >= 0 else (None, None)
            place_there, place_here = (
                divmod(place, layer.columns) if layer and place >= 0 else None for place in places
            )
            yield Mismatch(
                what,
                layer.name if layer else "",
                channel,
                names[image] if image >= 0 else None,
                there,
                here,
                place_there,
                place_here,
                rank if rank >= 0 else None,
                classes[label] if label >= 0 else None,
                cause,
            )

    def to_frame(self) -> pandas.DataFrame:
        """A pandas table, one row for each mismatch (`Mismatch`)."""
        return table(map(vars, self._mismatches(self.found)))

    def summary(self) -> dict[str, Any]:
        """All of it as what JSON knows: NaN is None."""
        names = [part.name for part in fields(self) if part.repr]
        known = {name: getattr(self, name) for name in ("ok", "bit_equal", *names, "causes")}
        rows = map(vars, self._mismatches(self.found))
        plain = [{k: None if v != v else v for k, v in row.items()} for row in rows]
        return {**known, "mismatches": plain}

    def __str__(self) -> str:
        lines = [
            f"{self.where}: looked at {self.images:,} of {self.of_images:,} images again, compared "
            f"{self.entries:,} entries and {self.sampled:,} sampled maxima.",
            self._verdict(),
        ]
        for cause, count in self.causes.items():
            rows = self.found[self.found["cause"] == cause][:EXAMPLES]
            lines.append(f"  {count:,} x {cause}:")
            lines += [f"    {mismatch}" for mismatch in self._mismatches(rows)]
            lines += ["    ..."] * (count > len(rows))
        lines += [f"Differs: {sentence}" for sentence in self.differs]
        lines += [f"Made otherwise: {sentence}" for sentence in self.setup]
        lines += [f"Not checked: {sentence}" for sentence in self.unchecked]
        return "\n".join(lines)

    def _verdict(self) -> str:
        if self.bit_equal:
            return "All of it is equal, bit by bit."
        rounded = f"differences up to {self.tolerance:g} of a channel's strongest count as rounding"
        if not self.causes.keys() - {DRIFT}:
            return f"Equal but for rounding ({len(self.found):,} values; {rounded})."
        return f"{len(self.found):,} mismatches ({rounded}):"
