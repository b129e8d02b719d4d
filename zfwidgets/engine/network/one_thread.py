"""Run small operations with one PyTorch thread inside.

An operation that several threads share ends where all of them have come. A small one is done
before a core that others use, too, has even begun: on two cores beside other work, a projection's
operations took up to forty times as long with two threads as with one. So what is small is run
with one thread inside each operation, and what is independent on several threads of ours.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import wait
from contextlib import AbstractContextManager, contextmanager
from functools import cache
from typing import Any, TypeVar

import torch

from ...threads import staying_pool

Item = TypeVar("Item")
Result = TypeVar("Result")


@cache
def _openmp() -> Any:
    """The library that PyTorch's threads are OpenMP's of; None where it has others.

    `torch.set_num_threads` is for the whole process, the user's threads too; OpenMP's own number is
    the thread's that sets it.
    """
    try:
        library = ctypes.CDLL(None)
        return library if library.omp_get_max_threads() == torch.get_num_threads() else None
    except (AttributeError, OSError, TypeError):  # macOS and Windows may have another one
        return None


def one_thread() -> AbstractContextManager[None]:
    """Have PyTorch's operations on this thread use no other one, where that can be said."""
    return threads_inside(1)


@contextmanager
def threads_inside(count: int) -> Iterator[None]:
    """Have PyTorch's operations on this thread use so many threads, where that can be said."""
    openmp = _openmp()
    before = torch.get_num_threads()  # a new thread's first look sets it, too
    if before == count or openmp is None:
        yield
        return
    openmp.omp_set_num_threads(count)
    try:
        yield
    finally:
        openmp.omp_set_num_threads(before)


class Quicker:
    """Which of some ways is the quickest on this machine at this moment, by what they took.

    Each is tried, and once more unless it took far longer than another, as libraries prepare
    themselves the first time. After that the quickest is taken, and another one again once what it
    took the last time is a small share of the time since.

    Parameters
    ----------
    ways
        How many.
    """

    def __init__(self, ways: int) -> None:
        self._last = [-1.0] * ways
        self._since = [0.0] * ways
        self._tried = [0] * ways

    def choose(self, among: Sequence[int]) -> int:
        """The way to take now, of some of them."""
        for way in among:
            if self._last[way] < 0 or self._since[way] > PATIENCE * self._last[way]:
                return way
        quickest = min(among, key=self._last.__getitem__)
        for way in among:
            if self._tried[way] == 1 and self._last[way] < FAR * self._last[quickest]:
                return way
        return quickest

    def took(self, way: int, seconds: float, items: int) -> None:
        """Tell how long a way took for so many items."""
        self._last[way] = seconds / items
        self._tried[way] += 1
        self._since = [spent + seconds / items for spent in self._since]
        self._since[way] = 0.0


FAR = 2
"""Times as long as the quickest, from which a way isn't tried a second time at once."""
PATIENCE = 25
"""Ways that were slower are tried again after so many times what they took."""


def side_by_side(run: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
    """``run`` of each item, with one thread inside its operations, on as many threads as those had.

    Where operations can't be told to use one thread they share all of them, item after item.
    """
    count = min(len(items), torch.get_num_threads())
    if count <= 1 or _openmp() is None:
        with one_thread():
            return [run(item) for item in items]

    def alone(item: Item) -> Result:
        with one_thread():
            return run(item)

    under_way = [staying_pool("side", count).submit(alone, item) for item in items]
    try:
        return [found.result() for found in under_way]
    finally:  # after an error or an interrupt too, nothing goes on
        for found in under_way:
            found.cancel()
        wait(under_way)
