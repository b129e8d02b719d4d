"""Real kernels with the torch-free engine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from jupyter_client.blocking import BlockingKernelClient
from jupyter_client.manager import KernelManager

from tests.waiting import SECONDS

SETUP = """
import sys, threading
sys.path[:0] = [{root!r}, {tests!r}]
from pathlib import Path
from zfwidgets.widgets import bundle
bundle.STATIC = Path({static!r})
import numpy_engine
import zfwidgets as zf
from tests.waiting import PROGRAM, SECONDS
engine = numpy_engine.NumpyEngine()
"""


@contextmanager
def kernel() -> Iterator[BlockingKernelClient]:
    manager = KernelManager(kernel_name="python3")
    manager.start_kernel()
    client = manager.client()
    try:
        client.start_channels()
        client.wait_for_ready(timeout=SECONDS)
        yield client
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
