"""Pictures with several labels: a classifier for each class, by average precision (Table 6)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...engine.local import LocalEngine
from ...errors import InputError
from ...stepwise import Clock, Growing
from ..shared.labelled import Labelled
from ..shared.running import with_bar
from .classifiers import fit, require
from .features import Features
from .layers import not_converged
from .records.precision import LabelsRecord, average_precision
from .shapes import DIMENSION
from .study import Learning, one_layer

UNKNOWN = -1
"""Neither there nor not: a class of which a picture shows "difficult" objects only (VOC)."""


def transfer_labels_steps(
    engine: LocalEngine,
    data: Any,
    *,
    layer: str | None = None,
    classes: Sequence[str] | None = None,
    train_share: float = 0.5,
    repeats: int = 3,
    transform: Any = None,
    dimension: int = DIMENSION,
    **learning: Any,
) -> Growing[LabelsRecord]:
    """`transfer_labels` in steps: yields how far it is, and the record after each fit.

    Parameters
    ----------
    engine
        ``zf.Engine(model, images)``, with the network that has the features.
    data
        A map-style Dataset of (image, labels): names of what is in the picture, or PASCAL VOC's
        description, as ``torchvision.datasets.VOCDetection`` gives it. `zfwidgets.samples.scenes`
        draws such pictures.
    layer
        Layer whose features are used; None: the last before the class scores.
    classes
        Names of the classes; None: those of the data, or all that its pictures show.
    train_share
        Share of the pictures that is learned from, 0..1; the others are tested.
    repeats
        How many splits.
    transform, dimension
        As in `transfer_layers_steps`.
    **learning
        As in `zfwidgets.experiments.transfer_layers_steps`: ``strength``, ``folds``, ``seed``.

    Returns
    -------
    LabelsRecord

    Raises
    ------
    InputError
        Labels that aren't names of the classes; fewer than four pictures; a share that leaves none
        to learn from or to test; a layer that doesn't exist.
    MissingDependency
        Without scikit-learn.
    """
    require()
    name = one_layer(engine, layer)
    if not 0 < train_share < 1:
        raise InputError(f"train_share is {train_share}: expected a share between 0 and 1.")
    told = [_names(data[number][1], number) for number in range(len(data))]
    known = classes or getattr(data, "classes", None) or sorted({n for one in told for n in one})
    truth = _truth(told, tuple(map(str, known)))
    how = Learning(None, None, repeats, **learning)
    strengths = how.strengths
    pictures = _Pictures(data)
    source = (
        engine.session.source.alike(pictures)
        if transform is None
        else Labelled.of([(pictures[n], 0) for n in range(len(data))], transform).source
    )
    features = Features(engine, Labelled.unlabelled(source, "data"), [name], dimension)
    yield from features.steps()
    there = features.known
    trained = round(train_share * len(there))
    if len(there) < 4 or not 0 < trained < len(there):
        raise InputError(
            f"{len(there)} pictures can't be split into {train_share:g} to learn from and others: "
            "pass more of them."
        )
    decided = np.where(truth == UNKNOWN, np.nan, truth)
    result = LabelsRecord(
        tuple(map(str, known)),
        np.full((len(known), repeats), np.nan, np.float32),
        np.nanmean(decided, axis=0).astype(np.float32),
        features.shape(name),
        trained,
        len(there) - trained,
        how.seed,
        features.skipped,
    )
    yield result
    total = len(known) * repeats
    rows, clock, unfinished, done = features.rows(name), Clock(total), 0, 0
    for repeat in range(repeats):
        order = np.random.default_rng([how.seed, repeat]).permutation(there)
        learned, tested = np.sort(order[:trained]), np.sort(order[trained:])
        for number in range(len(known)):
            own = learned[truth[learned, number] != UNKNOWN]
            shown = tested[truth[tested, number] != UNKNOWN]
            labels = truth[own, number].astype(np.int64)
            precision = result.precision.copy()
            if len(np.unique(labels)) == 2 and truth[shown, number].any():
                turn = how.seed + repeat
                fitted = fit("svm", rows.read(own), labels, strengths, folds=how.folds, seed=turn)
                unfinished += not fitted.converged
                scores = fitted.scores(rows, shown)
                precision[number, repeat] = average_precision(scores, truth[shown, number])
            done += 1
            notes = (*features.skipped, *not_converged(unfinished, done))
            result = replace(result, precision=precision, notes=notes, complete=done == total)
            yield clock.at(done, f"learning {known[number]}")
            yield result
    return result


class _Pictures:
    """The pictures of a Dataset, without their labels."""

    def __init__(self, data: Any) -> None:
        self.data = data

    def __len__(self) -> int:
        return len(self.data)

    def __getitem__(self, number: int) -> Any:
        if number >= len(self.data):
            raise IndexError(number)
        return self.data[number][0]


def _names(labels: Any, number: int) -> dict[str, bool]:
    """What is in a picture, and whether it counts: False where it is difficult only."""
    if isinstance(labels, Mapping):
        try:
            objects = labels["annotation"].get("object", [])
            found: dict[str, bool] = {}
            for one in [objects] if isinstance(objects, Mapping) else objects:
                easy = str(one.get("difficult", "0")) != "1"
                found[str(one["name"])] = found.get(str(one["name"]), False) or easy
        except (KeyError, AttributeError, TypeError) as error:
            raise InputError(
                f"Picture {number} has the labels {labels!r}: expected names, or a description as "
                "PASCAL VOC's: {'annotation': {'object': [{'name': ...}]}}."
            ) from error
        return found
    if isinstance(labels, str) or not hasattr(labels, "__iter__"):
        raise InputError(
            f"Picture {number} has the label {labels!r}: expected several, (name, name, ...). For "
            "pictures of one class each there is transfer_layers()."
        )
    return {str(name): True for name in labels}


def _truth(told: Sequence[Mapping[str, bool]], classes: tuple[str, ...]) -> NDArray[np.int8]:
    """(pictures, classes): 1, 0 or `UNKNOWN`."""
    truth = np.zeros((len(told), len(classes)), np.int8)
    for number, names in enumerate(told):
        for name, counts in names.items():
            if name not in classes:
                raise InputError(
                    f"Picture {number} shows {name!r}, which is none of the classes: "
                    f"{', '.join(classes)}."
                )
            truth[number, classes.index(name)] = 1 if counts else UNKNOWN
    return truth


transfer_labels = with_bar(
    "transfer_labels",
    transfer_labels_steps,
    "Transfer",
    lambda found: f"{int(np.isfinite(found.precision).sum())} of {found.precision.size} fits done",
    """Learn classes of which a picture shows several, on a layer's features (paper, Table 6).

    For each class a linear SVM tells pictures that show it from the others; pictures are ordered
    by its score, and the order is judged by `average_precision`.
    """,
    partial(Learning, None, None, 3),
)
