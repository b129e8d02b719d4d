"""What a transfer's numbers say, in sentences; ties and confounds are said where they are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from ....records import Floats, Ints
    from .accuracies import BiasRecord, CurveRecord, LayersRecord, TransferRecord
    from .precision import LabelsRecord

CALLED = {"svm": "linear SVM", "softmax": "softmax"}
NEARLY = 2
"""The best must be one of so many last layers for "up to the last or nearly"."""
LEARNED = 0.05
"""How much better than guessing a network is that has learned something."""
LITTLE = 0.1
"""Share of the way from random order to 1 below which an average precision is hardly better."""
NAMED = 3
"""Classes that are named where they tie; more are counted."""


def findings(record: TransferRecord) -> tuple[str, ...]:
    """What each part says that is computed."""
    said: list[str] = []
    if record.layers is not None and record.layers.complete:
        said += _of_layers(record.layers)
    if record.curve is not None and record.curve.complete and len(record.curve.accuracies) > 1:
        said += _of_few(record.curve)
    if record.bias is not None and record.bias.complete:
        said += _of_classes(record.bias)
    return tuple(said)


def _of_layers(record: LayersRecord) -> Iterator[str]:
    """Which layer is best by each classifier, whether accuracy rises, and what else differs."""
    names = record.layers
    for key in record.accuracies:
        means = record.mean(key)
        best = np.flatnonzero(np.isclose(means, means.max()))
        steps = np.diff(means)[: best[0]]
        rises = best[0] > 0 and bool((steps >= -_room(record, key)[: best[0]]).all())
        up = "It rises up to the best" + ", but for steps within the spread" * bool(
            (steps < 0).any()
        )
        text = (
            f"By {CALLED.get(key, key)} {', '.join(names[n] for n in best)} is best "
            f"({means[best[0]]:.1%}); {names[0]} has {means[0]:.1%}, {names[-1]} {means[-1]:.1%}, "
            f"guessing {record.chance:.0%}."
        )
        if not rises:
            yield f"{text} It doesn't rise from layer to layer, unlike in the paper."
        elif best[-1] >= len(names) - NEARLY:
            yield f"{text} {up}, one of the last, as in the paper (Table 7)."
        else:
            yield f"{text} {up} and falls above it, unlike in the paper."
    grids = list(dict.fromkeys(shape.grid for shape in record.shapes))
    if len(grids) > 1:
        most = max(shape.dimension for shape in record.shapes)
        places = ", ".join(f"{rows} x {columns}" for rows, columns in grids)
        yield (
            f"Layers are averaged to {places} places, so that none has more than {most:,} numbers: "
            "how coarsely a layer is seen changes with its depth, and the two can't be told apart."
        )


def _room(record: LayersRecord, key: str) -> Floats:
    """How much worse than the layer below each layer may be by the spread over the splits."""
    spread = np.nan_to_num(record.spread(key))
    return np.asarray(spread[1:] + spread[:-1])


def _of_few(curve: CurveRecord) -> Iterator[str]:
    """With how few images features are as good as a network that has learned from the most."""
    features, scratch = (curve.mean(name) for name in ("pretrained", "from scratch"))
    most, top = int(curve.counts[-1]), float(scratch[-1])
    enough = np.flatnonzero(features >= top)
    if not len(enough):
        yield (
            f"From scratch {most} images of each class give {top:.0%}: more than features with as "
            f"many ({features[-1]:.0%})."
        )
        return
    few = int(enough[0])
    yield (
        f"Features with {int(curve.counts[few])} of each class tell {features[few]:.0%} right; "
        f"from scratch {most} of each class give {top:.0%}."
    )
    if top < curve.chance + LEARNED:
        yield (
            f"From scratch is hardly better than guessing ({curve.chance:.0%}): with so few images "
            "that network has learned nothing, and is no rival."
        )


def _of_classes(record: BiasRecord) -> Iterator[str]:
    """Which classes are told best and worst, and whether that goes with their distance."""
    accuracy, classes = record.accuracy, record.classes
    best = np.flatnonzero(np.isclose(accuracy, accuracy.max()))
    worst = np.flatnonzero(np.isclose(accuracy, accuracy.min()))
    if len(best) == len(classes):
        yield f"All {len(classes)} classes are told equally well ({accuracy[0]:.0%})."
        return
    yield (
        f"Told best: {_some(classes, best)} ({accuracy[best[0]]:.0%}); worst: "
        f"{_some(classes, worst)} ({accuracy[worst[0]]:.0%})."
    )
    rank = record.rank_correlation
    if not np.isfinite(rank):
        return
    text = f"Rank correlation of the classes' distance and accuracy: {rank:.2f}"
    if record.tied > len(classes) / 2:
        rest = len(classes) - record.tied
        yield (
            f"{text}. It says nothing, whatever its sign: {record.tied} of {len(classes)} classes "
            f"are told equally well, so that it rests on {rest}."
        )
    elif abs(rank) < 0.1:
        yield f"{text}: far classes are told as well as near ones."
    else:
        yield f"{text}: the farther a class, the {'worse' if rank < 0 else 'better'} it is told."


def of_labels(record: LabelsRecord) -> tuple[str, ...]:
    """Whether classes of scenes are found better than in random order, and which aren't."""
    average, chance = record.average, record.chance
    known = np.flatnonzero(np.isfinite(average))
    if not len(known):
        return ()
    said = [
        f"Mean average precision {record.mean:.2f} over {len(known)} classes, in random order "
        f"{chance[known].mean():.2f}; {record.train_images} pictures to learn from, "
        f"{record.test_images} to test, {record.precision.shape[1]} times."
    ]
    poor = [n for n in known if average[n] < chance[n] + LITTLE * (1 - chance[n])]
    if poor:
        names = ", ".join(
            f"{record.classes[n]} ({average[n]:.2f}, random {chance[n]:.2f})" for n in poor
        )
        said.append(f"Hardly better than random order: {names}.")
    return tuple(said)


def _some(names: Sequence[str], numbers: Ints) -> str:
    """The classes by name, or how many they are."""
    if len(numbers) > NAMED:
        return f"{len(numbers)} of {len(names)} classes alike"
    return ", ".join(names[n] for n in numbers)
