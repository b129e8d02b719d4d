"""Random numbers of our own where code draws from the global generators."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch

from ..images.repeatable import states

_ONE_AT_A_TIME = threading.RLock()


@contextmanager
def own_random(*key: int, device: torch.device | None = None) -> Iterator[None]:
    """Let the global generators give the numbers of a seed, and put them back where they were.

    Dropout, initialisation and augmentation take no generator, so there is no other way. Those of
    PyTorch (on the CPU and ``device``), NumPy and Python. Other threads must not draw meanwhile
    if what they draw matters to them: keep it short.

    Parameters
    ----------
    *key
        Numbers >= 0 that make the seed: ``own_random(seed, step)``.
    """
    (seed,) = (int(s) for s in np.random.SeedSequence(key).generate_state(1, np.uint64))
    gpu = device if device is not None and device.type == "cuda" else None
    with _ONE_AT_A_TIME:
        before = states()
        torch_state = torch.default_generator.get_state()
        gpu_state = None if gpu is None else torch.cuda.get_rng_state(gpu)
        try:
            torch.default_generator.manual_seed(seed)
            if gpu is not None:
                with torch.cuda.device(gpu):
                    torch.cuda.manual_seed(seed)
            random.seed(seed)
            np.random.seed(seed % 2**32)  # noqa: NPY002
            yield
        finally:
            torch.default_generator.set_state(torch_state)
            if gpu is not None and gpu_state is not None:
                torch.cuda.set_rng_state(gpu_state, gpu)
            random.setstate(before["random"])
            np.random.set_state(before["numpy.random"])  # noqa: NPY002
