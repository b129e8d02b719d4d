"""Average precision, as PASCAL VOC counts it since 2010; without torch."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ....records import Floats, table
from .accuracies import FeatureShape, mean_of_known, spread_of_known

if TYPE_CHECKING:
    import pandas


def average_precision(scores: NDArray[Any], there: NDArray[Any]) -> float:
    """Mean, over the pictures that show a class, of the best precision that finds as many.

    The area under the precision-recall curve whose precision is made to fall with recall (VOC
    2010 and later; not the eleven points of 2007). Pictures of equal score are found together.

    Parameters
    ----------
    scores
        (pictures,): the larger, the surer.
    there
        (pictures,) bool: whether the class is in the picture.

    Returns
    -------
    float
        0..1; NaN where no picture shows the class.
    """
    order = np.argsort(-scores, kind="stable")
    sorted_scores, hit = scores[order], there[order].astype(bool)
    if not hit.any():
        return float("nan")
    together = np.append(sorted_scores[1:] != sorted_scores[:-1], True)
    right = hit.cumsum()
    precision = (right / np.arange(1, len(hit) + 1))[together]
    recalled = right[together]
    best = np.maximum.accumulate(precision[::-1])[::-1]
    gained = np.diff(recalled, prepend=0)
    return float((best * gained).sum() / recalled[-1])


@dataclass(frozen=True)
class LabelsRecord:
    """Average precision of classes whose pictures have several labels (paper, Table 6).

    Attributes
    ----------
    classes
        Names of the classes.
    precision
        (classes, repeats) float32, 0..1; NaN where it isn't done, or where a repeat has no picture
        of the class to learn from or to test on.
    chance
        (classes,) float32: share of the pictures that show the class, which is what pictures in
        random order have.
    feature
        The layer, and what becomes of its output.
    train_images, test_images
        Pictures of each repeat.
    seed
        Seed of the splits and the solver.
    notes
        What to know of pictures and fits.
    """

    classes: tuple[str, ...]
    precision: Floats
    chance: Floats
    feature: FeatureShape
    train_images: int
    test_images: int
    seed: int = 0
    notes: tuple[str, ...] = field(default=())
    complete: bool = False

    @property
    def average(self) -> Floats:
        """Mean over the repeats, (classes,)."""
        return mean_of_known(self.precision)

    @property
    def mean(self) -> float:
        """Mean over the classes that are known, as the last row of Table 6."""
        known = self.average[np.isfinite(self.average)]
        return float(known.mean()) if known.size else float("nan")

    @property
    def findings(self) -> tuple[str, ...]:
        """What the numbers say, in sentences: which classes random order finds as well."""
        from .findings import of_labels

        return of_labels(self)

    def to_frame(self) -> pandas.DataFrame:
        """A pandas table: a row for each class.

        ``spread`` is the standard deviation over the repeats; one repeat has none.
        """
        columns = (self.classes, self.average, spread_of_known(self.precision), self.chance)
        spread = self.precision.shape[1] > 1
        return table(
            {
                "class": name,
                "average_precision": float(ap),
                **({"spread": float(d)} if spread else {}),
                "chance": float(c),
            }
            for name, ap, d, c in zip(*columns, strict=True)
        )
