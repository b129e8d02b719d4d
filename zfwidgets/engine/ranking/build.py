"""A pass over the images that can be left at any moment and gone on with."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import numpy as np

from ...errors import IndexMismatch, UnsupportedModel
from ...index.partial import Partial
from ...index.records import TopKIndex
from ...index.storing import FILE, UNFINISHED, load, save
from ...records import Progress
from ...storage.files import writing
from ..network.memory import Memory
from .executors import ExecutorFactory, LocalExecutor, Task
from .ranking_spec import SHOWN

EVERY = 20.0
"""Seconds between two checkpoints, at least."""
SHARE = 50
"""A checkpoint may take one part in so many of the time."""
WHAT = "Looking at all images once"


class IndexBuild:
    """A pass, step by step, with checkpoints in a folder.

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
    factory
        How batches are computed.

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
        self,
        task: Task,
        memory: Memory,
        folder: Path | None = None,
        every: float = EVERY,
        factory: ExecutorFactory = LocalExecutor,
    ) -> None:
        self.task, self._memory, self._folder, self._every = task, memory, folder, every
        self.factory = factory
        self._holding = ExitStack()
        self.result: TopKIndex | None = None
        self.note = ""
        self.kept = False
        self._before: Mapping[str, str] = task.made_with
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
            self._holding.close()
            raise

    def _find(self) -> None:
        """Take up what an earlier pass left in the folder."""
        path = self._folder and self._folder / UNFINISHED
        if not path or not path.exists():
            return
        task = self.task
        found = load(path, task.fingerprint, task.source.probe, task.manifest)
        if np.array_equal(np.sort(found.plan.slots), np.sort(task.plan.slots)):
            # Another device may have been given other batches: those that were begun stay.
            self.task = task = replace(task, plan=found.plan)
        expected = task.index(task.start or task.empty(), {})
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
        task.source.conditions.take_over(found.partial.bad, found.on_white, {})

    def _begin(self, start: Partial | None) -> None:
        task = self.task
        done = set() if start is None else set(start.batches.tolist())
        todo = [number for number in range(len(task.plan)) if number not in done]
        self._executor = self.factory(task, start, todo, self._memory)
        self._sizes = task.plan.sizes()
        self._done = int(sum(self._sizes[number] for number in done))
        self._total = int(self._sizes.sum())
        self._spent, self._began_with = 0.0, self._done
        self._saved, self._left = time.monotonic(), -math.inf
        self._pause = self._every
        self._unsaved = False

    def step(self) -> Progress:
        """Take in what comes next; whatever goes wrong, what was taken in before stays."""
        began = time.monotonic()
        try:
            taken = self._executor.take()
            self._done += int(self._sizes[taken].sum())
            self._unsaved = self._unsaved or bool(taken)
            if self._executor.finished:
                self._finish()
            elif time.monotonic() - self._saved >= self._pause:
                self.save()
        except BaseException:
            self._rewind()
            raise
        self._spent += time.monotonic() - began
        return self.progress()

    def progress(self) -> Progress:
        """How far it is; seconds are of its own steps and waits, not of what goes on between."""
        fresh = self._done - self._began_with
        rate = fresh / self._spent if fresh and self._spent else None
        left = None if rate is None else (self._total - self._done) / rate
        nine = max(1, min(SHOWN, self._total))
        return Progress(self._done, self._total, left, WHAT, rate, self._executor.filled(nine))

    def wait(self) -> None:
        """Until there may be something to take in; from any thread."""
        began = time.monotonic()
        self._executor.wait()
        self._spent += time.monotonic() - began

    @property
    def kept_in_memory(self) -> bool:
        """Whether what is known now is nowhere else."""
        return self._unsaved or not self._folder

    def so_far(self, layer: str | None = None) -> TopKIndex:
        """The index of the batches taken in so far, maybe of one layer only."""
        executor = self._executor
        return self.task.index(executor.partial(layer), self._before, executor.machines(), layer)

    def _finish(self) -> None:
        index = self.so_far()
        if not index.partial.images:
            why = "; ".join(f"{name}: {reason}" for name, reason in index.skipped[:3])
            raise UnsupportedModel(f"None of the images can be read ({why}).")
        if self._folder:
            try:
                save(index, self._folder / FILE)
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
            save(self.so_far(), self._folder / UNFINISHED)
            self.note, self._unsaved = "", False
        except OSError as error:
            self.note = f"The pass can't be kept on disk, {self._folder}: {error}."
        self._saved = time.monotonic()
        self._pause = max(self._every, SHARE * (self._saved - started))

    def _rewind(self) -> None:
        """After something went wrong: forget what was read ahead, keep what is known."""
        self._executor.stop()
        if self._executor.spoiled:  # interrupted in the moment of merging
            self._find()
            self._begin(self._start)
        else:
            self.save()

    def close(self) -> None:
        """Let go of what was begun, and let others write to the folder."""
        self._executor.stop()
        self._holding.close()

    def leave(self, within: float = 2.0) -> None:
        """Nobody asks for the next step: keep what is known, unless it was just left before."""
        if time.monotonic() - self._left >= within:
            self.save()
            self._left = time.monotonic()
