"""Looks at one set of weights: strongest activations, projections, features."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ...engine.local import LocalEngine
from ...engine.network.frozen import copied_weights
from ...engine.network.memory import Memory
from ...engine.network.modes import computing
from ...engine.projection.projector import Projector
from ...engine.projection.rules import Rule, choose
from ...engine.protocol import OUTSIDE
from ...errors import TrainingDiverged
from ...records import Ints, LayerInfo, Pixels, Unit
from .moments import STEPS, Moment, Strongest, standardised

SAMPLES = 128
"""Places in the images at which all channels of a layer are compared over time."""

IN_MEMORY = 256 * 2**20
"""Bytes of images that are kept as the network gets them, instead of decoding them each time."""

BATCH = 16

Weights = Mapping[str, Tensor]


@dataclass
class _Best:
    """The strongest activation of a layer's chosen channels so far."""

    values: Tensor
    images: Tensor
    places: Tensor


class Looking:
    """An engine's network, whose weights can be changed, and what is looked at in it.

    Not for several threads at once.

    Parameters
    ----------
    engine
        Engine of the model as it was when watching began; its own network stays as it is.
    units
        (layer, channel), layers in the network's order.
    rule
        Rule of the projections.
    """

    def __init__(
        self, engine: LocalEngine, units: Sequence[tuple[str, int]], rule: str | Rule
    ) -> None:
        self.engine, self.units = engine, tuple(units)
        self.rule = choose(rule, engine.session.rules)
        self._source = engine.session.source
        self._network = engine.session.network.twin(self._source.example())
        self._memory = Memory(self._network.device)
        self._projector = Projector(self._network, self._memory, 0)
        self._layers: dict[str, LayerInfo] = {n: engine.layer(n) for n, _ in self.units}
        self._channels = {
            name: torch.tensor([c for n, c in self.units if n == name], device=self.device)
            for name in self._layers
        }
        self._samples = {
            name: _sampled(info, len(self._source), number)
            for number, (name, info) in enumerate(self._layers.items())
        }
        self._patches: dict[tuple[int, Unit], Pixels] = {}
        self._seen: dict[int, Tensor] | None = None
        if len(self._source) * self._source.example().nbytes <= IN_MEMORY:
            self._seen = dict(self._source.tensors(range(len(self._source))))

    @property
    def device(self) -> torch.device:
        """Where it computes."""
        return self._network.device

    @property
    def images(self) -> int:
        """How many images there are."""
        return len(self._source) if self._seen is None else len(self._seen)

    def copied(self, model: nn.Module) -> Weights:
        """A copy of the weights that the model has now, as `look` takes them."""
        return copied_weights(model, self._network.module)

    def look(self, weights: Weights, step: int, epoch: float | None) -> Moment:
        """What a network with these weights is like.

        Raises
        ------
        TrainingDiverged
            Activations of the network aren't finite; names the layer and the step.
        """
        began = time.monotonic()
        self._network.load(weights)
        self._projector.renew()
        best, features = self._pass(step)
        found: list[Strongest] = []
        for name, info in self._layers.items():
            found += self._strongest(info, best[name])
        self._patches = {(one.image, one.unit): one.patch for one in found}
        return Moment(step, epoch, tuple(found), features, time.monotonic() - began)

    # ------------------------------------------------------------------ one pass over the images

    def _tensors(self) -> Iterator[tuple[int, Tensor]]:
        if self._seen is not None:
            yield from self._seen.items()
        else:
            yield from self._source.tensors(range(len(self._source)))

    def _pass(self, step: int) -> tuple[dict[str, _Best], dict[str, NDArray[np.float16]]]:
        best: dict[str, _Best] = {}
        sampled: dict[str, list[Tensor]] = {name: [] for name in self._layers}
        images = self._tensors()
        while batch := list(islice(images, BATCH)):
            for part in self._memory.in_parts("looking", self._run, batch):
                for name, (largest, taken) in part.items():
                    sampled[name].append(taken)
                    best[name] = _better(best.get(name), largest)
        for name, one in best.items():
            if not torch.isfinite(one.values).all():
                raise TrainingDiverged(
                    f"After step {step} layer {name!r} gives NaN or infinite values, though the "
                    "weights are finite: the training has diverged. Take a smaller rate."
                )
        features = {
            name: standardised(torch.cat(parts).cpu().numpy().T) for name, parts in sampled.items()
        }
        return best, features

    def _run(self, batch: Sequence[tuple[int, Tensor]]) -> dict[str, tuple[_Best, Tensor]]:
        numbers = torch.tensor([number for number, _ in batch], device=self.device)
        found: dict[str, tuple[_Best, Tensor]] = {}

        def visit(name: str, output: Tensor) -> None:
            if name not in self._layers:
                return
            maps = output.reshape(*output.shape[:2], -1)
            largest, places = maps[:, self._channels[name]].max(-1)
            largest = largest.nan_to_num(nan=torch.inf, posinf=torch.inf)
            values, which = largest.max(0)
            places = places.gather(0, which[None])[0]
            features = self._take(name, maps, [number for number, _ in batch])
            found[name] = _Best(values, numbers[which], places), features

        with computing(self.device):
            self._network.run(torch.stack([t for _, t in batch]).to(self.device), visit)
        return found

    def _take(self, name: str, maps: Tensor, numbers: Sequence[int]) -> Tensor:
        """All channels at the sampled places that lie in a batch, (samples, channels)."""
        images, places = self._samples[name]
        at = {number: place for place, number in enumerate(numbers)}
        here = [s for s, image in enumerate(images.tolist()) if image in at]
        rows = torch.tensor([at[int(images[s])] for s in here], dtype=torch.int64)
        cols = torch.as_tensor(places[here])
        return maps[rows.to(maps.device), :, cols.to(maps.device)]

    # ------------------------------------------------------------------ projections

    def _strongest(self, info: LayerInfo, best: _Best) -> list[Strongest]:
        columns = info.shape[2]
        channels, values, images, places = (
            t.tolist() for t in (self._channels[info.name], best.values, best.images, best.places)
        )
        units = [
            Unit(info.name, channel, *divmod(place, columns))
            for channel, place in zip(channels, places, strict=True)
        ]
        active = [number for number, value in enumerate(values) if value > 0]
        pixels: dict[int, Tensor] = {}
        if active:
            projected = self._projector.in_parts(
                info.name,
                [(channels[n], *divmod(places[n], columns)) for n in active],
                [(None, self._tensor(images[n])) for n in active],
                self.rule,
            )
            pixels = dict(zip(active, projected.pixels, strict=True))
        return [
            self._record(info, unit, images[n], values[n], pixels.get(n))
            for n, unit in enumerate(units)
        ]

    def _record(
        self, info: LayerInfo, unit: Unit, image: int, value: float, pixels: Tensor | None
    ) -> Strongest:
        assert unit.row is not None
        assert unit.col is not None
        box = info.field_of(unit.channel).box(unit.row, unit.col)
        levels, scale = None, 1.0
        if pixels is not None:
            crop = box.cut(pixels.permute(1, 2, 0).cpu().numpy())
            scale = float(np.abs(crop).max()) or 1.0
            levels = np.rint(crop * (STEPS / scale)).astype(np.int8)
        patch = self._patches.get((image, unit))
        if patch is None:
            patch = box.cut(self._source.show(self._tensor(image)), OUTSIDE)
        name = self._source.names[image]
        return Strongest(unit, value, image, name, box, levels, scale, patch)

    def _tensor(self, image: int) -> Tensor:
        return self._source.tensor(image) if self._seen is None else self._seen[image]


def _better(old: _Best | None, new: _Best) -> _Best:
    """The stronger of two, channel by channel; the older of equal ones."""
    if old is None:
        return new
    more = new.values > old.values
    return _Best(
        torch.where(more, new.values, old.values),
        torch.where(more, new.images, old.images),
        torch.where(more, new.places, old.places),
    )


def _sampled(info: LayerInfo, images: int, number: int) -> tuple[Ints, Ints]:
    """Images and places of a layer's maps, images ascending, spread over all of them."""
    random = np.random.default_rng([number, images])
    places = info.shape[1] * info.shape[2]
    count = min(SAMPLES, images * places)
    chosen = np.arange(count) * images // count
    if places == 1:
        return chosen, np.zeros(count, dtype=np.int64)
    return chosen, random.integers(0, places, count)
