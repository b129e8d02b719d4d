"""All calls to Ray: no other module imports it."""

from __future__ import annotations

import faulthandler
import os
import signal
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from ....allocation import keep_freed_memory
from ....errors import ClusterError, InputError, MissingDependency, ZfError

STARTS = 3
"""Ray gives a start on this machine 30 s, which is too little where much else runs."""

INSTALL = 'pip install "zfwidgets[ray]"'


@dataclass(frozen=True)
class Room:
    """How many workers there are to be, and what each claims."""

    workers: int
    cpus: float
    gpus: float


class Connection:
    """A connection to Ray, and the workers that were started through it.

    Where this process is connected already, that is used and stays as it is.

    Parameters
    ----------
    address
        Ray's; None takes the one at hand, or starts one on this machine.

    Attributes
    ----------
    workers
        Handles of Ray's actors.

    Raises
    ------
    ClusterError
        There's no Ray at that address.
    """

    def __init__(self, address: str | None) -> None:
        self._ray = ray = self.check()
        self.workers: list[Any] = []
        self._sent: Any = None  # what workers are sent; Ray drops it when nobody holds it
        self._ours = not ray.is_initialized()
        if self._ours:
            self._begin(address)
        elif address not in (None, "auto") and not self._is_at(str(address)):
            raise ClusterError(
                f"This process is connected to another Ray than {address!r}: call ray.shutdown() "
                "first, or take the one that it is connected to with cluster=True."
            )

    @staticmethod
    def check() -> Any:
        """The package; raises `MissingDependency` where it isn't installed."""
        try:
            import ray
        except ImportError as error:
            raise MissingDependency(f"cluster=... needs Ray: {INSTALL}") from error
        return ray

    def _begin(self, address: str | None) -> None:
        with _quiet(), _signals_kept():
            try:
                self._start(address)
            except Exception as error:
                at = f"no Ray at {address!r}" if address else "no Ray here, and none can be started"
                raise ClusterError(
                    f"There's {at} ({type(error).__name__}: {error}). Start one with `ray start "
                    "--head` and join other machines with `ray start --address=...`; cluster=True "
                    "makes do with this machine."
                ) from error

    def _start(self, address: str | None, tries: int = STARTS) -> None:
        try:
            self._ray.init(
                address, include_dashboard=False, log_to_driver=False, logging_level="ERROR"
            )
        except Exception as error:
            if tries == 1 or "timed out during startup" not in str(error):
                raise
            self._ray.shutdown()
            self._start(address, tries - 1)

    def _is_at(self, address: str) -> bool:
        if address.startswith("ray://"):
            return bool(self._ray.util.client.ray.is_connected())
        return bool(self._ray.get_runtime_context().gcs_address == address)

    def room(self, cpus: float | None, gpus: float, threads: int, workers: int | None) -> Room:
        """What workers get.

        Parameters
        ----------
        cpus, gpus
            What one claims; with ``cpus`` None ``threads``, with a GPU its part of them all.
        threads
            How many it computes with.
        workers
            How many are wanted; None: as many as fit.

        Raises
        ------
        ClusterError
            None fits.
        """
        machines = [node["Resources"] for node in self._ray.nodes() if node["Alive"]]
        with_gpus = [m for m in machines if m.get("GPU", 0) >= gpus] if gpus else machines
        if cpus is None:
            shares = [m.get("CPU", 0) // (m["GPU"] / gpus) for m in with_gpus] if gpus else []
            cpus = max(1.0, min(shares)) if shares else float(threads)
        claims = {name: claim for name, claim in (("CPU", cpus), ("GPU", gpus)) if claim}
        fits = sum(
            int(min((m.get(name, 0) // claim for name, claim in claims.items()), default=1))
            for m in with_gpus
        )
        if not fits and workers is None:
            there = ", ".join(
                f"{m.get('CPU', 0):g} CPUs and {m.get('GPU', 0):g} GPUs" for m in machines
            )
            raise ClusterError(
                f"No machine of the cluster has room for a worker, which needs {cpus:g} CPUs and "
                f"{gpus:g} GPUs; there are {there or 'none'}. Take fewer with "
                "zf.ClusterOptions(cpus=..., threads=..., gpus=...), or add machines. With workers="
                "... zfwidgets waits until there's room."
            )
        return Room(workers or fits, cpus, gpus)

    def staff(self, kind: type, job: Any, room: Room, retries: int) -> None:
        """Start workers, which make a ``kind`` of the job and have its method ``look``.

        Raises
        ------
        InputError
            A part of the job can't be sent; names it.
        """
        ray = self._ray
        try:
            self._sent = ray.put(job)
        except Exception as error:
            raise InputError(self._unsendable(job, error)) from error
        remote = ray.remote(_Actor).options(
            num_cpus=room.cpus,
            num_gpus=room.gpus,
            max_restarts=-1,
            max_task_retries=retries,
        )
        self.workers = [remote.remote(kind) for _ in range(room.workers)]

    def _unsendable(self, job: Any, error: Exception) -> str:
        for name, part in job.parts().items():
            why = self._why_unsendable(part)
            if why:
                parts = getattr(part, "__dict__", {}).items()
                inside = [repr(key) for key, value in parts if self._why_unsendable(value)]
                where = f" because of {', '.join(inside)}" if inside else ""
                return (
                    f"The {name} ({type(part).__name__}) can't be sent to other processes{where}: "
                    f"{why}. Keep open files, locks and connections out of it, or open them when "
                    "they are first used."
                )
        return f"The pass can't be sent to other processes: {str(error).splitlines()[0]:.200}"

    def _why_unsendable(self, part: Any) -> str:
        try:
            self._ray.cloudpickle.dumps(part)
        except Exception as error:  # noqa: BLE001 -- whatever the user's objects raise
            return f"{type(error).__name__}: {error}"
        return ""

    def send(self, worker: Any, shard: Any) -> Any:
        """Have a worker look at a shard; a reference to what will come back."""
        return worker.look.remote([self._sent], shard)

    def ready(self, refs: Iterable[Any], within: float = 0.0) -> list[Any]:
        """Those that have come back; waits for the first."""
        refs = list(refs)
        if not refs:
            return []
        if not self._ray.is_initialized():  # or Ray would start another one
            raise ClusterError("Ray was shut down while the pass ran. Call engine.index again.")
        try:
            first, rest = self._ray.wait(refs, num_returns=1, timeout=within, fetch_local=False)
            if rest:
                first += self._ray.wait(rest, num_returns=len(rest), timeout=0)[0]
        except self._ray.exceptions.RayError as error:
            raise ClusterError(f"Ray is gone ({type(error).__name__}: {error}).") from error
        return list(first)

    def result(self, ref: Any) -> Any:
        """What came back.

        Raises
        ------
        WorkerDied
            The worker died as often as is allowed.
        ClusterError, UnsupportedModel, InputError
            What the worker raised.
        """
        exceptions = self._ray.exceptions
        try:
            return self._ray.get(ref)
        except exceptions.RayTaskError as error:
            if isinstance(error.cause, ZfError):
                raise type(error.cause)(*error.cause.args) from None
            raise ClusterError(
                f"A worker can't begin: {str(error).strip().splitlines()[-1]} (the model, the "
                "dataset or what they import may be missing there: pass it to Ray's runtime_env)."
            ) from error
        except exceptions.RayError as error:
            raise WorkerDied(f"{type(error).__name__}: {str(error).strip()}") from error

    def dismiss(self, worker: Any) -> None:
        """End a worker."""
        self.workers.remove(worker)
        self._ray.kill(worker)

    def close(self) -> None:
        """End all workers, and the connection if it was made here."""
        try:
            if self._ray.is_initialized():
                for worker in self.workers:
                    self._ray.kill(worker)
        finally:
            self.workers, self._sent = [], None
            if self._ours:
                self._ray.shutdown()


class WorkerDied(ClusterError):
    """A worker's process or machine is gone."""


class _Actor:
    """What runs in a worker's process."""

    def __init__(self, kind: type) -> None:
        keep_freed_memory()
        self._kind = kind
        self._worker: Any = None

    def look(self, job: list[Any], shard: Any) -> Any:
        import ray

        if self._worker is None:  # in a list, the job is not fetched before
            self._worker = self._kind(ray.get(job[0]))
        return self._worker.look(shard)


@contextmanager
def _quiet() -> Iterator[None]:
    """A Ray that is started here doesn't report its use to anyone, unless the user wants it to."""
    name = "RAY_USAGE_STATS_ENABLED"
    before = os.environ.get(name)
    os.environ.setdefault(name, "0")
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]


@contextmanager
def _signals_kept() -> Iterator[None]:
    """Ray takes SIGTERM for itself, and has Python print its stacks at a crash."""
    main = threading.current_thread() is threading.main_thread()
    before, told = signal.getsignal(signal.SIGTERM), faulthandler.is_enabled()
    try:
        yield
    finally:
        if main and before is not None:
            signal.signal(signal.SIGTERM, before)
        if not told:
            faulthandler.disable()
