"""Random numbers of our own where code draws from the global generators."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, partial
from typing import Any

import numpy as np
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from ...images.sets.repeatable import states
from ...threads import ProcessLock

_ONE_AT_A_TIME = ProcessLock(renewed=True)


def on_main_thread() -> bool:
    """Whether the user's cell waits for us, so that nobody else is drawing."""
    return threading.current_thread() is threading.main_thread()


@contextmanager
def own_random(
    *key: int, device: torch.device | None = None, alone: bool | None = None
) -> Iterator[Draws | None]:
    """Let code that draws from the global generators draw the numbers of a seed.

    Dropout, initialisation and augmentation take no generator. Nothing of the global generators
    has moved afterwards. There are two ways, which give PyTorch's draws the same numbers:

    - *Alone*, PyTorch's generators (on the CPU and ``device``), NumPy's and Python's are seeded
      and put back. Who draws from them meanwhile gets numbers of the seed, and changes ours.
    - Not alone, as on a widget's worker while the user's cells run: PyTorch's draws of this thread
      are given `Draws`, and other threads' are left as they are. Draws from NumPy's and Python's
      generators are nobody's business: see `numpy_and_python`.

    Parameters
    ----------
    *key
        Numbers >= 0 that make the seed: ``own_random(seed, step)``.
    device
        A GPU that draws too.
    alone
        None: whether this is the main thread.
    """
    seed = _seed(key)
    if on_main_thread() if alone is None else alone:
        with _torch(seed, device), numpy_and_python(*key):
            yield None
    else:
        draws = Draws(seed)
        with draws:
            yield draws


@contextmanager
def numpy_and_python(*key: int) -> Iterator[None]:
    """Seed NumPy's and Python's global generators, and put them back; keep it short.

    Other threads must not draw from them meanwhile if what they draw matters to them.
    """
    seed = _seed(key)
    with _ONE_AT_A_TIME:
        before = states()
        try:
            random.seed(seed)
            np.random.seed(seed % 2**32)  # noqa: NPY002
            yield
        finally:
            random.setstate(before["random"])
            np.random.set_state(before["numpy.random"])  # noqa: NPY002


class DrawnAgain(Exception):
    """A backward pass draws: it computes something anew, and would draw other numbers."""


class Draws(TorchDispatchMode):
    """Gives this thread's random operations generators of our own; the global ones stay.

    Parameters
    ----------
    seed
        Seed of each device's generator: the numbers are those that the global generator would give.
    """

    def __init__(self, seed: int) -> None:
        super().__init__()
        self._seed = seed
        self._generators: dict[torch.device, torch.Generator] = {}
        self._over = False

    def end(self) -> None:
        """Raise `DrawnAgain` from now on where something draws.

        Checkpointed layers run again in the backward pass, and put the *global* generator back to
        draw the same numbers. They don't get the same from ours: gradients would be wrong.
        """
        self._over = True

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        kwargs = dict(kwargs or {})
        if torch.Tag.nondeterministic_seeded not in func.tags:
            return func(*args, **kwargs)
        device = _device(args, kwargs)
        if kwargs.pop("generator", None) is not None or device.type == "meta":
            return func(*args, **kwargs)
        if self._over:
            raise DrawnAgain
        if device not in self._generators:
            self._generators[device] = torch.Generator(device).manual_seed(self._seed)
        own = self._generators[device]
        taking = _taking_a_generator(func)
        if taking is not None:
            return taking(*args, **kwargs, generator=own)
        return _lent(own, partial(func, *args, **kwargs))


@cache
def _taking_a_generator(func: Any) -> Any:
    """The operation, or its sister that takes a generator; None if there is none."""
    if any(argument.name == "generator" for argument in func._schema.arguments):
        return func
    name = func._overloadname
    sister = "generator" if name == "default" else f"{name}_generator"
    packet = func.overloadpacket
    return getattr(packet, sister) if sister in packet.overloads() else None


def _device(args: tuple[Any, ...], kwargs: dict[str, Any]) -> torch.device:
    for value in (*args, *kwargs.values()):
        if isinstance(value, torch.Tensor):
            return value.device
    return torch.device(kwargs.get("device") or "cpu")


def _lent(own: torch.Generator, call: Callable[[], Any]) -> Any:
    """Run one operation that draws from the global generator, with the state of ours."""
    shared = torch.default_generator
    if own.device.type == "cuda":
        shared = torch.cuda.default_generators[own.device.index or 0]
    with _ONE_AT_A_TIME:
        before = shared.get_state()
        try:
            shared.set_state(own.get_state())
            return call()
        finally:
            own.set_state(shared.get_state())
            shared.set_state(before)


@contextmanager
def _torch(seed: int, device: torch.device | None) -> Iterator[None]:
    """Seed PyTorch's global generators, and put them back."""
    gpu = device if device is not None and device.type == "cuda" else None
    with _ONE_AT_A_TIME:
        before = torch.default_generator.get_state()
        gpu_before = None if gpu is None else torch.cuda.get_rng_state(gpu)
        try:
            torch.default_generator.manual_seed(seed)
            if gpu is not None:
                with torch.cuda.device(gpu):
                    torch.cuda.manual_seed(seed)
            yield
        finally:
            torch.default_generator.set_state(before)
            if gpu is not None and gpu_before is not None:
                torch.cuda.set_rng_state(gpu_before, gpu)


def _seed(key: tuple[int, ...]) -> int:
    return int(np.random.SeedSequence(key).generate_state(1, np.uint64)[0])
