"""Cover the patch: a channel's strongest activations, each with its receptive field covered.

If nothing else in an image excites the unit as much, the channel's maximum moves to another place
or falls. A random patch of the same size, covered instead, says how much of that any cover does.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from torch import Tensor

from ...errors import UnreadableImage
from ...records import (
    Activation,
    Box,
    CoveredPatch,
    CoveredPatches,
    CoverRequest,
    LayerInfo,
    TopActivations,
    Unit,
)
from ..network.feature_maps import Maps, channel_maps
from ..network.runtime import Runtime
from .baselines import Baselines, Paint


class Covering:
    """Covers the receptive fields of units of a network.

    Parameters
    ----------
    runtime, baselines
        What computes, and what covers.
    """

    def __init__(self, runtime: Runtime, baselines: Baselines) -> None:
        self._runtime, self._baselines = runtime, baselines

    def steps(
        self,
        layer: LayerInfo,
        top: TopActivations,
        read: Callable[[Any], Tensor],
        request: CoverRequest,
    ) -> Generator[CoveredPatches, None, CoveredPatches]:
        """All activations covered first, in one batch; then the controls, an activation a step."""
        baseline, controls, seed = request.baseline, request.controls, request.seed
        readable, images, lost = [], [], []
        for activation in top:
            try:
                images.append(read(activation.image))
                readable.append(activation)
            except UnreadableImage as error:  # noqa: PERF203
                lost.append((activation.image_name, error.reason))
        top = replace(top, activations=tuple(readable))
        paints = [
            Paint(self._baselines.of(baseline, image, a.image))
            for a, image in zip(top, images, strict=True)
        ]
        shape = self._runtime.network.input_shape[1:]
        boxes = [a.box.clip(*shape) for a in top]
        covered = [p.over(x, box) for p, x, box in zip(paints, images, boxes, strict=True)]
        found = CoveredPatches(top.layer, top.channel, baseline, (), seed, False, tuple(lost))
        if top:
            maps = self._maps(layer, top.channel, [*images, *covered])
            patches = [
                _covered(layer, a, box, maps[i], maps[len(top) + i])
                for i, (a, box) in enumerate(zip(top, boxes, strict=True))
            ]
            found = replace(found, patches=tuple(patches))
            yield found
        for i, one in enumerate(found.patches if controls else ()):
            places = _controls(one, shape, controls, seed)
            batch = [paints[i].over(images[i], box) for box in places]
            maps = self._maps(layer, top.channel, batch)
            row, col = one.activation.unit.row, one.activation.unit.col
            values = maps[:, row, col].astype(np.float32)
            one = replace(one, controls=places, control_values=values)
            found = replace(found, patches=(*found.patches[:i], one, *found.patches[i + 1 :]))
            yield found
        return replace(found, complete=True)

    def _maps(self, layer: LayerInfo, channel: int, images: Sequence[Tensor]) -> Maps:
        with self._runtime.lock:
            return channel_maps(self._runtime, layer, channel, images, "covering patches")


def _covered(
    layer: LayerInfo,
    activation: Activation,
    box: Box,
    clean: np.ndarray[tuple[int, int], np.dtype[np.float32]],
    covered: np.ndarray[tuple[int, int], np.dtype[np.float32]],
) -> CoveredPatch:
    unit = activation.unit
    row, col = (int(i) for i in np.unravel_index(covered.argmax(), covered.shape))
    moved = replace(
        activation,
        unit=Unit(unit.layer, unit.channel, row, col),
        value=float(covered[row, col]),
        box=layer.field_of(unit.channel).box(row, col),
    )
    before, after = float(clean[unit.row, unit.col]), float(covered[unit.row, unit.col])
    return CoveredPatch(activation, box, before, after, moved, (), np.empty(0, np.float32))


def _controls(
    patch: CoveredPatch, shape: tuple[int, int], count: int, seed: int
) -> tuple[Box, ...]:
    """Random places, inside the image, of a patch of the same size."""
    image = patch.activation.image
    random = np.random.default_rng([seed, 0 if image is None else image])
    height, width = patch.box.height, patch.box.width
    tops = random.integers(0, shape[0] - height + 1, count)
    lefts = random.integers(0, shape[1] - width + 1, count)
    places = zip(tops.tolist(), lefts.tolist(), strict=True)
    return tuple(Box(top, left, height, width) for top, left in places)
