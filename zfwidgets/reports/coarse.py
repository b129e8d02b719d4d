"""What a report stores more coarsely than a live engine answers, and says so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import NotStored
from ..records import Box, Occluder, OcclusionMap, Pixels, Prediction, occluder_box


@dataclass(frozen=True)
class StoredPrediction(Prediction):
    """Class scores under an occluder, of the classes that a report holds; NaN of all others."""

    scores: NDArray[np.float32] | None = None

    @property
    def probabilities(self) -> NDArray[np.float32]:
        """(classes,) float32, to 1/65535; NaN where the report holds none."""
        assert self.scores is not None
        return self.scores

    def top(self, k: int = 5) -> list[tuple[int, str, float]]:
        """The k most probable classes of those that the report holds."""
        order = np.argsort(-self.probabilities, kind="stable")  # NaN goes last
        held = [int(i) for i in order if np.isfinite(self.probabilities[i])][:k]
        return [(i, self.labels[i], float(self.probabilities[i])) for i in held]


@dataclass(frozen=True)
class StoredOcclusionMap(OcclusionMap):
    """An occlusion map of the classes that a report holds; logits are up to a constant."""

    held: frozenset[int] = frozenset()

    def probability(self, target: int | None = None) -> NDArray[np.float32]:
        """Probability of a class that the report holds, to 1/65535."""
        chosen = self.target if target is None else target
        if chosen not in self.held:
            raise NotStored(f"The report holds no map of class {chosen}; a live engine makes it.")
        found: NDArray[np.float32] = super().probability(chosen)
        return found


def logs(probabilities: NDArray[Any]) -> NDArray[np.float32]:
    """Logits, up to a constant, whose softmax is these probabilities."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.log(probabilities), dtype=np.float32)


def look_of(occluder: Occluder) -> dict[str, Any]:
    """What an occluder is like, as it stands in keys."""
    return {
        "baseline": occluder.baseline,
        "mask": occluder.mask,
        "extra_boxes": [box.to_json() for box in occluder.extra_boxes],
    }


def occluder_fields(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of an `Occluder` from a key's."""
    box = Box(*(fields[name] for name in ("top", "left", "height", "width")))
    extra_boxes = tuple(Box(**one) for one in fields.get("extra_boxes", ()))
    return {
        "box": box,
        "baseline": fields["baseline"],
        "mask": fields.get("mask"),
        "extra_boxes": extra_boxes,
    }


def hatched(rows: int, columns: int) -> Pixels:
    """What stands for a patch whose photo isn't stored: diagonal stripes, (rows, columns, 3)."""
    stripes = np.add.outer(np.arange(rows), np.arange(columns)) // 4 % 2
    return np.repeat((np.uint8(150) + 40 * stripes.astype(np.uint8))[..., None], 3, axis=-1)


def snapped(
    occluder: Mapping[str, Any], looks: Sequence[Mapping[str, Any]], shape: tuple[int, int]
) -> dict[str, Any]:
    """The position and look, of those that are stored, that are nearest to an occluder.

    As in ``js/src/report/snap.ts``.
    """
    if not looks:
        return dict(occluder)

    def distance(at: int) -> int:
        look = looks[at]
        sizes = abs(look["height"] - occluder["height"]) + abs(look["width"] - occluder["width"])
        return int(sizes) + (0 if look["baseline"] == occluder["baseline"] else 1_000_000)

    look = dict(looks[min(range(len(looks)), key=distance)])
    stride = look.pop("stride")

    def cell(start: str, extent: str, size: int) -> int:
        middle: int = occluder[start] + occluder[extent] // 2
        return min(max(middle // int(stride), 0), -(-size // int(stride)) - 1)

    row, col = cell("top", "height", shape[0]), cell("left", "width", shape[1])
    box = occluder_box(row, col, (look["height"], look["width"]), (stride, stride))
    return {**occluder, **look, **box.to_json()}
