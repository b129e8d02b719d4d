"""What a transfer finds: frozen dataclasses of NumPy arrays, without torch or scikit-learn."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ....errors import InputError
from ....records import Floats, Ints, table

if TYPE_CHECKING:
    import pandas

CLASSIFIERS = ("svm", "softmax")
"""Linear support vector machines, one class against the rest; and softmax regression."""


@dataclass(frozen=True)
class FeatureShape:
    """How a layer's output becomes a feature vector.

    Attributes
    ----------
    layer, maps
        Name of the layer, and (channels, rows, columns) of its output.
    grid
        Rows and columns of places that it is averaged over; those of the maps where the output
        is taken as it is.
    """

    layer: str
    maps: tuple[int, int, int]
    grid: tuple[int, int]

    @property
    def dimension(self) -> int:
        """Numbers in the vector."""
        return self.maps[0] * self.grid[0] * self.grid[1]

    @property
    def how(self) -> str:
        """In words."""
        channels, rows, columns = self.maps
        several = channels != 1
        if (rows, columns) == (1, 1):
            return f"{channels} {'units' if several else 'unit'}"
        maps = f"{channels} {'maps' if several else 'map'} of {rows} x {columns}"
        if self.grid == (rows, columns):
            return f"{maps}, as {'they are' if several else 'it is'}"
        return f"{maps}, averaged to {self.grid[0]} x {self.grid[1]}"


class _Accuracies:
    """What accuracies by name, (rows, repeats), say of themselves."""

    accuracies: dict[str, Floats]
    classes: tuple[str, ...]

    @property
    def chance(self) -> float:
        """Accuracy of guessing."""
        return 1 / len(self.classes)

    @property
    def complete(self) -> bool:
        """Whether all of it is computed."""
        return all(np.isfinite(values).all() for values in self.accuracies.values())

    def mean(self, what: str | None = None) -> Floats:
        """Mean accuracy over the repeats that are done, (rows,); of the first name if of none."""
        return mean_of_known(_of(self.accuracies, what or next(iter(self.accuracies))))

    def spread(self, what: str | None = None) -> Floats:
        """Standard deviation over the repeats (with n - 1), (rows,); NaN for one repeat."""
        return spread_of_known(_of(self.accuracies, what or next(iter(self.accuracies))))


def how_far(record: _Accuracies) -> str:
    """How many of a record's fits are done, in words."""
    done = sum(int(np.isfinite(values).sum()) for values in record.accuracies.values())
    return f"{done} of {sum(values.size for values in record.accuracies.values())} fits are done"


@dataclass(frozen=True)
class LayersRecord(_Accuracies):
    """Accuracy of linear classifiers on each layer's features (paper, Table 7).

    Attributes
    ----------
    shapes
        The layers, from the pixels up.
    accuracies
        By classifier, (layers, repeats) float32 in 0..1: mean over the classes of the share of
        test images that are told right. NaN for what isn't computed yet.
    train_images, test_images
        How many images of each class are learned from, and how many at most are tested.
    classes
        Class names.
    seed
        Seed of the splits.
    strength
        The classifiers' C that each repeat used, (layers, repeats) by classifier.
    notes
        What to know of the figures: images that can't be read, fits that didn't converge.
    """

    shapes: tuple[FeatureShape, ...]
    accuracies: dict[str, Floats]
    train_images: int
    test_images: int
    classes: tuple[str, ...]
    seed: int
    strength: dict[str, Floats] = field(repr=False)
    notes: tuple[str, ...] = ()

    @property
    def layers(self) -> tuple[str, ...]:
        """The layers' names."""
        return tuple(shape.layer for shape in self.shapes)

    def to_frame(self) -> pandas.DataFrame:
        """A pandas table: one row a layer, with mean and standard deviation of each classifier."""
        rows: list[dict[str, Any]] = []
        for number, shape in enumerate(self.shapes):
            row: dict[str, Any] = {
                "layer": shape.layer,
                "dimension": shape.dimension,
                "features": shape.how,
            }
            for name in self.accuracies:
                row[name] = float(self.mean(name)[number])
                row[f"{name} +-"] = float(self.spread(name)[number])
            rows.append(row)
        return table(rows)


@dataclass(frozen=True)
class CurveRecord(_Accuracies):
    """Accuracy against images per class, pretrained and from scratch (paper, Fig. 9).

    Attributes
    ----------
    counts
        (counts,) int64: training images of each class.
    accuracies
        By what was trained, (counts, repeats) float32 in 0..1, as in `LayersRecord`:
        "pretrained" is the classifier on the layer's features, "from scratch" a network that
        has seen nothing but these images. NaN for what isn't computed (yet), and for a training
        that has diverged, which is among the notes.
    shape
        The layer whose features are used.
    classifier
        "svm" or "softmax".
    test_images
        Images tested of each class at most; the same ones for every count.
    classes, seed, notes
        As in `LayersRecord`.
    """

    counts: Ints
    accuracies: dict[str, Floats]
    shape: FeatureShape
    classifier: str
    test_images: int
    classes: tuple[str, ...]
    seed: int
    notes: tuple[str, ...] = ()

    def to_frame(self) -> pandas.DataFrame:
        """A pandas table: one row a count."""
        return table(
            {
                "images per class": int(count),
                **{
                    key: value
                    for name in self.accuracies
                    for key, value in (
                        (name, float(self.mean(name)[number])),
                        (f"{name} +-", float(self.spread(name)[number])),
                    )
                },
            }
            for number, count in enumerate(self.counts)
        )


@dataclass(frozen=True)
class BiasRecord:
    """Which classes transfer badly, and how far their photos lie from the training data.

    Attributes
    ----------
    classes
        Names of the classes.
    accuracies
        (classes, repeats) float32 in 0..1; NaN for what isn't computed yet.
    distances
        (images,) float32: Euclidean distance of each photo's feature vector to its nearest
        neighbour among the training photos, in units of `typical`. So 1 is as near as training
        photos are to each other.
    typical
        Median distance of a training photo to its nearest neighbour among the others.
    labels, images
        (images,) int64 class and number in the data of each photo.
    nearest
        (images,) int64: number of that neighbour among the training photos.
    training_images
        How many training photos there are.
    shape
        The layer whose features are used.
    classifier, train_images, seed, notes
        As in `LayersRecord`.
    """

    classes: tuple[str, ...]
    accuracies: Floats
    distances: Floats = field(repr=False)
    typical: float
    labels: Ints = field(repr=False)
    images: Ints = field(repr=False)
    nearest: Ints = field(repr=False)
    training_images: int
    shape: FeatureShape
    classifier: str
    train_images: int
    seed: int
    notes: tuple[str, ...] = ()

    @property
    def complete(self) -> bool:
        """Whether all of it is computed."""
        return bool(np.isfinite(self.accuracies).all())

    @property
    def accuracy(self) -> Floats:
        """Mean accuracy of each class over the repeats, (classes,)."""
        return mean_of_known(self.accuracies)

    @property
    def spread(self) -> Floats:
        """Standard deviation of the accuracies (with n - 1), (classes,)."""
        return spread_of_known(self.accuracies)

    @property
    def distance(self) -> Floats:
        """Mean distance of each class's photos, (classes,)."""
        return np.array(
            [self.distances[self.labels == c].mean() for c in range(len(self.classes))],
            dtype=np.float32,
        )

    @property
    def rank_correlation(self) -> float:
        """Spearman's correlation of the classes' distance and accuracy, -1..1.

        Clearly below zero: what lies far from the training data transfers badly; above: better.
        NaN where all classes are alike. With few classes it says little, and nothing where most
        are `tied`.
        """
        one, other = _ranks(self.distance), _ranks(self.accuracy)
        if not (np.ptp(one) and np.ptp(other)):
            return float("nan")
        return float(np.corrcoef(one, other)[0, 1])

    @property
    def tied(self) -> int:
        """How many classes share the most frequent accuracy, 1 where all differ."""
        return int(np.unique(self.accuracy.round(6), return_counts=True)[1].max())

    def to_frame(self) -> pandas.DataFrame:
        """A pandas table: one row a class, those that transfer worst first."""
        rows = [
            {
                "class": name,
                "images": int((self.labels == c).sum()),
                "accuracy": float(self.accuracy[c]),
                "accuracy +-": float(self.spread[c]),
                "distance": float(self.distance[c]),
            }
            for c, name in enumerate(self.classes)
        ]
        return table(sorted(rows, key=lambda row: row["accuracy"]))


@dataclass(frozen=True)
class TransferRecord:
    """The three parts of a transfer; None for what isn't computed, or wasn't asked for."""

    layers: LayersRecord | None = None
    curve: CurveRecord | None = None
    bias: BiasRecord | None = None

    @property
    def complete(self) -> bool:
        """Whether each part that has begun is computed."""
        parts = [part for part in (self.layers, self.curve, self.bias) if part is not None]
        return bool(parts) and all(part.complete for part in parts)

    @property
    def findings(self) -> tuple[str, ...]:
        """What the numbers say of each part that is computed, in sentences.

        Ties are named as such, as is what else than depth differs between layers.
        """
        from .findings import findings

        return findings(self)


def _of(values: dict[str, Floats], name: str) -> Floats:
    if name not in values:
        raise InputError(f"There is no {name!r} in this record: expected {', '.join(values)}.")
    return values[name]


def mean_of_known(values: Floats) -> Floats:
    """Mean of each row, over what isn't NaN."""
    known = np.isfinite(values)
    counts = known.sum(1)
    sums = np.where(known, values, 0).sum(1, dtype=np.float64)
    return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan).astype(np.float32)


def spread_of_known(values: Floats) -> Floats:
    """Standard deviation of each row's known values, by n - 1; NaN of fewer than two."""
    known = np.isfinite(values)
    counts = known.sum(1)
    squares = np.where(known, (values - mean_of_known(values)[:, None]) ** 2, 0)
    spread = np.sqrt(squares.sum(1, dtype=np.float64) / np.maximum(counts - 1, 1))
    return np.where(counts > 1, spread, np.nan).astype(np.float32)


def _ranks(values: Floats) -> NDArray[np.float64]:
    """Ranks from 0; ties have their mean rank."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    return np.asarray((ends - (counts + 1) / 2)[inverse])
