"""A pass over many machines, through Ray: ``engine.index(cluster=...)``.

Ray finds room, starts workers and starts them again, sends the model once to each machine, and
carries results. What is done here: cutting the plan into shards that take a while each, merging
what comes back (O(channels x k), in any order to the same bits), and saying what went wrong.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from math import ceil
from typing import Any

import numpy as np

from ....errors import ClusterError, InputError
from ....images.sets.base import file_stamp
from ....index.partial import EMPTY, Partial
from ...network.memory import Memory
from ..executors import ExecutorFactory, Task, joined
from .ray_connection import Connection, WorkerDied
from .shards import Findings, Job, Precision, Shard, Worker, file_of

SECONDS = 30.0
"""How long a shard should take: what a worker that dies takes with it, at most `QUEUED` of them."""
MERGING = 4
"""It should take as many times longer than merging what all workers bring meanwhile."""
QUEUED = 2
"""Shards that a worker has, so that it needn't wait for the next one."""
MOMENT = 0.5
"""Seconds after which who waits is told how far it is."""


@dataclass(frozen=True)
class ClusterOptions:
    """Where and how `zfwidgets.Engine.index` computes on other machines.

    Attributes
    ----------
    address
        Ray's: "auto", "ray://host:10001", "host:6379". None takes the Ray that this process is
        connected to, or ``RAY_ADDRESS``, or one that runs on this machine, or starts one here.
    workers
        How many at once; None: as many as there's room for when the pass begins.
    device
        "cpu" or "cuda"; None: what the engine computes on.
    threads
        With how many each worker computes. None: as many as this process, so that values are the
        same to the bit.
    cpus, gpus
        What a worker claims of its machine. None: as many CPUs as ``threads``, no GPU; on "cuda"
        one GPU, and its part of the machine's CPUs, which decode.
    retries
        How often a shard is begun anew whose worker died.
    """

    address: str | None = None
    workers: int | None = None
    device: str | None = None
    threads: int | None = None
    cpus: float | None = None
    gpus: float | None = None
    retries: int = 3

    def __post_init__(self) -> None:
        """Refuse what can't be."""
        for name, least in (("workers", 1), ("threads", 1), ("retries", 1), ("cpus", 0)):
            value = getattr(self, name)
            if value is not None and not value >= least:
                raise InputError(f"ClusterOptions: {name} is {value!r}, expected {least} or more.")
        if self.device not in (None, "cpu", "cuda", "mps", "xpu"):
            raise InputError(
                f"ClusterOptions: device is {self.device!r}, expected 'cpu' or 'cuda' (Ray chooses "
                "which GPU)."
            )


def options_of(cluster: Any) -> ClusterOptions:
    """What an argument ``cluster`` means: True, an address, or `ClusterOptions`."""
    if isinstance(cluster, ClusterOptions):
        return cluster
    if cluster is True:
        return ClusterOptions()
    if isinstance(cluster, str) and cluster:
        return ClusterOptions(address=cluster)
    raise InputError(
        f"cluster is {cluster!r}: expected True, an address of Ray ('auto', 'ray://host:10001'), "
        "or zf.ClusterOptions(...)."
    )


def on_cluster(cluster: Any) -> ExecutorFactory:
    """How to compute a pass there.

    Raises
    ------
    InputError
        It isn't one.
    MissingDependency
        Ray isn't installed.
    """
    options = options_of(cluster)
    Connection.check()

    def start_on_ray(
        task: Task, start: Partial | None, todo: Sequence[int], memory: Memory
    ) -> RayExecutor:
        return RayExecutor(task, start, todo, options)

    return start_on_ray


class RayExecutor:
    """Batches computed by Ray's workers (a `zfwidgets.engine.ranking.executors.Executor`).

    It connects when it is first asked to take something in, and lets go of all workers in `stop`.

    Parameters
    ----------
    task, start, todo
        The pass, what is known of it, and the batches that are left.
    options
        Where and how.
    """

    def __init__(
        self, task: Task, start: Partial | None, todo: Sequence[int], options: ClusterOptions
    ) -> None:
        self._task, self._options = task, options
        start = start or task.empty()
        # Of millions of batches none needs to be sorted again for each result.
        self._known = replace(start, batches=np.empty(0, np.int64))
        self._batches = [start.batches]
        self._left = set(todo)
        self._todo = deque(sorted(todo))
        self._again: deque[Shard] = deque()
        self._machines: dict[str, str] = {}
        self._connection: Connection | None = None
        self._under_way: dict[Any, tuple[Any, Shard]] = {}
        self._pace = self._merging = 0.0

    # What `IndexBuild` asks

    def take(self) -> list[int]:
        """Hand out shards, and take in what came back."""
        if self.finished:
            return []
        if self._connection is None:
            self._connect()
        assert self._connection is not None
        taken: list[int] = []
        for ref in self._connection.ready(self._under_way):
            taken += self._take_in(ref)
        self._hand_out()
        return taken

    def wait(self) -> None:
        """Until a shard has come back, or for a moment."""
        connection, under_way = self._connection, list(self._under_way)
        if connection is not None and under_way:
            with suppress(ClusterError):  # `take` says it
                connection.ready(under_way, MOMENT)

    def partial(self, layer: str | None = None) -> Partial:
        """What is known so far."""
        known = replace(self._known, batches=np.sort(np.concatenate(self._batches)))
        return known if layer is None else known.of_rows(self._task.rows(layer))

    def filled(self, k: int) -> tuple[int, int]:
        """See `Executor.filled`."""
        filled = self._known.top.images[:, k - 1] != EMPTY
        return int(filled.sum()), len(filled)

    def machines(self) -> Mapping[str, str]:
        """Machines of the workers that something came back from."""
        return self._machines

    @property
    def finished(self) -> bool:
        """Whether all batches have been taken in."""
        return not self._left

    spoiled = False

    def stop(self) -> None:
        """Let go of all workers and what they have under way."""
        connection, self._connection = self._connection, None
        self._under_way, self._again = {}, deque()
        self._todo = deque(sorted(self._left))
        if connection is not None:
            connection.close()

    # How

    def _connect(self) -> None:
        options, task = self._options, self._task
        device = options.device or task.network.device.type
        precision = Precision.now(options.threads)
        gpus = options.gpus if options.gpus is not None else float(device == "cuda")
        connection = Connection(options.address)
        try:
            room = connection.room(options.cpus, gpus, precision.threads, options.workers)
            readers = max(1, int(room.cpus))
            job = Job.of(task, device, precision, readers)
            connection.staff(Worker, job, room, options.retries)
        except BaseException:
            connection.close()
            raise
        self._connection = connection

    def _hand_out(self) -> None:
        assert self._connection is not None
        workers = self._connection.workers
        load = dict.fromkeys(workers, 0)
        for worker, _ in self._under_way.values():
            load[worker] += 1
        for round_ in range(QUEUED):
            for worker in workers:
                if load[worker] == round_ and (shard := self._next()) is not None:
                    self._under_way[self._connection.send(worker, shard)] = worker, shard
                    load[worker] += 1
        if not self._todo and not self._again:
            # Workers that wait for a machine may need the room of those that have nothing to do.
            for worker in [worker for worker, shards in load.items() if not shards]:
                self._connection.dismiss(worker)

    def _next(self) -> Shard | None:
        if self._again:
            return self._again.popleft()
        if not self._todo:
            return None
        size = min(self._size(), len(self._todo))
        return Shard.of(self._task, [self._todo.popleft() for _ in range(size)])

    def _size(self) -> int:
        """Batches of the next shard: `SECONDS` of work, less where that would be the last ones."""
        assert self._connection is not None
        if not self._pace:
            return 1
        workers = len(self._connection.workers)
        seconds = max(SECONDS, MERGING * self._merging * workers)
        last = ceil(len(self._todo) / (QUEUED * workers))
        return max(1, min(int(seconds / self._pace), last))

    def _take_in(self, ref: Any) -> list[int]:
        assert self._connection is not None
        _, shard = self._under_way[ref]
        try:
            found = self._connection.result(ref)
        except WorkerDied as error:
            if shard.careful:
                raise ClusterError(f"{self._named(shard)}: {error}") from error
            del self._under_way[ref]
            # Maybe an image that ends the process which reads it: read in processes of its own.
            self._again.append(replace(shard, careful=True))
            return []
        began = time.perf_counter()
        self._check_files(shard, found)
        part = found.partial()
        batches = part.batches.tolist()
        known = self._known.merged(replace(part, batches=np.empty(0, np.int64)))
        self._task.source.conditions.take_over(part.bad, found.on_white, found.labels)
        self._known, self._machines = known, joined(self._machines, found.made_with)
        self._batches.append(part.batches)
        self._left.difference_update(batches)
        del self._under_way[ref]
        self._pace = found.seconds / len(batches)
        self._merging = time.perf_counter() - began
        return [int(batch) for batch in batches]

    def _named(self, shard: Shard) -> str:
        names = [self._task.source.names[number] for number in shard.numbers]
        return f"{len(names)} images from {names[0]!r} to {names[-1]!r} can't be looked at"

    def _check_files(self, shard: Shard, found: Findings) -> None:
        """A file that is otherwise there than here is an error; one that changed here isn't."""
        source, stamps = self._task.source, self._task.manifest.stamps
        for number in found.unlike:
            path = file_of(source.images, number)
            if path is not None and file_stamp(path) == stamps[number]:
                raise ClusterError(
                    f"{found.host} sees {str(path)!r} with another size, or not at all. All "
                    "machines must see the same images: put them on a disk that all share, or at "
                    "the same place on each."
                )
