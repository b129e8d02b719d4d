"""An engine's images in plain groups: by their labels or, without, by predicted classes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ..engine.protocol import EngineProtocol
from ..records import LayerInfo
from .alike import Responses
from .folding import fold

By = Literal["label", "predicted class", ""]

MOST_LABELLED = 0.5
"""Labels are used where at least so many of the images have one."""

ROUNDING = 1 / 1024
"""How far a score of an index may be off, as a share of itself, at most (`LayerIndex.sample`)."""


@dataclass(frozen=True)
class Grouping:
    """Which group each image is in.

    Attributes
    ----------
    by
        What groups are made of: images' labels, or classes that the network predicts; "" where
        there is neither.
    classes
        The label or class of images, by their numbers; images that aren't known are missing.
    why
        Why there is no grouping; "" if there is.
    """

    by: By
    classes: dict[int, str]
    why: str = ""

    @cached_property
    def groups(self) -> dict[int, str]:
        """The group of each known image."""
        return {image: fold(name) for image, name in self.classes.items()}


def class_scores(engine: EngineProtocol) -> LayerInfo | None:
    """The layer that gives the class scores, one a class; None where none is seen to.

    The last one, if it has as many channels as there are classes and a single unit each.
    """
    last = engine.layers[-1]
    wanted = (len(engine.info.labels), 1, 1)
    return last if not engine.info.no_classes and last.shape == wanted else None


def group_images(engine: EngineProtocol) -> Grouping:
    """Put an engine's images into groups; needs its index.

    Predicted classes are those of the images whose responses the index samples, at no cost: the
    largest of the class scores. `EngineProtocol.predict` is asked where the index's rounding
    (`ROUNDING`) leaves it open, and for one image to see that the layer is the right one.
    """
    info = engine.info
    labels = {i: label for i, label in enumerate(info.image_labels) if label is not None}
    if labels and len(labels) >= MOST_LABELLED * len(info.images):
        return Grouping("label", labels)
    scores = class_scores(engine)
    if info.no_classes or scores is None:
        why = info.no_classes or "the network's last layer isn't one score a class"
        return Grouping("", {}, f"images have no labels, and {why.rstrip('.')}")
    responses = Responses.of(engine, scores.name)
    images, values = responses.images, responses.values.T
    if not len(images):
        return Grouping("", {}, "no image was looked at")
    best, open_ones = values.argmax(0), near_ties(values)
    for at in sorted({0, *open_ones}):
        exact = int(engine.predict(int(images[at])).logits.argmax())
        if at == 0 and exact != best[0] and 0 not in open_ones:
            why = "the network's last layer doesn't tell the class that it predicts"
            return Grouping("", {}, why)
        best[at] = exact
    return Grouping(
        "predicted class",
        {int(image): info.labels[at] for image, at in zip(images, best, strict=True)},
    )


def near_ties(values: NDArray[np.float64]) -> list[int]:
    """Images of whose (classes, images) scores rounding may have hidden the largest."""
    sizes = np.abs(values)
    off = ROUNDING * (sizes + ROUNDING * sizes.max(1, keepdims=True))
    best = values.argmax(0)
    least = (values - off)[best, np.arange(len(best))]
    rivals = (values + off >= least).sum(0)  # the best is one
    return [int(image) for image in np.flatnonzero(rivals > 1)]
