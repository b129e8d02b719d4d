"""How the batches of a pass get computed: in this process, or (`cluster`) on other machines."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, islice
from typing import Protocol

import torch
from torch import Tensor

from ...images.source import ImageSource
from ...index.manifest import Manifest
from ...index.partial import Partial
from ...index.plan import Plan
from ...index.records import LayerShape, TopKIndex
from ..network.memory import Memory
from ..network.network import Network
from .index_pass import IndexPass
from .ranking_spec import RankingSpec

MACHINE = ("torch", "device", "processor", "threads")
"""What of a machine decides how values are rounded."""


@dataclass(frozen=True)
class Task:
    """What a pass is over.

    Attributes
    ----------
    network, source, spec
        What is run, the images it sees, and what is kept of its activations.
    fingerprint
        Digests of the weights, the images and the transform.
    manifest, plan
        The images, and which share a batch.
    start, since_removed, made_with
        What is known already, of batches that needn't be looked at, and on what machines it was
        computed.
    """

    network: Network
    source: ImageSource
    spec: RankingSpec
    fingerprint: Mapping[str, str]
    manifest: Manifest
    plan: Plan
    start: Partial | None = None
    since_removed: int = 0
    made_with: Mapping[str, str] = field(default_factory=dict)

    def empty(self) -> Partial:
        """What is known before the first batch."""
        channels = sum(layer.channels for layer in self.network.layers)
        spec = self.spec
        return Partial.empty(channels, spec.keep, len(spec.classes), spec.keep_by_class)

    def rows(self, layer: str) -> slice:
        """A layer's channels among those of all layers."""
        names = [one.name for one in self.network.layers]
        ends = list(accumulate((one.channels for one in self.network.layers), initial=0))
        at = names.index(layer)
        return slice(ends[at], ends[at + 1])

    def index(
        self,
        partial: Partial,
        before: Mapping[str, str],
        machines: Mapping[str, str] | None = None,
        layer: str | None = None,
    ) -> TopKIndex:
        """The index that a partial makes.

        Parameters
        ----------
        partial
            What is known.
        before
            What its earlier parts were made with.
        machines
            What it was computed on: `setup`, or several of them joined. None: this process.
        layer
            The only one that the partial is of; None: it's of all.
        """
        if machines is None:
            machines = setup(self.network)
        with_this = {
            **machines,
            "keep": str(self.spec.keep),
            "pixels": "all" if self.spec.measured is None else "some",
        }
        made_with = joined(before, with_this)
        if partial.smaller:
            made_with["smaller batches"] = (
                f"down to {partial.smaller} images, as the memory ran out: values may differ by "
                "rounding"
            )
        several = [name for name in MACHINE if SEVERAL in made_with.get(name, "")]
        if several:
            made_with["rounding"] = f"made with several ({', '.join(several)}): values may differ"
        shapes = tuple(s for s in shapes_of(self.network) if layer in (None, s.name))
        return TopKIndex(
            partial,
            shapes,
            self.fingerprint,
            self.manifest,
            self.plan,
            tuple(self.source.images.rejected),
            made_with,
            self.source.probe,
            self.spec.classes,
            self.since_removed,
            tuple(sorted(self.source.conditions.on_white)),
        )


def shapes_of(network: Network) -> tuple[LayerShape, ...]:
    """A network's layers, as an index knows them."""
    return tuple(LayerShape(one.name, *one.shape) for one in network.layers)


SEVERAL = ", "


def joined(before: Mapping[str, str], now: Mapping[str, str]) -> dict[str, str]:
    """Descriptions of two parts; where they differ, all that there is."""
    both = dict(before)
    for key, value in now.items():
        values = [*before[key].split(SEVERAL), *value.split(SEVERAL)] if key in before else [value]
        both[key] = SEVERAL.join(dict.fromkeys(values))
    return both


def setup(network: Network) -> dict[str, str]:
    """What values hinge on, to the last bit, beside weights, pixels and batches.

    The instructions of the processor that PyTorch makes use of, or a GPU's name: on another one
    kernels may round otherwise.
    """
    device = network.device
    cpu = torch.backends.cpu.get_cpu_capability()
    processor = torch.cuda.get_device_name(device) if device.type == "cuda" else cpu
    values = (torch.__version__, device.type, processor, str(torch.get_num_threads()))
    return dict(zip(MACHINE, values, strict=True))


class Executor(Protocol):
    """Computes batches and knows what came of them."""

    def take(self) -> list[int]:
        """Take in what comes next: the numbers of its batches, maybe none yet.

        Whatever goes wrong, what was taken in before stays.
        """

    def wait(self) -> None:
        """Until there may be something to take, or a moment has passed; from any thread."""

    def partial(self, layer: str | None = None) -> Partial:
        """What is known of all batches taken in so far, those of the start among them.

        For all layers, or for the one named.
        """

    def filled(self, k: int) -> tuple[int, int]:
        """How many channels have k activations above zero so far, and how many there are."""

    def machines(self) -> Mapping[str, str]:
        """What the batches taken in here were computed on; see `setup`."""

    @property
    def finished(self) -> bool:
        """Whether all batches have been taken in."""

    @property
    def spoiled(self) -> bool:
        """Whether what is known was lost, by an interrupt in the moment of merging."""

    def stop(self) -> None:
        """Let go of what was begun and not taken in; `take` begins it anew."""


ExecutorFactory = Callable[[Task, "Partial | None", Sequence[int], Memory], Executor]
"""Makes one for a task, of which something is known already, and the batches that are left."""


class LocalExecutor:
    """Batches computed in this process, one after another, their images read ahead."""

    def __init__(
        self, task: Task, start: Partial | None, todo: Sequence[int], memory: Memory
    ) -> None:
        self._task, self._todo = task, deque(todo)
        self._pass = IndexPass(task.network, task.plan, task.spec, start, memory)
        self._feed: Generator[tuple[int, Tensor | None], None, None] | None = None

    def take(self) -> list[int]:
        """Take in the next batch."""
        if not self._todo:
            return []
        plan, source = self._task.plan, self._task.source
        if self._feed is None:
            self._feed = source.feed(plan.images(self._todo))
        take_in(self._pass, plan, self._todo[0], self._feed, source.conditions.problem)
        return [self._todo.popleft()]

    def wait(self) -> None:
        """There is always something to take."""

    def partial(self, layer: str | None = None) -> Partial:
        """What is known so far."""
        return self._pass.partial(layer)

    def filled(self, k: int) -> tuple[int, int]:
        """See `Executor.filled`."""
        return self._pass.filled(k), self._pass.twins.channels

    def machines(self) -> Mapping[str, str]:
        """The one that this process runs on."""
        return setup(self._task.network)

    @property
    def finished(self) -> bool:
        """Whether all batches have been taken in."""
        return not self._todo

    @property
    def spoiled(self) -> bool:
        """See `IndexPass.take`."""
        return self._pass.spoiled

    def stop(self) -> None:
        """Stop reading ahead."""
        if self._feed is not None:
            self._feed.close()
            self._feed = None


def take_in(
    index_pass: IndexPass,
    plan: Plan,
    batch: int,
    feed: Iterator[tuple[int, Tensor | None]],
    problem: Callable[[int], str],
) -> None:
    """Take a batch in, whose images come next in a feed of image numbers and tensors.

    ``problem`` says of a number why there is no tensor.
    """
    numbers = plan.batch(batch).tolist()
    came = dict(islice(feed, sum(number >= 0 for number in numbers)))
    bad = {number: problem(number) for number, tensor in came.items() if tensor is None}
    index_pass.take(batch, [came.get(number) for number in numbers], bad)
