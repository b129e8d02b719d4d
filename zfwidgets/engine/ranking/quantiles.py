"""Where in an image a channel is strongest, for images from all of its range, not only the top.

The index keeps each sampled image's largest activation; its place is found again here, exactly.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import replace

import numpy as np
from torch import Tensor

from ...errors import InputError, UnreadableImage
from ...index import TopKIndex
from ...records import Activation, ActivationSample, LayerInfo, QuantileRow, QuantileRows, Unit
from ..network.feature_maps import Maps, channel_maps
from ..network.runtime import Runtime

WHAT = "finding units"
MOST = 100
"""Parts, and images from each, at most."""


class Quantiles:
    """Finds units in images from every part of a channel's range.

    Parameters
    ----------
    runtime
        What computes, and on which images.
    """

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    def steps(
        self, index: TopKIndex, layer: LayerInfo, channel: int, each: int, parts: int
    ) -> Generator[QuantileRows, None, QuantileRows]:
        """The range of each part at once, then its units, those of the strongest part first.

        Raises
        ------
        InputError
            ``each`` or ``parts`` isn't in 1 .. `MOST`.
        """
        for name, value in (("each", each), ("parts", parts)):
            if not 1 <= value <= MOST:
                raise InputError(f"{name} is {value}: expected a number in 1 .. {MOST}.")
        sample = index.sample(layer.name, channel)
        cut = [part for part in sample.parts(parts) if len(part.images)]
        rows = QuantileRows(
            layer.name,
            channel,
            tuple(_row(part) for part in cut),
            index.images_seen,
            sample.complete,
            len(sample.images),
            complete=False,
        )
        yield rows
        for i in reversed(range(len(cut))):
            activations, lost = self._units(layer, cut[i].spread(each))
            found = replace(rows[i], activations=activations, unreadable=lost)
            rows = replace(rows, parts=(*rows[:i], found, *rows[i + 1 :]))
            yield rows
        return replace(rows, complete=True)

    def _units(
        self, layer: LayerInfo, chosen: ActivationSample
    ) -> tuple[tuple[Activation, ...], tuple[tuple[str, str], ...]]:
        """The units, and (name, reason) of images that can't be read any more."""
        numbers, tensors, lost = [], [], []
        for image in chosen.images[chosen.values > 0].tolist():
            try:
                tensors.append(self._runtime.source.tensor(image))
            except UnreadableImage as error:  # it could be read when the index was made
                lost.append((self._runtime.source.names[image], error.reason))
                continue
            numbers.append(image)
        if not tensors:
            return (), tuple(lost)
        maps = self._maps(layer, chosen.channel, tensors)
        found = [
            self._strongest(layer, chosen.channel, *one) for one in zip(numbers, maps, strict=True)
        ]
        return tuple(found), tuple(lost)

    def _maps(self, layer: LayerInfo, channel: int, images: Sequence[Tensor]) -> Maps:
        with self._runtime.lock:
            return channel_maps(self._runtime, layer, channel, images, WHAT)

    def _strongest(self, layer: LayerInfo, channel: int, image: int, one: Maps) -> Activation:
        row, col = (int(place) for place in np.unravel_index(one.argmax(), one.shape))
        return Activation(
            Unit(layer.name, channel, row, col),
            image,
            self._runtime.source.names[image],
            float(one[row, col]),
            layer.field_of(channel).box(row, col),
        )


def _row(part: ActivationSample) -> QuantileRow:
    silent = int((part.values <= 0).sum())
    low, high = float(part.values.min()), float(part.values.max())
    return QuantileRow(low, high, len(part.images), silent, ())
