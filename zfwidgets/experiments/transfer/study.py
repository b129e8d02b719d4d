"""A network and another labelled set, with what the parts of a transfer share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...engine.local import LocalEngine
from ...records import Floats, Ints
from ...stepwise import Counting
from ..shared.labelled import Labelled
from .classifiers import STRENGTH, Fitted, check_strength, class_accuracies, fit, require
from .features import Features, check_computes, labelled
from .shapes import DIMENSION, main_layers
from .splits import Plan, Split


@dataclass(frozen=True)
class Learning:
    """What is learned from, and how; see `transfer_layers_steps` for all of it."""

    train_images: int | None = None
    test_images: int | None = None
    repeats: int = 5
    strength: float | Sequence[float] = STRENGTH
    folds: int = 3
    seed: int = 0

    @property
    def strengths(self) -> tuple[float, ...]:
        """The classifiers' C that are tried."""
        return check_strength(self.strength)

    @property
    def inner(self) -> int:
        """Folds inside the training images; 0 where there is nothing to choose."""
        return self.folds if len(self.strengths) > 1 else 0


class Study:
    """Features of labelled images, and classifiers that learn from them.

    Parameters
    ----------
    engine, data, transform, layers, dimension
        As in `transfer_layers_steps`.
    """

    def __init__(
        self,
        engine: Any,
        data: Any,
        *,
        transform: Any = None,
        layers: Sequence[str] | None = None,
        dimension: int = DIMENSION,
    ) -> None:
        require()
        self.engine: LocalEngine = check_computes(engine)
        self.images: Labelled = labelled(self.engine, data, transform)
        self.dimension = dimension
        self.features = Features(self.engine, self.images, layers, dimension)

    def look(self) -> Counting[Ints]:
        """Compute features that aren't there; gives the images that have them."""
        yield from self.features.steps()
        return self.features.known

    def learn(
        self,
        layer: str,
        split: Split,
        count: int,
        classifier: str,
        how: Learning,
        repeat: int,
    ) -> tuple[Floats, Fitted]:
        """Learn from ``count`` images of each class; accuracy of each class's test images."""
        rows, labels = self.features.rows(layer), self.images.labels
        trained = split.train(count)
        fitted = fit(
            classifier,
            rows.read(trained),
            labels[trained],
            how.strengths,
            folds=how.folds,
            seed=how.seed + repeat,
        )
        predicted = fitted.predict(rows, split.test)
        return class_accuracies(predicted, labels[split.test], self.present), fitted

    @property
    def present(self) -> Ints:
        """Numbers of the classes that have images."""
        return np.unique(self.images.labels[self.images.labels >= 0])

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes that have images."""
        return tuple(self.images.classes[int(number)] for number in self.present)

    def plan(self, how: Learning, train_images: int | None = None, folds: int = 0) -> Plan:
        """How images are split, if they allow it; each class has so many to learn from."""
        return Plan.of(self.images, train_images, how.test_images, how.repeats, how.seed, folds)


def one_layer(engine: Any, layer: str | None) -> str:
    """The layer asked for; None means the last before the class scores."""
    found = check_computes(engine)
    return found.layer(layer or main_layers(found.layers)[-1]).name
