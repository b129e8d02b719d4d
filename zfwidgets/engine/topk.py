"""Streaming top-k: one pass over the images gives every channel of every layer its strongest.

In the forward pass each feature map is reduced to its maximum; places are looked up only for what
enters the top. After it all layers are merged at once, their channels one after another. Memory is
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

from ..errors import UnsupportedModel
from ..index.exact import BINS, COARSE, FIRST_KEY, LARGEST, SHIFT, carried
from ..index.partial import Partial
from ..index.plan import Plan
from .memory import Memory
from .modes import computing
from .network import Network
from .ranks import Ranks, Twins
from .wanted import Wanted


@dataclass
class _Seen:
    """What a forward pass of part of a batch showed, (images, channels) each."""

    largest: Tensor
    entering: Tensor
    places: Tensor
    in_class: Tensor
    sums: Tensor
    zeros: Tensor


class IndexPass:
    """A pass over batches of a plan.

    A batch counts once it has been taken in whole: what fails or is interrupted in the middle
    leaves the pass as it was, except (`spoiled`) in the moment of merging.

    Parameters
    ----------
    network, plan, wanted
        Of what, in which batches, what is to be kept.
    start
        What is known already; see `partial`.
    memory
        Makes batches smaller where they don't fit.
    """

    def __init__(
        self,
        network: Network,
        plan: Plan,
        wanted: Wanted,
        start: Partial | None = None,
        memory: Memory | None = None,
    ) -> None:
        self._network, self._plan, self._wanted = network, plan, wanted
        self._memory = memory or Memory(network.device)
        device = network.device
        self._span: dict[str, slice] = {}
        end = 0
        for layer in network.layers:
            self._span[layer.name] = slice(end, end + layer.channels)
            end += layer.channels
        start = start or Partial.empty(end, wanted.keep, len(wanted.classes), wanted.keep_by_class)
        self._rest = replace(start, batches=np.empty(0, np.int64), bad={})
        self._batches, self._bad = [int(i) for i in start.batches], dict(start.bad)
        self._top = Ranks.of(start.top, device)
        self._by_class = Ranks.of(start.by_class, device)
        self._maxima, self._sums, self._zeros = (
            torch.from_numpy(getattr(start, name).copy()).to(device)
            for name in ("maxima", "sums", "zeros")
        )
        self._twins = Twins(network, self._span)
        self._newest = max(
            int(start.top.images.max(initial=-1)), int(start.by_class.images.max(initial=-1))
        )
        self._images, self._measured, self._smaller = start.images, start.measured, start.smaller
        self._sampled: list[tuple[int, Tensor]] = []
        self.spoiled = False

    @property
    def images(self) -> int:
        """How many images are in it."""
        return self._images

    @property
    def channels(self) -> int:
        """How many channels all layers have together."""
        return len(self._maxima)

    def take(
        self, batch: int, tensors: Sequence[Tensor | None], bad: Mapping[int, str] | None = None
    ) -> None:
        """Take in a batch.

        Parameters
        ----------
        batch
            Its number in the plan.
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
            with computing(self._network.device):
                self._merge(numbers[there], there, parts)
        self._batches.append(batch)
        self._bad.update(bad or {})
        if smaller:
            self._smaller = min(self._smaller or smaller, smaller)
        self.spoiled = False

    def _look(self, items: Sequence[tuple[int, Tensor | None]]) -> _Seen:
        """One forward pass; leaves nothing behind."""
        device, wanted = self._network.device, self._wanted
        shape = self._network.input_shape
        with computing(device):
            zeros = torch.zeros(shape)
            pixels = torch.stack([zeros if t is None else t for _, t in items]).to(device)
            there = torch.tensor([t is not None for _, t in items], device=device)[:, None]
            numbers = torch.tensor([n for n, _ in items], dtype=torch.int32, device=device)[:, None]
            measured = [i for i, (n, t) in enumerate(items) if t is not None and wanted.measures(n)]
            looking = _Looking(self, numbers, there, measured)
            self._network.run(pixels, looking.visit, rectified=looking.rectified)
            seen = looking.seen()
            self._check(seen.largest, numbers, there)
        return seen

    def _check(self, largest: Tensor, numbers: Tensor, there: Tensor) -> None:
        if torch.isfinite(largest.sum()):
            return
        wrong = ~torch.isfinite(largest) & there
        if not wrong.any():
            return
        for name, span in self._span.items():
            for image, channel in wrong[:, span].nonzero().tolist():
                raise UnsupportedModel(
                    f"Layer {name!r} gives {largest[:, span][image, channel].item()} in channel "
                    f"{channel} for image {int(numbers[image])}: its activations can't be ranked. "
                    "Check the weights and the transform."
                )

    def _merge(self, numbers: np.ndarray, there: list[int], parts: list[_Seen]) -> None:
        """Count the images in these places of a batch."""
        device = self._network.device
        images = torch.from_numpy(numbers.astype(np.int32)).to(device)

        def joined(name: str) -> Tensor:
            whole = [getattr(part, name) for part in parts]
            rows = whole[0] if len(whole) == 1 else torch.cat(whole)
            return rows if len(there) == len(rows) else rows[there]

        largest, entering, places = (joined(name) for name in ("largest", "entering", "places"))
        self._top.enter(entering, largest, images, places)
        self._twins.follow(self._top, entering)
        if len(self._wanted.classes):
            self._enter_classes(numbers, joined("in_class"), largest, images, places)
        self._count(largest)
        for part in parts:
            if len(part.sums):
                self._sums = _carried(self._sums + part.sums)
                self._zeros += part.zeros
        self._measured += sum(self._wanted.measures(int(n)) for n in numbers)
        self._images += len(there)
        self._newest = max(self._newest, int(numbers.max()))
        for i, number in enumerate(numbers.tolist()):
            if number in self._wanted.sampled:
                self._sampled.append((number, largest[i].cpu().clone()))

    def _count(self, largest: Tensor) -> None:
        """Add maxima (images, channels) to histograms; see `zfwidgets.index.exact.bins_of`."""
        rows = self._twins.others
        values = largest.T[rows].contiguous()
        bins = (values.view(torch.int32) >> SHIFT).sub_(FIRST_KEY - 1).clamp_(1, BINS - 1)
        bins = bins.mul_(values > 0).add_((rows * BINS).int()[:, None])
        ones = torch.ones(1, dtype=torch.int64, device=bins.device).expand(bins.numel())
        self._maxima.view(-1).index_add_(0, bins.flatten(), ones)

    def _enter_classes(
        self, numbers: np.ndarray, entering: Tensor, values: Tensor, images: Tensor, places: Tensor
    ) -> None:
        labels = self._wanted.labels[numbers]
        classes = len(self._wanted.classes)
        for label in np.unique(labels[labels >= 0]).tolist():
            at = torch.from_numpy(np.flatnonzero(labels == label)).to(values.device)
            mine = [part[at] for part in (entering, values, images, places)]
            of_class = Ranks(*(part[label::classes] for part in vars(self._by_class).values()))
            of_class.enter(*mine)  # a view: what is written there is written here

    def filled(self, k: int) -> int:
        """How many channels have k activations above zero so far."""
        return self._top.filled(k)

    def partial(self, layer: str | None = None) -> Partial:
        """What it knows of the batches taken in so far: of all layers, or of the one named."""
        mine = slice(None) if layer is None else self._span[layer]
        classes = len(self._wanted.classes)
        in_class = slice(None)
        if layer is not None:
            in_class = slice(mine.start * classes, mine.stop * classes)
        sampled = sorted(self._sampled, key=lambda pair: pair[0])
        rows = [row.numpy()[None, mine] for _, row in sampled]
        numbers = np.array([number for number, _ in sampled], np.int64)
        order = np.argsort(both := np.concatenate([self._rest.sampled, numbers]))
        maxima = self._twins.copied(self._maxima)[mine]
        return Partial(
            np.sort(np.array(self._batches, np.int64)),
            dict(sorted(self._bad.items())),
            self._top.to_top(mine),
            self._by_class.to_top(in_class),
            self._images,
            maxima[:, 0].cpu().numpy().copy(),
            maxima.cpu().numpy().copy(),
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
        self, running: IndexPass, numbers: Tensor, there: Tensor, measured: list[int]
    ) -> None:
        self._pass, self._numbers, self._there = running, numbers, there
        self._all_there = bool(there.all())
        self._later = self._all_there and int(numbers.min()) > running._newest
        self._rows: Tensor | slice | None = None
        if measured:
            every = len(measured) == len(numbers)
            self._rows = slice(None) if every else torch.tensor(measured, device=numbers.device)
        wanted = running._wanted
        self._least = running._top.least
        self._labels: Tensor | None = None
        if len(wanted.classes):
            self._least_in_class = running._by_class.least
            at = numbers[:, 0].long()
            labels = torch.from_numpy(wanted.labels).to(at.device)
            self._labels = torch.where(at >= 0, labels[at.clamp(min=0)], -1)
        self._parts: dict[str, list[Tensor]] = {name: [] for name in _Seen.__dataclass_fields__}

    def visit(self, name: str, output: Tensor) -> None:
        """Look at a layer's output, (images, channels, ...)."""
        if name in self._pass._network.rectified:
            raise UnsupportedModel(
                f"Layer {name!r} gets something else than at first: the model must do the same "
                "with every batch."
            )
        maps = output.reshape(*output.shape[:2], -1)
        largest = maps.amax(-1)
        self._parts["places"].append(first_places(maps, self._rank(name, largest)))
        self._measure(maps)

    def rectified(self, name: str, output: Tensor) -> None:
        """Look at what a ReLU made of the output seen just before: its maxima are known.

        And so are places: what is above zero and enters the ReLU's ranks entered those of the
        channel that it rectifies; of what isn't, the first place is the largest.
        """
        largest = self._parts["largest"][-1].clamp(min=0)
        self._rank(name, largest)
        self._parts["places"].append(self._parts["places"][-1] * (largest > 0))
        self._measure(output.reshape(*output.shape[:2], -1))

    def _rank(self, name: str, largest: Tensor) -> Tensor:
        """Note maxima (images, channels), and which enter a top; of these places are needed."""
        span = self._pass._span[name]
        entering = self._beats(largest, *(part[span] for part in self._least))
        if name in self._pass._network.rectified:
            entering &= ~self._pass._twins.same[span]
        self._parts["largest"].append(largest)
        self._parts["entering"].append(entering)
        if self._labels is None:
            return entering
        in_class = self._enters_class(largest, span)
        self._parts["in_class"].append(in_class)
        return entering | in_class

    def _measure(self, maps: Tensor) -> None:
        if self._rows is not None:
            measured = maps[self._rows]
            self._parts["sums"].append(limbs(measured.mean(-1)))
            self._parts["zeros"].append((measured <= 0).sum((0, 2)))

    def _beats(self, largest: Tensor, value: Tensor, image: Tensor) -> Tensor:
        above = largest > value
        if self._later:  # than all that are ranked: of equal values the earlier image comes first
            return above
        return (above | (largest == value) & (self._numbers < image)) & self._there

    def _enters_class(self, largest: Tensor, span: slice) -> Tensor:
        assert self._labels is not None
        classes = len(self._pass._wanted.classes)
        rows = slice(span.start * classes, span.stop * classes)
        label = self._labels.clamp(min=0)
        value, image = (
            part[rows].reshape(-1, classes)[:, label].T for part in self._least_in_class
        )
        return self._beats(largest, value, image) & (self._labels >= 0)[:, None]

    def seen(self) -> _Seen:
        empty = torch.empty(0)
        joined = {
            name: torch.cat(parts, 0 if name in ("sums", "zeros") else 1) if parts else empty
            for name, parts in self._parts.items()
        }
        if self._labels is None:
            joined["in_class"] = joined["entering"]
        return _Seen(**joined)


def first_places(maps: Tensor, wanted: Tensor) -> Tensor:
    """The first largest place of the maps (images, channels, places) that are wanted; else 0."""
    if maps.device.type != "cpu":  # looking at all is quicker than waiting to know which
        return maps.argmax(-1).int()
    places = torch.zeros(wanted.shape, dtype=torch.int32)
    if maps.shape[-1] == 1:
        return places
    image, channel = wanted.nonzero(as_tuple=True)
    if 2 * len(image) > wanted.numel():
        return maps.argmax(-1).int()
    places[image, channel] = maps[image, channel].argmax(-1).int()
    return places


def limbs(means: Tensor) -> Tensor:
    """Means (images, channels) summed over images exactly: (channels, 2) int64."""
    scaled = means.double().clamp(-LARGEST, LARGEST) * 2.0**COARSE
    whole = scaled.floor()
    rest = ((scaled - whole) * 2.0**36).round()
    return torch.stack([whole.sum(0).long(), rest.sum(0).long()], -1)


def _carried(sums: Tensor) -> Tensor:
    over = sums[:, 1] >> 36
    return torch.stack([sums[:, 0] + over, sums[:, 1] - (over << 36)], -1)
