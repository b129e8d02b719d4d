"""Which classes transfer badly, and how far their photos lie from the training data.

The paper sees it in Tables 4 to 6: features of ImageNet carry on Caltech's photos, which look
alike, and less on PASCAL's, which don't. Here each class has two numbers: its accuracy, and how
far its photos lie from those that the network was trained on, in the space of the same features.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...engine.local import LocalEngine
from ...errors import InputError
from ...records import Floats, Ints, Progress
from ...stepwise import Clock, Counting, Growing
from ..shared.labelled import Labelled
from ..shared.running import with_bar
from .classifiers import check_classifier
from .features import Features
from .layers import not_converged
from .records.accuracies import BiasRecord
from .shapes import DIMENSION
from .store import Rows
from .study import Learning, Study, one_layer

TYPICAL = 1000
"""Training photos that `BiasRecord.typical` is measured with, at most."""
NEAR = 0.1
"""Part of the typical distance: a photo nearer than that to a training photo is nearly the same."""
_BLOCK = 512


def transfer_bias_steps(
    engine: LocalEngine,
    data: Any,
    *,
    training: Any = None,
    layer: str | None = None,
    classifier: str = "svm",
    transform: Any = None,
    dimension: int = DIMENSION,
    **learning: Any,
) -> Growing[BiasRecord]:
    """Accuracy of each class, and how far it lies from the training data, in steps.

    Parameters
    ----------
    engine, data, transform, dimension
        As in `zfwidgets.experiments.transfer_layers_steps`.
    training
        Images that the network was trained on, or a part of them, as `zfwidgets.Engine` takes
        images. None: the engine's own images; only you know whether they are.
    layer
        In the space of whose features; None: the last before the class scores.
    classifier
        "svm" or "softmax".
    **learning
        As in `zfwidgets.experiments.transfer_layers_steps`: ``train_images``, ``test_images``,
        ``repeats``, ``strength``, ``folds``, ``seed``.

    Raises
    ------
    InputError
        As in `transfer_layers_steps`; fewer than two training images.
    """
    name = one_layer(engine, layer)
    study = Study(engine, data, transform=transform, layers=[name], dimension=dimension)
    return (yield from bias_steps(study, Learning(**learning), name, training, classifier))


def bias_steps(
    study: Study, how: Learning, layer: str, training: Any = None, classifier: str = "svm"
) -> Growing[BiasRecord]:
    """The same of a study."""
    check_classifier(classifier)
    plan, repeats = study.plan(how, how.train_images, how.inner), how.repeats
    engine = study.engine
    trained_on = Features(engine, training_images(engine, training), [layer], study.dimension)
    known = yield from study.look()
    yield from trained_on.steps("looking at training images")
    there = trained_on.known
    if len(there) < 2:
        raise InputError("Fewer than two training images can be read: distances need two.")
    sample = np.sort(np.random.default_rng(how.seed).permutation(there)[:TYPICAL])
    rows, others = study.features.rows(layer), trained_on.rows(layer)
    own, _ = yield from nearest(others, sample, others, there, "measuring training images")
    typical = float(np.median(own))
    distances, neighbours = yield from nearest(rows, known, others, there, "measuring distances")
    labels = np.searchsorted(study.present, study.images.labels[known])
    overlap = _overlap(study, known, neighbours, distances < NEAR * typical, trained_on)
    result = BiasRecord(
        study.classes,
        np.full((len(study.classes), repeats), np.nan, dtype=np.float32),
        (distances / (typical or 1.0)).astype(np.float32),
        typical,
        labels,
        known,
        neighbours,
        len(there),
        study.features.shape(layer),
        classifier,
        plan.train_images,
        how.seed,
        (*study.features.skipped, *trained_on.skipped, *overlap),
    )
    yield result
    unfinished = 0
    clock = Clock(repeats)
    for repeat in range(repeats):
        split = plan.split(study.images, known, repeat)
        found, fitted = study.learn(layer, split, plan.train_images, classifier, how, repeat)
        unfinished += not fitted.converged
        accuracies = result.accuracies.copy()
        accuracies[:, repeat] = found
        notes = (
            *study.features.skipped,
            *trained_on.skipped,
            *overlap,
            *not_converged(unfinished, repeat + 1),
        )
        result = replace(result, accuracies=accuracies, notes=notes)
        yield clock.tick("learning classes")
        yield result
    return result


def _overlap(
    study: Study, known: Ints, neighbours: Ints, same: NDArray[np.bool_], trained_on: Features
) -> tuple[str, ...]:
    """A note on photos that the network was trained on, or nearly (paper, section 5.2)."""
    if not same.any():
        return ()
    first = int(np.flatnonzero(same)[0])
    one = study.images.source.names[int(known[first])]
    other = trained_on.images.source.names[int(neighbours[first])]
    return (
        f"{int(same.sum())} of {len(known)} photos are among the training images, or nearly "
        f"({one} is {other}, by their features): what is found for them says nothing of other "
        "pictures.",
    )


def training_images(engine: LocalEngine, training: Any) -> Labelled:
    """What a network was trained on; None: the engine's own images."""
    if isinstance(training, Labelled):
        return training
    source = engine.session.source if training is None else engine.session.source.alike(training)
    if len(source) < 2:
        raise InputError("There is one training image only: distances need two or more.")
    return Labelled.unlabelled(source, "training images")


def nearest(
    rows: Rows, images: Ints, others: Rows, candidates: Ints, what: str
) -> Counting[tuple[Floats, Ints]]:
    """Distance of images to their nearest candidates, and which these are; in blocks.

    An image among the candidates of the same rows isn't its own neighbour. Of equal ones the
    first counts.
    """
    distances = np.full(len(images), np.inf)
    neighbours = np.full(len(images), -1, dtype=np.int64)
    blocks = [
        (i, j) for i in range(0, len(images), _BLOCK) for j in range(0, len(candidates), _BLOCK)
    ]
    for done, (i, j) in enumerate(blocks, 1):
        here, there = images[i : i + _BLOCK], candidates[j : j + _BLOCK]
        one = rows.read(here).astype(np.float64)
        other = others.read(there).astype(np.float64)
        squares = (one**2).sum(1)[:, None] - 2 * one @ other.T + (other**2).sum(1)
        if rows is others:
            squares[here[:, None] == there] = np.inf
        found = squares.argmin(1)
        smallest = np.sqrt(np.maximum(squares[np.arange(len(here)), found], 0))
        nearer = smallest < distances[i : i + _BLOCK]
        distances[i : i + _BLOCK][nearer] = smallest[nearer]
        neighbours[i : i + _BLOCK][nearer] = there[found[nearer]]
        yield Progress(done, len(blocks), None, what)
    return distances.astype(np.float32), neighbours


def _how_far(record: BiasRecord) -> str:
    done = int(np.isfinite(record.accuracies).all(0).sum())
    return f"{done} of {record.accuracies.shape[1]} repeats are done"


transfer_bias = with_bar(
    "transfer_bias",
    transfer_bias_steps,
    "Transfer",
    _how_far,
    """Accuracy of each class, and how far it lies from the training data, with a progress bar.

    Before distances are known there is no record.
    """,
    Learning,
)
