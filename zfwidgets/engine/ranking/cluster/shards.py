"""Batches of a pass computed in another process: what is sent there, and what comes back.

Knows nothing of who carries it. What all shards have in common (`Job`) goes to each machine once; a
`Shard` has the numbers of its batches and, of files, its own paths; what comes back (`Findings`) is
a `Partial` in few bytes, whatever the number of images.
"""

from __future__ import annotations

import copy
import socket
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ....errors import ClusterError, UnsupportedModel, ZfError
from ....images.sets.base import Files, ImageSet, file_stamp
from ....images.sets.items import Items
from ....images.source import ImageSource
from ....index.partial import Partial
from ....index.plan import Plan
from ....index.storing import PROBE_TOLERANCE, narrowed, widened
from ....records import Ints
from ...network.memory import Memory
from ...network.network import Forward, Network
from ..executors import Task, setup, take_in
from ..index_pass import IndexPass
from ..ranking_spec import RankingSpec


@dataclass(frozen=True)
class Precision:
    """PyTorch's settings that decide how values are rounded."""

    threads: int
    tf32: bool
    matmul: str
    deterministic: bool
    benchmark: bool

    @classmethod
    def now(cls, threads: int | None = None) -> Precision:
        """As this process has them, but for the number of threads."""
        cudnn = torch.backends.cudnn
        return cls(
            threads or torch.get_num_threads(),
            cudnn.allow_tf32,
            torch.get_float32_matmul_precision(),
            cudnn.deterministic,
            cudnn.benchmark,
        )

    def take_on(self) -> None:
        """Set them for all of this process."""
        cudnn = torch.backends.cudnn
        torch.set_num_threads(self.threads)
        torch.set_float32_matmul_precision(self.matmul)
        cudnn.allow_tf32, cudnn.deterministic = self.tf32, self.deterministic
        cudnn.benchmark = self.benchmark


@dataclass(frozen=True)
class Job:
    """What all shards of a pass have in common.

    Attributes
    ----------
    module, forward
        The frozen copy of the model, on the CPU, and how it is called.
    fingerprint
        Fingerprint of the network.
    source
        Transform and image set; of files only the first that can be read, as number 0.
    first, example
        The number of that image, and what the transform made of it.
    spec
        What is kept.
    device, precision
        What to compute on, and how.
    readers
        How many images are read at once.
    """

    module: nn.Module
    forward: Forward | None
    fingerprint: str
    source: ImageSource
    first: int
    example: Tensor
    spec: RankingSpec
    device: str
    precision: Precision
    readers: int

    @classmethod
    def of(cls, task: Task, device: str, precision: Precision, readers: int) -> Job:
        """The job of a pass."""
        network, source = task.network, task.source
        first = source.first
        few = files_of(source.images, [first])
        return cls(
            copy.deepcopy(network.module).cpu(),
            network.forward,
            network.fingerprint,
            source.over(few or source.images),
            0 if few else first,
            source.example(),
            task.spec,
            device,
            precision,
            readers,
        )

    def parts(self) -> dict[str, Any]:
        """What of it is the user's own, in words."""
        images, transform = self.source.images, self.source.transform
        return {
            "model": self.module,
            "function forward": self.forward,
            "transform": transform,
            "dataset": getattr(images, "items", images),
        }


@dataclass(frozen=True)
class Shard:
    """Some batches of a plan.

    Attributes
    ----------
    batches
        Their numbers in the plan.
    plan
        These batches alone.
    images
        The files, in the order of the plan; None if the job has all images.
    stamps
        What the images' files had when the pass began, in the order of the plan.
    careful
        Whether each image is read in a process that may die of it.
    """

    batches: Ints
    plan: Plan
    images: ImageSet | None
    stamps: Sequence[str]
    careful: bool = False

    @classmethod
    def of(cls, task: Task, batches: Sequence[int]) -> Shard:
        """Batches of a pass."""
        plan = task.plan.part(batches)
        images = plan.images(range(len(plan)))
        stamps = [task.manifest.stamps[image] for image in images]
        numbers = np.array(batches, np.int64)
        return cls(numbers, plan, files_of(task.source.images, images), stamps)

    @property
    def numbers(self) -> list[int]:
        """Indices of the shard's images, in the order of the plan."""
        return self.plan.images(range(len(self.plan)))


@dataclass(frozen=True)
class Findings:
    """What came of a shard.

    Attributes
    ----------
    arrays, about
        The partial, packed; see `partial`.
    on_white, labels
        Images with transparent parts, and class names that weren't known before reading.
    unlike
        Images whose files have another size there, or aren't there.
    made_with, host
        What it was computed with, and where.
    seconds
        How long it took.
    """

    arrays: Mapping[str, NDArray[Any]]
    about: Mapping[str, Any]
    on_white: list[int]
    labels: dict[int, str]
    unlike: list[int]
    made_with: dict[str, str]
    host: str
    seconds: float

    def partial(self) -> Partial:
        """What is known of the shard's batches."""
        return Partial.of_arrays(widened(self.arrays), self.about)


class Worker:
    """Computes shards of one job in this process.

    Raises
    ------
    ClusterError
        This machine reads the first image otherwise than where the job comes from, or not at all,
        or sees another network.
    """

    def __init__(self, job: Job) -> None:
        self._job, self._host = job, socket.gethostname()
        job.precision.take_on()
        self._decoding = self._check_reading()
        self._network = Network(job.module, job.example, job.device, job.forward)
        if self._network.fingerprint != job.fingerprint:
            raise ClusterError(
                f"{self._host} sees another network than where the pass was begun: its code or "
                f"PyTorch differ (PyTorch {torch.__version__} there). Install the same on all "
                "machines."
            )
        self._memory = Memory(self._network.device)

    def _check_reading(self) -> dict[str, str]:
        """Whether the first image becomes the same tensor here; what to know of it."""
        job = self._job
        name = job.source.names[job.first]
        try:
            mine = job.source.tensor(job.first)
        except ZfError as error:
            raise ClusterError(
                f"{self._host} can't read the image {name!r}: {error}. All machines must see the "
                "images where the pass was begun sees them: put them on a disk that all share, or "
                "at the same place on each, and take a path that doesn't depend on the folder that "
                "Python runs in."
            ) from error
        if mine.shape != job.example.shape:
            far = float("inf")
        else:
            far = float((mine - job.example).abs().max())
        if far > PROBE_TOLERANCE * float(job.example.abs().max()):
            raise ClusterError(
                f"{self._host} makes another tensor of the image {name!r} (differs by {far:.4g}): "
                "the file, Pillow or torchvision differ. All machines must have the same."
            )
        if not far:
            return {}
        return {"decoding": f"pixels of other machines differ by up to {far:.1g}"}

    def look(self, shard: Shard) -> Findings:
        """Compute a shard.

        Raises
        ------
        UnsupportedModel
            The model fails; names the images and the machine.
        """
        began = time.perf_counter()
        numbers = shard.numbers
        source = self._job.source if shard.images is None else self._job.source.over(shard.images)
        at = numbers if shard.images is None else list(range(len(numbers)))
        labels = [source.labels[i] for i in at]
        index_pass = IndexPass(self._network, shard.plan, self._job.spec, None, self._memory)
        try:
            self._take_all(index_pass, shard, source, dict(zip(numbers, at, strict=True)))
        except ZfError as error:
            raise UnsupportedModel(f"{error} (On {self._host}.)") from error
        except Exception as error:
            names = [source.names[i] for i in at]
            raise UnsupportedModel(
                f"{self._network.name} fails on {self._host}, at one of {len(names)} images from "
                f"{names[0]!r} to {names[-1]!r}: {type(error).__name__}: {error}"
            ) from error
        arrays, about = replace(index_pass.partial(), batches=np.sort(shard.batches)).to_arrays()
        rows = list(zip(numbers, at, labels, shard.stamps, strict=True))
        on_white = source.conditions.on_white
        return Findings(
            narrowed(arrays),
            about,
            [n for n, i, _, _ in rows if i in on_white],
            {n: now for n, i, before, _ in rows if before is None and (now := source.labels[i])},
            [n for n, i, _, stamp in rows if not same(source, i, stamp)],
            {**setup(self._network), **self._decoding},
            self._host,
            time.perf_counter() - began,
        )

    def _take_all(
        self, index_pass: IndexPass, shard: Shard, source: ImageSource, at: Mapping[int, int]
    ) -> None:
        def feed() -> Generator[tuple[int, Tensor | None], None, None]:
            readings = source.feed(at.values(), self._job.readers, careful=shard.careful)
            with closing(readings):
                for number, (_, tensor) in zip(at, readings, strict=True):
                    yield number, tensor

        with closing(feed()) as coming:
            for batch in range(len(shard.plan)):
                take_in(
                    index_pass,
                    shard.plan,
                    batch,
                    coming,
                    lambda n: source.conditions.problem(at[n]),
                )


def files_of(images: ImageSet, numbers: Sequence[int]) -> Files | None:
    """Some files of a set, at their full paths; None if it isn't one of files."""
    if not isinstance(images, Files):
        return None
    part = images.part(numbers)
    part.paths = [path.absolute() for path in part.paths]
    return part


def file_of(images: ImageSet, number: int) -> Path | None:
    """Where an image is; None if that isn't known."""
    if isinstance(images, Files):
        return images.paths[number]
    if isinstance(images, Items) and images.files:
        return images.files[number]
    return None


def same(source: ImageSource, number: int, stamp: str) -> bool:
    """Whether an image's file has the size that it had; copies have other times."""
    path = file_of(source.images, number)
    return path is None or file_stamp(path).split(" ")[0] == stamp.split(" ")[0]
