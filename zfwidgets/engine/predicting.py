"""What a network says of an image, whole or under an occluder: class scores as records."""

from __future__ import annotations

import threading
from collections.abc import Generator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from torch import Tensor

from ..errors import InputError, UnsupportedModel
from ..images.source import ImageSource
from ..records import Occluder, OcclusionMap, Prediction
from .memory import Memory
from .network import Network
from .occlusion import Grid, cover, score, slide


class Predicting:
    """Class scores of images, and maps of them under an occluder that slides.

    Images are given as (index or None, name, tensor (channels, rows, columns)).

    Parameters
    ----------
    network
        The frozen copy.
    source
        Says what an occluder's fill is in input units.
    labels
        One name per class; None numbers them.
    lock
        Held while a step computes.

    Attributes
    ----------
    labels
        Class names in the order of the network's outputs.

    Raises
    ------
    InputError
        There are more or fewer labels than classes.
    """

    def __init__(
        self,
        network: Network,
        source: ImageSource,
        labels: Sequence[str] | None,
        lock: threading.RLock,
        memory: Memory,
    ) -> None:
        self._network, self._source, self._memory = network, source, memory
        self._lock = lock
        self.labels = _labels(labels, network)

    def predict(
        self, index: int | None, name: str, tensor: Tensor, occluder: Occluder | None = None
    ) -> Prediction:
        """Class scores of an image, maybe occluded."""
        self._check_classifier()
        if occluder is not None:
            tensor = cover(tensor, occluder.box, self._source.fill_value(occluder.fill))
        with self._lock:
            logits, _ = score(self._network, tensor[None], None)
        return Prediction(index, name, logits[0], self.labels, occluder)

    def occlude_steps(
        self,
        index: int | None,
        name: str,
        tensor: Tensor,
        patch: int | tuple[int, int],
        stride: int | tuple[int, int],
        fill: str | float,
        target: int | str | None,
        layer: str | None,
    ) -> Generator[OcclusionMap, None, OcclusionMap]:
        """Slide an occluder over an image; yields the map so far, coarse positions first."""
        self._check_classifier()
        shape = self._network.input_shape[1:]
        grid = Grid(_pair("patch", patch, shape), _pair("stride", stride, shape), shape)
        info = self._network.layer(layer) if layer is not None else None
        value = self._source.fill_value(fill)
        with self._lock:
            clean, totals = score(self._network, tensor[None], info.name if info else None)
        wanted = self._target(target, clean[0])
        result = OcclusionMap(
            image=index,
            image_name=name,
            size=grid.size,
            stride=grid.stride,
            fill=fill,
            input_shape=shape,
            logits=np.full((*grid.shape, clean.shape[1]), np.nan, dtype=np.float32),
            clean=clean[0],
            target=wanted,
            labels=self.labels,
            done=np.zeros(grid.shape, dtype=bool),
            layer=info.name if info else None,
            totals=(
                np.full((*grid.shape, totals.shape[1]), np.nan, dtype=np.float32)
                if totals is not None
                else None
            ),
            clean_totals=totals[0] if totals is not None else None,
        )
        steps = slide(self._network, tensor, grid, value, result.layer, self._memory)
        while True:
            with self._lock:
                scores = next(steps, None)
            if scores is None:
                return result
            rows, cols = scores.cells.T
            result.logits[rows, cols] = scores.logits
            if result.totals is not None:
                result.totals[rows, cols] = scores.totals
            result.done[rows, cols] = True
            result = replace(result, note=scores.note)
            yield replace(
                result,
                logits=result.logits.copy(),
                totals=None if result.totals is None else result.totals.copy(),
                done=result.done.copy(),
            )

    def _check_classifier(self) -> None:
        shape = self._network.outputs
        if shape is None or len(shape) != 2:
            got = "no tensor" if shape is None else f"a tensor of shape {shape}"
            raise UnsupportedModel(
                f"{self._network.name} gives {got} for one image; class probabilities need (1, "
                "classes). Say how to get them: zf.Engine(..., forward=lambda model, batch: "
                "model(batch)[...])."
            )

    def _target(self, target: int | str | None, logits: np.ndarray[Any, Any]) -> int:
        if target is None:
            return int(logits.argmax())
        if isinstance(target, str):
            found = [i for i, label in enumerate(self.labels) if label == target]
            if len(found) != 1:
                problem = f"is the name of classes {found}" if found else "is no class name"
                raise InputError(f"{target!r} {problem}: give the class's index.")
            return found[0]
        if not 0 <= target < len(logits):
            raise InputError(f"There are classes 0 to {len(logits) - 1}, got {target}.")
        return int(target)


def _labels(labels: Sequence[str] | None, network: Network) -> tuple[str, ...]:
    shape = network.outputs
    classes = shape[1] if shape is not None and len(shape) == 2 else None
    if labels is None:
        return tuple(f"class {i}" for i in range(classes or 0))
    if classes is not None and len(labels) != classes:
        raise InputError(
            f"{network.name} has {classes} classes, got {len(labels)} labels: give one name per "
            "class, in the order of the outputs."
        )
    return tuple(map(str, labels))


def _pair(what: str, value: int | tuple[int, int], image: tuple[int, int]) -> tuple[int, int]:
    rows, columns = (value, value) if isinstance(value, (int, np.integer)) else value
    if not (1 <= rows <= image[0] and 1 <= columns <= image[1]):
        raise InputError(
            f"{what} is {value}: expected one or two numbers of pixels from 1 to the image's size, "
            f"{image[0]} x {image[1]}."
        )
    return int(rows), int(columns)
