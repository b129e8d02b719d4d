"""Read images in processes of our own, each of which may die of an image.

They are started afresh (a fork of a process with torch's threads may hang) and import nothing of
the user's main module, which `multiprocessing` would run again.
"""

from __future__ import annotations

import os
import pickle
import queue
import signal
import subprocess
import sys
import threading
from collections import Counter
from contextlib import suppress
from dataclasses import replace
from typing import IO, Any, cast

from ... import threads
from ...errors import Cancelled, UnreadableImage
from .reader import Asked, Reader, Reading

LARGEST = 64 * 2**20
"""Bytes of a reader that may be sent to each process."""

DEATHS = 2
"""After so many processes that died while reading it, an image is given up."""

_GONE = (EOFError, OSError, pickle.UnpicklingError)


class Workers:
    """Processes that read images.

    They come up in the background: until then, and where a reader can't be sent to one, images are
    read in the thread that asks.

    Parameters
    ----------
    reader
        What to read with.
    count
        How many processes; at most as many threads may call `look` at once.
    careful
        Whether this process waits for them to come up, and reads nothing itself.
    """

    def __init__(self, reader: Reader, count: int, careful: bool = False) -> None:
        self._reader = reader
        self._idle: queue.SimpleQueue[_Process | None] = queue.SimpleQueue()
        self._deaths: Counter[int] = Counter()
        self._lock = threading.Lock()
        self._all: list[_Process] = []
        self._closed = False
        self._packed = _packed(reader.to_send())
        self._careful = careful and self._packed is not None
        if self._packed is not None:
            for _ in range(count):
                self._start()

    @property
    def pids(self) -> tuple[int, ...]:
        """Numbers of the processes that are up."""
        with self._lock:
            return tuple(process.pid for process in self._all if process.ready)

    def look(self, number: int) -> Reading:
        """An image, read in whichever process is idle."""
        try:
            asked = self._reader.asked(number)
        except UnreadableImage as error:
            return Reading(None, error.reason)
        try:
            process = self._idle.get_nowait()
        except queue.Empty:
            # After a death only a process may try again: the image may be what killed it.
            if not self._careful and not self._deaths[number]:
                return self._reader.look(number)
            process = self._idle.get()
        if process is None:  # it could not be replaced
            self._idle.put(None)
            if self._closed:  # else the image would be taken for one that ends processes
                raise Cancelled("The processes that read images have been ended.")
            if not self._careful and not self._deaths[number]:
                return self._reader.look(number)
            return Reading(None, "the process that read it died")
        try:
            reading = process.look(asked)
        except _GONE:
            how = process.end()
            self._start()
            with self._lock:
                self._deaths[number] += 1
                given_up = self._deaths[number] >= DEATHS
            if given_up:
                return Reading(None, f"reading it ends the process, {DEATHS} times ({how})")
            return self.look(number)
        self._idle.put(process)
        return reading

    def close(self) -> None:
        """End all processes."""
        with self._lock:
            self._closed = True
            processes = list(self._all)
        for process in processes:
            if process.ready:
                process.end()
            else:
                process.kill()  # the thread that greets it sees it end

    def _start(self) -> None:
        try:
            threads.start(self._bring_up, "start-worker", self.close)
        except RuntimeError:  # the process ends
            self._idle.put(None)

    def _bring_up(self) -> None:
        assert self._packed is not None
        with self._lock:
            if self._closed:
                self._idle.put(None)
                return
            try:
                process = _Process()
            except OSError:
                self._idle.put(None)
                return
            self._all.append(process)
        try:
            process.greet(self._packed)
        except _GONE:
            process.end()
            self._idle.put(None)
            return
        self._idle.put(process)


class _Process:
    """One process of ours."""

    def __init__(self) -> None:
        self.ready = False
        self._popen = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", f"{__package__}.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )
        self._in = cast("IO[bytes]", self._popen.stdin)
        self._out = cast("IO[bytes]", self._popen.stdout)

    @property
    def pid(self) -> int:
        return self._popen.pid

    def greet(self, packed: bytes) -> None:
        """Send the reader and wait until it is there."""
        self._in.write(packed)
        self._in.flush()
        self._answer()
        self.ready = True

    def look(self, asked: Asked) -> Reading:
        import torch

        pickle.dump(asked, self._in, protocol=5)
        self._in.flush()
        reading: Reading
        reading, pixels = self._answer()
        return reading if pixels is None else replace(reading, tensor=torch.from_numpy(pixels))

    def kill(self) -> None:
        self._popen.kill()

    def end(self) -> str:
        """End it, now; says how it ended."""
        self.ready = False
        if self._popen.poll() is None:
            with suppress(subprocess.TimeoutExpired):
                self._popen.wait(0.05)  # it may be dying
        self.kill()
        code = self._popen.wait()
        for stream in (self._in, self._out):
            with suppress(OSError):
                stream.close()
        return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit status {code}"

    def _answer(self) -> Any:
        return pickle.load(self._out)  # noqa: S301 -- from our own process


def default_workers() -> int:
    """As many as this process may use CPUs, 16 at most."""
    usable = getattr(os, "sched_getaffinity", None)
    return min(len(usable(0)) if usable else os.cpu_count() or 1, 16)


def _packed(reader: Reader) -> bytes | None:
    """The reader in bytes that another process can read; None if it can't be sent."""
    try:
        data = pickle.dumps(reader, protocol=5)
    except Exception:  # noqa: BLE001 -- a user's objects may raise anything
        return None
    # What is defined in the user's main module isn't there in another process.
    return None if len(data) > LARGEST or b"__main__" in data else data
