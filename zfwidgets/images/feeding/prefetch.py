"""Decode ahead in threads, without a DataLoader (which moves torch's global random state)."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future
from itertools import islice
from typing import TypeVar

from ...threads import Pool

Item = TypeVar("Item")
Result = TypeVar("Result")

AHEAD = 4
"""How many results per worker may wait to be taken."""


def prefetch(
    function: Callable[[Item], Result], items: Iterable[Item], workers: int
) -> Generator[Result, None, None]:
    """``map(function, items)`` in order, computed ahead by ``workers`` threads.

    At most ``AHEAD * workers`` results wait. An exception surfaces at its item's place; then,
    or when the iterator is closed, what hasn't started is dropped and the threads end. Without
    workers (or on a platform without threads) it is a plain `map`.
    """
    if workers < 1 or sys.platform == "emscripten":
        yield from map(function, items)
        return
    source = iter(items)
    waiting: deque[Future[Result]] = deque()
    pool = Pool(workers, thread_name_prefix="zfwidgets-decode")
    try:
        for item in islice(source, AHEAD * workers):
            waiting.append(pool.submit(function, item))
        while waiting:
            result = waiting.popleft().result()
            for item in islice(source, 1):
                waiting.append(pool.submit(function, item))
            yield result
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
