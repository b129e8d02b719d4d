"""What a network says of an image, whole or under an occluder: class scores as records."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from math import prod

import torch
from torch import Tensor

from ...errors import InputError, UnsupportedModel
from ...records import Floats, Occluder, Prediction, check_extra_boxes, check_mask
from ..network.modes import computing
from ..network.network import Network
from ..network.one_thread import one_thread
from ..network.runtime import Runtime
from ..projection.cone import multiply_adds
from .baselines import Baselines, Paint, cover_all

LITTLE = 500_000_000
"""Multiply-adds of a whole image that are little work for one core: SqueezeNet has 350 million."""


class Predicting:
    """Class scores of images, with or without an occluder.

    Images are given as (index or None, name, tensor (channels, rows, columns)).

    Parameters
    ----------
    runtime, baselines
        What computes, and what an occluder is filled with.
    labels
        One name per class; None numbers them.

    Attributes
    ----------
    labels
        Class names in the order of the network's outputs.
    no_classes
        Why the network has no class scores; "" if it has.

    Raises
    ------
    InputError
        There are more or fewer labels than classes.
    """

    def __init__(
        self,
        runtime: Runtime,
        baselines: Baselines,
        labels: Sequence[str] | None,
    ) -> None:
        self._runtime, self._baselines = runtime, baselines
        self.labels = _labels(labels, runtime.network)
        self.no_classes = _no_classes(runtime.network)

    def predict(
        self, index: int | None, name: str, tensor: Tensor, occluder: Occluder | None = None
    ) -> Prediction:
        """Class scores of an image, maybe occluded."""
        if self.no_classes:
            raise UnsupportedModel(self.no_classes)
        if occluder is not None:
            tensor = self._covered(index, tensor, occluder)
        with self._runtime.lock:
            (logits,) = self._runtime.memory.in_parts("class scores", self._logits, [tensor])
        return Prediction(index, name, logits, self.labels, occluder)

    def _logits(self, images: Sequence[Tensor]) -> Floats:
        with computing(self._runtime.network.device), self._threads:
            image = images[0][None].to(self._runtime.network.device)
            # Pools and convolutions are quicker so on CPUs, and a dragged occluder waits for them.
            output = self._runtime.network(image.contiguous(memory_format=torch.channels_last))
        found: Floats = output[0].cpu().numpy()
        return found

    @property
    def _threads(self) -> AbstractContextManager[None]:
        """One thread inside each operation, where a whole image is little work.

        Two of them wait for each other where a browser, say, has one of the cores.
        """
        graph = self._runtime.network.graph
        work = sum(multiply_adds(node, prod(node.shape[-2:])) for node in graph.nodes)
        return one_thread() if work <= LITTLE else nullcontext()

    def _covered(self, index: int | None, tensor: Tensor, occluder: Occluder) -> Tensor:
        mask, box = occluder.mask, occluder.box
        baseline = self._baselines.of(occluder.baseline, tensor, index)
        mask = None if mask is None else check_mask(mask)
        paint = Paint.of(baseline, mask, (box.height, box.width))
        return paint.over(cover_all(tensor, check_extra_boxes(occluder.extra_boxes), baseline), box)

    def target(self, target: int | str | None, logits: Floats) -> int:
        """The index of a class given by index or name; of the most probable one for None."""
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


def _no_classes(network: Network) -> str:
    shape = network.outputs
    if shape is not None and len(shape) == 2:
        return ""
    got = "no tensor" if shape is None else f"a tensor of shape {shape}"
    return (
        f"{network.name} gives {got} for one image; class probabilities need (1, classes). Say "
        "how to get them: zf.Engine(..., forward=lambda model, batch: model(batch)[...])."
    )
