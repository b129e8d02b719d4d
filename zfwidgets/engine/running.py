"""A pass over the images that can be left at any moment and gone on with."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Generator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ..errors import IndexMismatch, UnsupportedModel
from ..images.source import ImageSource
from ..index.files import writing
from ..index.manifest import Manifest
from ..index.partial import Partial
from ..index.plan import Plan
from ..index.records import LayerShape, TopKIndex
from ..index.storing import FILE, UNFINISHED
from ..records import Progress
from .memory import Memory
from .network import Network
from .topk import IndexPass
from .wanted import SHOWN, Wanted

EVERY = 20.0
"""Seconds between two checkpoints, at least."""
SHARE = 50
"""A checkpoint may take one part in so many of the time."""
WHAT = "Looking at all images once"


@dataclass(frozen=True)
class Task:
    """What a pass is over.

    Attributes
    ----------
    network, source, wanted
        Whose activations, in which images, and what is kept of them.
    fingerprint
        Digests of the weights, the images and the transform.
    manifest, plan
        The images, and which share a batch.
    start, since_removed
        What is known already, of batches that needn't be looked at.
    """

    network: Network
    source: ImageSource
    wanted: Wanted
    fingerprint: Mapping[str, str]
    manifest: Manifest
    plan: Plan
    start: Partial | None = None
    since_removed: int = 0

    def index(
        self, partial: Partial, before: Mapping[str, str], layer: str | None = None
    ) -> TopKIndex:
        """The index that a partial makes; ``before`` is what earlier parts were made with.

        A partial of one ``layer`` makes an index of only that.
        """
        with_this = {
            **setup(self.network),
            "keep": str(self.wanted.keep),
            "pixels": "all" if self.wanted.measured is None else "some",
        }
        made_with = {key: _both(before.get(key), value) for key, value in with_this.items()}
        if partial.smaller:
            made_with["smaller batches"] = (
                f"down to {partial.smaller} images, as the memory ran out: values may differ by "
                "rounding"
            )
        shapes = tuple(
            LayerShape(one.name, *one.shape)
            for one in self.network.layers
            if layer in (None, one.name)
        )
        return TopKIndex(
            partial,
            shapes,
            self.fingerprint,
            self.manifest,
            self.plan,
            self.source.rejected,
            made_with,
            self.source.probe,
            self.wanted.classes,
            self.since_removed,
        )


def setup(network: Network) -> dict[str, str]:
    """What values hinge on, to the last bit, beside weights, pixels and batches.

    Of the processor the instructions that PyTorch makes use of, or a GPU's name: on another one
    kernels may round otherwise.
    """
    device = network.device
    cpu = torch.backends.cpu.get_cpu_capability()
    return {
        "torch": torch.__version__,
        "device": device.type,
        "processor": torch.cuda.get_device_name(device) if device.type == "cuda" else cpu,
        "threads": str(torch.get_num_threads()),
    }


def _both(before: str | None, now: str) -> str:
    values = dict.fromkeys([*(before.split(", ") if before else []), now])
    return ", ".join(values)


class Running:
    """A pass, batch by batch, with checkpoints in a folder.

    Parameters
    ----------
    task
        What it is over.
    memory
        Makes batches smaller where they don't fit.
    folder
        Where it is kept; None keeps it in memory. It is this process's alone until `close`.
    every
        Seconds between two checkpoints.

    Attributes
    ----------
    result
        The index; None until all batches have been taken in.
    note
        Why it can't be kept on disk; empty if nothing is to be said.
    kept
        Whether the index is on disk.

    Raises
    ------
    IndexBusy
        Another process is writing to the folder.
    IndexMismatch
        The folder holds an unfinished pass over something else.
    """

    def __init__(
        self, task: Task, memory: Memory, folder: Path | None = None, every: float = EVERY
    ) -> None:
        self.task, self._memory, self._folder, self._every = task, memory, folder, every
        self._holding = ExitStack()
        self.result: TopKIndex | None = None
        self.note = ""
        self.kept = False
        self._before: Mapping[str, str] = {}
        self._start = task.start
        if folder is not None:
            try:
                self._holding.enter_context(writing(folder))
            except OSError as error:
                self._folder = None
                self.note = f"The index is in memory only, {folder}: {error}."
        try:
            self._find()
            self._begin(self._start)
        except BaseException:
            self.close()
            raise

    def _find(self) -> None:
        """Take up what an earlier pass left in the folder."""
        path = self._folder and self._folder / UNFINISHED
        if not path or not path.exists():
            return
        task = self.task
        found = TopKIndex.load(path, task.fingerprint, task.source.probe, task.manifest)
        if np.array_equal(np.sort(found.plan.slots), np.sort(task.plan.slots)):
            # Another device may have been given other batches: those that were begun stay.
            self.task = task = replace(task, plan=found.plan)
        expected = task.index(
            task.start
            or Partial.empty(
                sum(layer.channels for layer in task.network.layers),
                task.wanted.keep,
                len(task.wanted.classes),
                task.wanted.keep_by_class,
            ),
            {},
        )
        differs = [
            name
            for name, mine, theirs in (
                ("batches", task.plan.digest, found.plan.digest),
                ("images", task.manifest.digest, found.manifest.digest),
                ("layers", expected.shapes, found.shapes),
                ("classes", expected.classes, found.classes),
                ("keep", expected.made_with["keep"], found.made_with.get("keep")),
                ("pixels", expected.made_with["pixels"], found.made_with.get("pixels")),
                (
                    "by_class",
                    expected.partial.by_class.values.shape,
                    found.partial.by_class.values.shape,
                ),
            )
            if mine != theirs
        ]
        if differs:
            raise IndexMismatch(
                f"{path} is an unfinished pass with other settings ({', '.join(differs)}). Ask "
                "for the same as before, or delete it."
            )
        self._start, self._before = found.partial, found.made_with

    def _begin(self, start: Partial | None) -> None:
        task = self.task
        self._pass = IndexPass(task.network, task.plan, task.wanted, start, self._memory)
        done = set() if start is None else set(start.batches.tolist())
        self._sizes = task.plan.sizes()
        self._todo = deque(number for number in range(len(task.plan)) if number not in done)
        self._done = int(sum(self._sizes[number] for number in done))
        self._total = int(self._sizes.sum())
        self._feed: Generator[tuple[int, Tensor | None], None, None] | None = None
        self._spent, self._began_with = 0.0, self._done
        self._saved, self._left = time.monotonic(), -math.inf
        self._pause = self._every
        self._unsaved = False

    def step(self) -> Progress:
        """Take in the next batch; whatever goes wrong, what was taken in before stays."""
        began = time.monotonic()
        try:
            if self._todo:
                self._take(self._todo[0])
                self._done += int(self._sizes[self._todo.popleft()])
            if not self._todo:
                self._finish()
            elif time.monotonic() - self._saved >= self._pause:
                self.save()
        except BaseException:
            self._rewind()
            raise
        self._spent += time.monotonic() - began
        return self.progress()

    def progress(self) -> Progress:
        """How far it is; seconds are of its own steps, not of what goes on between them."""
        fresh = self._done - self._began_with
        rate = fresh / self._spent if fresh and self._spent else None
        left = None if rate is None else (self._total - self._done) / rate
        nine = max(1, min(SHOWN, self._total))
        filled = self._pass.filled(nine), self._pass.channels
        return Progress(self._done, self._total, left, WHAT, rate, filled)

    def _take(self, batch: int) -> None:
        plan, source = self.task.plan, self.task.source
        if self._feed is None:
            self._feed = source.feed(plan.images(self._todo))
        numbers = plan.batch(batch).tolist()
        came = dict(islice(self._feed, sum(number >= 0 for number in numbers)))
        bad = {number: source.problem(number) for number, t in came.items() if t is None}
        self._pass.take(batch, [came.get(number) for number in numbers], bad)
        self._unsaved = True

    @property
    def kept_in_memory(self) -> bool:
        """Whether what is known now is nowhere else."""
        return self._unsaved or not self._folder

    def so_far(self, layer: str | None = None) -> TopKIndex:
        """The index of the batches taken in so far, maybe of one layer only."""
        return self.task.index(self._pass.partial(layer), self._before, layer)

    def _finish(self) -> None:
        index = self.so_far()
        if not index.partial.images:
            why = "; ".join(f"{name}: {reason}" for name, reason in index.skipped[:3])
            raise UnsupportedModel(f"None of the images can be read ({why}).")
        if self._folder:
            try:
                index.save(self._folder / FILE)
                (self._folder / UNFINISHED).unlink(missing_ok=True)
                self.note, self.kept = "", True
            except OSError as error:
                self.note = f"The index is in memory only, {self._folder}: {error}."
        self._unsaved = False
        self.result = index
        self.close()

    def save(self) -> None:
        """Keep what is known now, if there's a folder; what can't be written is noted."""
        if not self._folder or not self._unsaved:
            return
        started = time.monotonic()
        try:
            self.so_far().save(self._folder / UNFINISHED)
            self.note, self._unsaved = "", False
        except OSError as error:
            self.note = f"The pass can't be kept on disk, {self._folder}: {error}."
        self._saved = time.monotonic()
        self._pause = max(self._every, SHARE * (self._saved - started))

    def _rewind(self) -> None:
        """After something went wrong: forget what was read ahead, keep what is known."""
        self._stop_reading()
        if self._pass.spoiled:  # interrupted in the moment of merging
            self._find()
            self._begin(self._start)
        else:
            self.save()

    def _stop_reading(self) -> None:
        if self._feed is not None:
            self._feed.close()
            self._feed = None

    def close(self) -> None:
        """Stop reading ahead, and let others write to the folder."""
        self._stop_reading()
        self._holding.close()

    def leave(self, within: float = 2.0) -> None:
        """Nobody asks for the next step: keep what is known, unless it was just left before."""
        if time.monotonic() - self._left >= within:
            self.save()
            self._left = time.monotonic()
