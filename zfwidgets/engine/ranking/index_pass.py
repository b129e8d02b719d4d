"""Streaming top-k: one pass over the images gives every channel of every layer its strongest.

In the forward pass each feature map is reduced to its maximum, but for those of ReLUs and
concatenations (see `zfwidgets.engine.ranking.aliases`); places are looked up only for what enters
the top. After it all layers are merged at once, their channels one after another. Memory is
O(channels x k), whatever the number of images.

Shards. A `Plan` fixes which images share a batch. An `IndexPass` takes in batches of it, in any
order and any selection, and `IndexPass.partial` is what it knows of those: a
`zfwidgets.index.partial.Partial`, plain arrays that can be kept, sent and merged. So one pass over
all batches equals ``merge([pass_over(shard) for shard in shards])``, bit by bit, for any cut into
shards and any order (on one device type with one number of threads): the order (value, image, row,
column) is total, counts and sums are integers. A `TopKIndex` is a partial with its names.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from ...errors import UnsupportedModel
from ...index.exact import COARSE, LARGEST, carried
from ...index.partial import Partial
from ...index.plan import Plan
from ...records import Floats
from ..network.memory import Memory
from ..network.modes import computing
from ..network.network import Network
from .aliases import Aliases, of_classes
from .histograms import Histograms
from .maxima import maxima
from .ranking_spec import RankingSpec
from .top_k import Ranks

FAINTEST = 2.0**-149
"""The smallest float32 above zero."""


@dataclass
class _Seen:
    """What a forward pass of part of a batch showed.

    Attributes
    ----------
    largest, places
        (images, own channels): the largest activation, and where; places only of what enters.
    entering, in_class
        (images, own channels) bool: what is to be ranked, among all images and in its class.
    sums, zeros
        (channels, 2) and (channels,) of the images that are measured; None where none is.
    """

    largest: Tensor
    places: Tensor
    entering: Tensor
    in_class: Tensor
    sums: Tensor | None
    zeros: Tensor | None


class IndexPass:
    """A pass over batches of a plan.

    A batch counts once it has been taken in whole: what fails or is interrupted in the middle
    leaves the pass as it was, except (`spoiled`) in the moment of merging.

    Parameters
    ----------
    network, plan, spec
        What is indexed, the batches of images, and what is kept of its activations.
    start
        What is known already; see `partial`.
    memory
        Makes batches smaller where they don't fit.
    """

    def __init__(
        self,
        network: Network,
        plan: Plan,
        spec: RankingSpec,
        start: Partial | None = None,
        memory: Memory | None = None,
    ) -> None:
        self.network, self._plan, self.spec = network, plan, spec
        self._memory = memory or Memory(network.device)
        device = network.device
        self.twins = twins = Aliases(network)
        classes = len(spec.classes)
        start = start or Partial.empty(twins.channels, spec.keep, classes, spec.keep_by_class)
        self._rest = replace(start, batches=np.empty(0, np.int64), bad={})
        self._batches, self._bad = [int(i) for i in start.batches], dict(start.bad)
        self.top = Ranks.of(start.top.of_rows(twins.own), device)
        self.least = self.top.least
        self.by_class = Ranks.of(start.by_class.of_rows(of_classes(twins.own, classes)), device)
        maxima, self._sums, self._zeros = (
            torch.from_numpy(part.copy()).to(device)
            for part in (start.maxima[twins.own], start.sums, start.zeros)
        )
        self._histograms = Histograms(maxima)
        self.newest = max(
            int(start.top.images.max(initial=-1)), int(start.by_class.images.max(initial=-1))
        )
        self._images, self._measured, self._smaller = start.images, start.measured, start.smaller
        self._sampled: list[tuple[int, Floats]] = []
        self.spoiled = False

    def take(
        self, batch: int, tensors: Sequence[Tensor | None], bad: Mapping[int, str] | None = None
    ) -> None:
        """Take in a batch.

        Parameters
        ----------
        batch
            Number of the batch in the plan.
        tensors
            One for each of its places, (channels, rows, columns) on the CPU; None for an image
            that can't be used, or isn't there any more.
        bad
            Why images can't be used, by number.
        """
        numbers = self._plan.batch(batch)
        items = list(zip(numbers.tolist(), tensors, strict=True))
        if all(tensor is None for tensor in tensors):
            parts: list[_Seen] = []
        else:
            parts = self._memory.in_parts("looking at all images", self._look, items)
        smaller = -(-len(items) // len(parts)) if len(parts) > 1 else 0
        there = [i for i, (_, tensor) in enumerate(items) if tensor is not None]
        self.spoiled = True
        if parts:
            with computing(self.network.device):
                self._merge(numbers[there], there, parts)
        self._batches.append(batch)
        self._bad.update(bad or {})
        if smaller:
            self._smaller = min(self._smaller or smaller, smaller)
        self.spoiled = False

    def _look(self, items: Sequence[tuple[int, Tensor | None]]) -> _Seen:
        """One forward pass; leaves nothing behind."""
        device, spec = self.network.device, self.spec
        shape = self.network.input_shape
        with computing(device):
            zeros = torch.zeros(shape)
            pixels = torch.stack([zeros if t is None else t for _, t in items]).to(device)
            there = [t is not None for _, t in items]
            numbers = [n for n, _ in items]
            measured = [i for i, n in enumerate(numbers) if there[i] and spec.measures(n)]
            looking = _Looking(self, numbers, there, measured)
            self.network.run(pixels, looking.visit, rectified=looking.rectified)
            seen = looking.seen()
            self._check(seen.largest, numbers, there)
            looking.compare(seen.largest[0])
        return seen

    def _check(self, largest: Tensor, numbers: list[int], there: list[bool]) -> None:
        if torch.isfinite(largest.sum()):
            return
        for row in np.flatnonzero(there).tolist():
            for name, span in self.twins.own_span.items():
                for channel in (~torch.isfinite(largest[row, span])).nonzero()[:, 0].tolist():
                    raise UnsupportedModel(
                        f"Layer {name!r} gives {largest[row, span][channel].item()} in channel "
                        f"{channel} for image {numbers[row]}: its activations can't be ranked. "
                        "Check the weights and the transform."
                    )

    def _merge(self, numbers: np.ndarray, there: list[int], parts: list[_Seen]) -> None:
        """Count the images in these places of a batch."""
        device = self.network.device
        images = torch.from_numpy(numbers.astype(np.int32)).to(device)

        def joined(name: str) -> Tensor:
            whole = [getattr(part, name) for part in parts]
            rows = whole[0] if len(whole) == 1 else torch.cat(whole)
            return rows if len(there) == len(rows) else rows[there]

        largest, entering, places = (joined(name) for name in ("largest", "entering", "places"))
        later = int(numbers[0]) > self.newest and bool((np.diff(numbers) > 0).all())
        self.top.enter(entering, largest, images, places, later=later)
        self.least = self.top.least  # now that ranks are in the caches, not at the next batch
        if len(self.spec.classes):
            self._enter_classes(numbers, joined("in_class"), largest, images, places)
        self._histograms.add(largest)
        for part in parts:
            if part.sums is not None and part.zeros is not None:
                self._sums = _carried(self._sums + part.sums)
                self._zeros += part.zeros
        self._measured += sum(self.spec.measures(int(n)) for n in numbers)
        self._images += len(there)
        self.newest = max(self.newest, int(numbers.max()))
        sampled = [i for i, n in enumerate(numbers.tolist()) if n in self.spec.sampled]
        if sampled:
            rows = largest[sampled].cpu().numpy()
            self._sampled.extend(zip(numbers[sampled].tolist(), rows, strict=True))

    def _enter_classes(
        self, numbers: np.ndarray, entering: Tensor, values: Tensor, images: Tensor, places: Tensor
    ) -> None:
        labels = self.spec.labels[numbers]
        classes = len(self.spec.classes)
        for label in np.unique(labels[labels >= 0]).tolist():
            at = torch.from_numpy(np.flatnonzero(labels == label)).to(values.device)
            mine = [part[at] for part in (entering, values, images, places)]
            of_class = Ranks(*(part[label::classes] for part in vars(self.by_class).values()))
            of_class.enter(*mine)  # a view: what is written there is written here

    def drained(self) -> list[tuple[int, Floats]]:
        """The sample so far, which is forgotten here: images, and maxima of all channels."""
        sampled, self._sampled = self._sampled, []
        return [(number, self.twins.rectified(row)) for number, row in sampled]

    def filled(self, k: int) -> int:
        """How many channels have k activations above zero so far."""
        return int(self.top.filled(k).cpu().numpy()[self.twins.source].sum())

    def partial(self, layer: str | None = None) -> Partial:
        """What it knows of the batches taken in so far: of all layers, or of the one named."""
        twins = self.twins
        mine = slice(None) if layer is None else twins.span[layer]
        source = twins.source[mine]
        sampled = sorted(self._sampled, key=lambda pair: pair[0])
        rows = [twins.rectified(row)[None, mine] for _, row in sampled]
        numbers = np.array([number for number, _ in sampled], np.int64)
        order = np.argsort(both := np.concatenate([self._rest.sampled, numbers]))
        maxima = self._histograms.counts.cpu().numpy()[source]
        return Partial(
            np.sort(np.array(self._batches, np.int64)),
            dict(sorted(self._bad.items())),
            self.top.to_top(source),
            self.by_class.to_top(of_classes(source, len(self.spec.classes))),
            self._images,
            maxima[:, 0].copy(),
            maxima,
            self._measured,
            carried(self._sums[mine].cpu().numpy()),
            self._zeros[mine].cpu().numpy().copy(),
            both[order],
            np.concatenate([self._rest.sample[:, mine], *rows])[order],
            self._smaller,
        )


class _Looking:
    """What the hooks of one forward pass see."""

    def __init__(
        self, index_pass: IndexPass, numbers: list[int], there: list[bool], measured: list[int]
    ) -> None:
        self._twins, spec = index_pass.twins, index_pass.spec
        device = index_pass.network.device
        self._later = all(there) and min(numbers) > index_pass.newest
        self._numbers, self._there = (
            torch.tensor(part, device=device)[:, None] for part in (numbers, there)
        )
        self._rows: Tensor | slice | None = None
        if measured:
            every = len(measured) == len(numbers)
            self._rows = slice(None) if every else torch.tensor(measured, device=device)
        self._least = index_pass.least
        self._labels: Tensor | None = None
        floor = self._least[0][None]
        if classes := len(spec.classes):
            labels = [int(spec.labels[n]) if n >= 0 else -1 for n in numbers]
            self._labels = torch.tensor(labels, device=device)[:, None]
            at = self._labels[:, 0].clamp(min=0)
            self._least_in_class = tuple(
                part.reshape(-1, classes)[:, at].T for part in index_pass.by_class.least
            )
            floor = torch.minimum(floor, self._least_in_class[0])
        self._floor = floor.clamp(min=FAINTEST)
        self._largest: list[Tensor] = []
        self._places: list[Tensor] = []
        self._means: list[Tensor] = []
        self._zeros: list[Tensor] = []
        self._joined: dict[str, Tensor] = {}

    def visit(self, name: str, output: Tensor) -> None:
        """Look at a layer's output, (images, channels, ...)."""
        maps = output.reshape(*output.shape[:2], -1)
        if name in self._twins.joined:
            self._joined[name] = maps[0].amax(-1)
            self._measure(maps)
            return
        if name not in self._twins.own_span:
            raise _changed(name)
        largest, places = maxima(maps, self._floor[:, self._twins.own_span[name]])
        self._largest.append(largest)
        self._places.append(places)
        self._measure(maps)

    def rectified(self, name: str, output: Tensor) -> None:
        """Measure what a ReLU made of a layer's output; all else is that layer's, `Aliases`."""
        if name in self._twins.own_span or name in self._twins.joined:
            raise _changed(name)
        self._measure(output.reshape(*output.shape[:2], -1))

    def _measure(self, maps: Tensor) -> None:
        if self._rows is not None:
            measured = maps[self._rows]
            self._means.append(measured.mean(-1))
            self._zeros.append(count_zeros(measured))

    def _beats(self, largest: Tensor, value: Tensor, image: Tensor) -> Tensor:
        above = largest > value
        if self._later:  # than all that are ranked: of equal values the earlier image comes first
            return above
        return (above | (largest == value) & (self._numbers < image)) & self._there

    def compare(self, largest: Tensor) -> None:
        """Raise `UnsupportedModel` where a concatenation isn't what it was, by its first image.

        ``largest`` has the maxima of all channels that are looked at, of that image.
        """
        if not self._joined:
            return
        every = self._twins.rectified(largest.cpu().numpy())
        for name, found in self._joined.items():
            mine = every[self._twins.span[name]]
            if not np.array_equal(mine, found.cpu().numpy(), equal_nan=True):
                raise _changed(name)

    def seen(self) -> _Seen:
        """What all layers gave."""
        largest = torch.cat(self._largest, 1)
        entering = in_class = self._beats(largest, *self._least)
        if self._labels is not None:
            in_class = self._beats(largest, *self._least_in_class) & (self._labels >= 0)
        sums = limbs(torch.cat(self._means, 1)) if self._means else None
        zeros = torch.cat(self._zeros) if self._zeros else None
        return _Seen(largest, torch.cat(self._places, 1).int(), entering, in_class, sums, zeros)


def _changed(name: str) -> UnsupportedModel:
    return UnsupportedModel(
        f"Layer {name!r} gets something else than at first: the model must do the same with every "
        "batch."
    )


def count_zeros(maps: Tensor) -> Tensor:
    """How many activations of maps (images, channels, places) aren't above zero: (channels,)."""
    if maps.device.type != "cpu":
        return (maps <= 0).sum((0, 2))
    # NumPy counts several times as quickly as PyTorch sums booleans, and adds bytes quicker than it
    # counts; image by image, so that these stay in the cache and take no new memory.
    zeros = np.zeros(maps.shape[1], np.int64)
    for image in maps.numpy():
        zeros += np.add.reduce((image <= 0).view(np.uint8), axis=1, dtype=np.uint32)
    return torch.from_numpy(zeros)


def limbs(means: Tensor) -> Tensor:
    """Means (images, channels) summed over images exactly: (channels, 2) int64."""
    scaled = means.double().clamp(-LARGEST, LARGEST) * 2.0**COARSE
    whole = scaled.floor()
    rest = ((scaled - whole) * 2.0**36).round()
    return torch.stack([whole.sum(0).long(), rest.sum(0).long()], -1)


def _carried(sums: Tensor) -> Tensor:
    over = sums[:, 1] >> 36
    return torch.stack([sums[:, 0] + over, sums[:, 1] - (over << 36)], -1)
