"""Linear classifiers on feature vectors: scikit-learn's, imported when they are needed.

Vectors are shifted by the mean of the training vectors and divided by one number, so that these
have a mean squared length of 1: layers of different scale and dimension are then regularised
alike, and the directions of features stay as they are.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...errors import InputError, optional
from ...records import Floats, Ints
from .records.accuracies import CLASSIFIERS
from .store import Rows

STRENGTH = 10.0
"""C of both classifiers, by default: what a misplaced image costs, beside the weights' length."""
ITERATIONS = 2000
_BLOCK = 2048


@dataclass(frozen=True)
class Fitted:
    """A classifier that has learned, and what its vectors are shifted and divided by."""

    model: Any
    mean: Floats
    scale: float
    strength: float
    converged: bool

    def scores(self, rows: Rows, images: Ints) -> Floats:
        """How sure it is of the second of two classes, (images,); vectors are read in blocks."""
        found = [
            self.model.decision_function(
                (rows.read(images[i : i + _BLOCK]) - self.mean) / self.scale
            )
            for i in range(0, len(images), _BLOCK)
        ]
        return np.concatenate(found)

    def predict(self, rows: Rows, images: Ints) -> Ints:
        """Classes of images, (images,) int64; vectors are read in blocks."""
        found = [
            self.model.predict((rows.read(images[i : i + _BLOCK]) - self.mean) / self.scale)
            for i in range(0, len(images), _BLOCK)
        ]
        return np.concatenate(found).astype(np.int64)


def require() -> None:
    """Raise `MissingDependency` unless scikit-learn is there."""
    optional("sklearn", "Transfer learns with scikit-learn: pip install 'zfwidgets[transfer]'")


def check_classifier(name: str) -> str:
    """The name, if there is such a classifier."""
    if name not in CLASSIFIERS:
        raise InputError(f"Unknown classifier {name!r}: expected {' or '.join(CLASSIFIERS)}.")
    return name


def check_strength(strength: float | Sequence[float]) -> tuple[float, ...]:
    """One or several C, largest last."""
    values = [strength] if isinstance(strength, int | float) else strength
    found = tuple(sorted({float(value) for value in values}))
    if not found or found[0] <= 0:
        raise InputError(f"strength is {strength}: expected a number above zero, or several.")
    return found


def fit(
    name: str,
    vectors: Floats,
    labels: Ints,
    strengths: tuple[float, ...],
    *,
    folds: int = 3,
    seed: int = 0,
) -> Fitted:
    """Fit a classifier; of several strengths the best one in a cross-validation.

    Parameters
    ----------
    name
        "svm" or "softmax".
    vectors, labels
        (images, dimension) and (images,): what to learn from, and nothing else is seen.
    strengths
        C, one or several.
    folds
        Folds of the cross-validation, stratified.
    seed
        Seed of the folds and the SVM's solver.
    """
    mean = vectors.mean(0, dtype=np.float64).astype(np.float32)
    centred = vectors - mean
    scale = float(np.sqrt(np.einsum("ij,ij->i", centred, centred, dtype=np.float64).mean())) or 1.0
    scaled = centred / scale
    strength = strengths[0]
    if len(strengths) > 1:
        strength = _best(name, scaled, labels, strengths, folds, seed)
    model, converged = _learn(name, scaled, labels, strength, seed)
    return Fitted(model, mean, scale, strength, converged)


def _best(
    name: str, vectors: Floats, labels: Ints, strengths: tuple[float, ...], folds: int, seed: int
) -> float:
    from sklearn.model_selection import StratifiedKFold

    right = np.zeros(len(strengths))
    parts = StratifiedKFold(folds, shuffle=True, random_state=seed)
    for learned, held_out in parts.split(vectors, labels):
        for number, strength in enumerate(strengths):
            model, _ = _learn(name, vectors[learned], labels[learned], strength, seed)
            right[number] += (model.predict(vectors[held_out]) == labels[held_out]).sum()
    return strengths[int(right.argmax())]  # of equals the smallest


def _learn(
    name: str, vectors: Floats, labels: Ints, strength: float, seed: int
) -> tuple[Any, bool]:
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression
    from sklearn.svm import LinearSVC

    if name == "svm":
        model = LinearSVC(C=strength, dual="auto", max_iter=ITERATIONS, random_state=seed)
    else:
        model = LogisticRegression(C=strength, max_iter=ITERATIONS)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model.fit(vectors, labels)
    unfinished = any(issubclass(w.category, ConvergenceWarning) for w in caught)
    return model, not unfinished


def class_accuracies(predicted: Ints, labels: Ints, classes: Ints) -> Floats:
    """Share of each class's images that are told right, (classes,)."""
    right = predicted == labels
    return np.array([right[labels == c].mean() for c in classes], dtype=np.float32)
