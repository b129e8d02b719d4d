"""The package's threads: out of the way before the interpreter ends, and of one process only.

A daemon thread that is inside PyTorch when the interpreter ends takes the whole process down with
it ("terminate called without an active exception"), and with it what the user's files hadn't
written yet. So all threads of the package are started here. When the process ends they are told to
stop and waited for, after the user's own threads have ended and before anything is taken apart.

A forked child has none of its parent's threads, but their locks as they were. What belongs to the
parent's threads refuses to work there, at once and in words.
"""

from __future__ import annotations

import atexit
import ctypes
import logging
import os
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache
from typing import Any, ParamSpec, TypeVar

from .errors import ForkedProcess, NotCopied

log = logging.getLogger("zfwidgets")

P = ParamSpec("P")
T = TypeVar("T")

GRACE = 1.0
"""Seconds that a thread has, when the process ends, until it is interrupted where it is."""
PATIENCE = 10.0
"""Seconds after which Ctrl-C ends the process without waiting any longer."""


class Interrupted(BaseException):
    """Raised inside a thread of ours that the process waits for before it can end."""


_running: dict[threading.Thread, Callable[[], object]] = {}
_over = False


def ending() -> bool:
    """Whether the process is about to end, so that threads are to leave their loops."""
    return _over


def start(target: Callable[[], object], name: str, stop: Callable[[], object]) -> threading.Thread:
    """Start a daemon thread, which the end of the process waits for.

    Parameters
    ----------
    target
        What it runs.
    name
        What it is called, after "zfwidgets-".
    stop
        Called on the main thread when the process ends: ``target`` must return soon after.

    Raises
    ------
    RuntimeError
        No thread can be started: on this platform (Pyodide), or as the process ends.
    """
    if _over:
        raise RuntimeError("can't start new thread: the process ends")

    def run() -> None:
        try:
            target()
        except Interrupted:
            pass
        finally:
            _running.pop(thread, None)

    thread = threading.Thread(target=run, name=f"zfwidgets-{name}", daemon=True)
    _running[thread] = stop
    try:
        thread.start()
    except RuntimeError:
        del _running[thread]
        raise
    # The last to be registered is the first to be called: before what a thread uses is closed.
    atexit.unregister(_end)
    atexit.register(_end)
    return thread


def _end() -> None:
    """Stop all threads, in the order in which they were started, and wait for them."""
    global _over
    _over, began, told = True, time.monotonic(), False
    while _running:
        try:
            for thread, stop in [*_running.items()]:
                _stop(stop)
                thread.join(GRACE)
                if thread.is_alive():
                    _interrupt(thread)
            if not told and time.monotonic() - began > PATIENCE:
                told = True
                print(
                    "zfwidgets waits for a computation to end. Ctrl-C ends the process without "
                    "it; what isn't written to files yet may be lost then.",
                    file=sys.stderr,
                )
        except KeyboardInterrupt:  # noqa: PERF203 -- often a second one, after that which ends us
            if time.monotonic() - began > PATIENCE:
                return


def _stop(stop: Callable[[], object]) -> None:
    try:
        stop()
    except Exception:
        log.exception("A thread couldn't be stopped")


def _interrupt(thread: threading.Thread) -> None:
    """Raise `Interrupted` in a thread, as soon as it runs Python's code."""
    number = ctypes.c_ulong(thread.ident or 0)
    ctypes.pythonapi.PyThreadState_SetAsyncExc(number, ctypes.py_object(Interrupted))


class Pool(ThreadPoolExecutor):
    """A pool that computes in the thread that asks, where no other can be started any more.

    A script's own thread may go on long after its main thread has ended; from then on the
    interpreter starts nothing in pools.
    """

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """As the base class's."""
        try:
            return super().submit(fn, *args, **kwargs)
        except RuntimeError:
            done: Future[T] = Future()
            try:
                done.set_result(fn(*args, **kwargs))
            except BaseException as error:  # noqa: BLE001 -- raised by `result`
                done.set_exception(error)
            return done


@cache
def staying_pool(name: str, most: int) -> Pool:
    """The process's pool of that name, of up to so many threads, which rest between two tasks.

    glibc has memory for each thread, of which it never gives a part back, and what one that has
    ended leaves goes to any that begins, in turns with all that others use: with new threads for
    each computation a kernel grew by a hundred megabytes for each of sixteen.
    """
    return Pool(most, thread_name_prefix=f"zfwidgets-{name}")


class ProcessLock(threading.Condition):
    """A reentrant lock, and condition, that belongs to the process in which it was made.

    In a child that was forked it may be held by a thread that isn't there, and what it guards half
    changed: entering it there raises `ForkedProcess`. What is sent to another process has a new
    lock there.

    Parameters
    ----------
    renewed
        Whether it is a new lock in a child instead, as what it guards is good there.
    """

    def __init__(self, *, renewed: bool = False) -> None:
        self.renew()
        if renewed:
            _renewed.append(self)

    def renew(self) -> None:
        """Begin anew, as a lock of this process that nobody holds."""
        super().__init__(threading.RLock())
        self._process = os.getpid()

    def __reduce__(self) -> tuple[type[ProcessLock], tuple[()]]:
        return ProcessLock, ()

    @property
    def foreign(self) -> bool:
        """Whether this is another process than the one in which the lock was made."""
        return os.getpid() != self._process

    def check(self) -> None:
        """Raise `ForkedProcess` in a child of that process."""
        if self.foreign:
            raise ForkedProcess

    def __enter__(self) -> bool:
        self.check()
        return super().__enter__()


_renewed: list[ProcessLock] = []


def _begin_anew() -> None:
    """In a forked child: no thread of its parent is there."""
    _running.clear()
    staying_pool.cache_clear()
    for lock in _renewed:
        lock.renew()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_anew)


def give_back_memory() -> None:
    """Give memory that threads have freed back to the system, where the C library is glibc.

    glibc keeps it for the thread that had it, and each engine computes on a thread of its own: over
    a hundred megabytes after a few projections. With every engine that a notebook makes, as by
    running a cell again, the kernel would grow by as much. Takes some 30 ms.
    """
    if sys.platform.startswith("linux"):
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)


class OneOnly:
    """A mixin for what holds a network, threads or locks: it can't be copied or pickled."""

    def __copy__(self) -> Any:
        """As `__reduce_ex__`."""
        return self.__reduce_ex__(4)

    def __deepcopy__(self, memo: Any) -> Any:
        """As `__reduce_ex__`."""
        return self.__reduce_ex__(4)

    def __reduce_ex__(self, protocol: Any) -> Any:
        """Refuse in words, where PyTorch's and Python's errors would speak of locks."""
        name = type(self).__name__
        raise NotCopied(
            f"A {name} can't be copied, pickled or sent to another process: it holds a network, "
            "threads and locks. Share this one between threads; in another process make one there, "
            "of the same model and images (an index in a folder is found again). To keep what is "
            "shown use zf.save_report."
        )
