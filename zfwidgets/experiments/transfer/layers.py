"""How well each layer's features tell other classes apart (paper, Table 7)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ...engine.local import LocalEngine
from ...records import Floats
from ...stepwise import Clock, Growing
from ..shared.running import with_bar
from .classifiers import STRENGTH, check_classifier
from .records.accuracies import CLASSIFIERS, LayersRecord, how_far
from .shapes import DIMENSION
from .study import Learning, Study


def transfer_layers_steps(
    engine: LocalEngine,
    data: Any,
    *,
    layers: Sequence[str] | None = None,
    train_images: int | None = None,
    test_images: int | None = None,
    repeats: int = 5,
    classifiers: Sequence[str] = CLASSIFIERS,
    strength: float | Sequence[float] = STRENGTH,
    folds: int = 3,
    seed: int = 0,
    transform: Any = None,
    dimension: int = DIMENSION,
) -> Growing[LayersRecord]:
    """Learn another labelled set on each layer's features, in steps.

    Each repeat draws its own images to learn from and to test, never the same, alike for all
    layers. Yields the record after each fit.

    Parameters
    ----------
    engine
        ``zf.Engine(model, images)``, with the network that has the features.
    data
        Other labelled images: a folder of class folders, a map-style Dataset of (image, label),
        a list of (image, label).
    layers
        Names; None means `zfwidgets.experiments.transfer.shapes.main_layers`.
    train_images, test_images
        Images of each class. None: two thirds of the smallest class, at most 30; what is left, at
        most 50.
    repeats
        How many splits.
    classifiers
        One or both of "svm" and "softmax".
    strength
        C of the classifiers; of several, the best in a cross-validation inside the training
        images is taken, for each fit by itself.
    folds
        Number of folds of that cross-validation.
    seed
        Seed of splits, folds and the SVM's solver.
    transform
        As in `zfwidgets.Engine`; None: the engine's.
    dimension
        Numbers of a feature vector at most: feature maps of more are averaged over a coarser
        grid of places.

    Raises
    ------
    InputError
        One class only; a class with too few images to learn from and test on others; fewer
        training images than folds; a layer that doesn't exist.
    MissingDependency
        Without scikit-learn.
    """
    study = Study(engine, data, transform=transform, layers=layers, dimension=dimension)
    how = Learning(train_images, test_images, repeats, strength, folds, seed)
    return (yield from layer_steps(study, how, classifiers))


def layer_steps(
    study: Study, how: Learning, classifiers: Sequence[str] = CLASSIFIERS
) -> Growing[LayersRecord]:
    """The same of a study, whose features are computed once for all its parts."""
    names = [check_classifier(name) for name in classifiers]
    plan, repeats = study.plan(how, how.train_images, how.inner), how.repeats
    shapes = study.features.shapes
    nothing: Floats = np.full((len(shapes), repeats), np.nan, dtype=np.float32)
    result = LayersRecord(
        shapes,
        {name: nothing.copy() for name in names},
        plan.train_images,
        plan.test_images,
        study.classes,
        how.seed,
        {name: nothing.copy() for name in names},
    )
    yield result
    known = yield from study.look()
    result = replace(result, notes=study.features.skipped)
    fits = [
        (repeat, number, name)
        for repeat in range(repeats)
        for number in range(len(shapes))
        for name in names
    ]
    unfinished = 0
    clock = Clock(len(fits))
    for done, (repeat, number, name) in enumerate(fits, 1):
        split = plan.split(study.images, known, repeat)
        layer = shapes[number].layer
        found, fitted = study.learn(layer, split, plan.train_images, name, how, repeat)
        unfinished += not fitted.converged
        result = replace(
            result,
            accuracies=_with(result.accuracies, name, number, repeat, float(found.mean())),
            strength=_with(result.strength, name, number, repeat, fitted.strength),
            notes=(*study.features.skipped, *not_converged(unfinished, done)),
        )
        yield clock.at(done, f"learning on {layer}")
        yield result
    return result


def not_converged(unfinished: int, fits: int) -> tuple[str, ...]:
    """A note on fits that were cut off, if there are any."""
    if not unfinished:
        return ()
    return (
        f"{unfinished} of {fits} fits hadn't converged when their steps were over: a smaller "
        "strength converges sooner.",
    )


def _with(
    values: dict[str, Floats], name: str, row: int, column: int, value: float
) -> dict[str, Floats]:
    changed = values[name].copy()
    changed[row, column] = value
    return {**values, name: changed}


transfer_layers = with_bar(
    "transfer_layers",
    transfer_layers_steps,
    "Transfer",
    how_far,
    """Learn another labelled set on each layer's features (paper, Table 7), with a progress bar.

    Features that are computed stay on disk.
    """,
)
