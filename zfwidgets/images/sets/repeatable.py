"""Refuse images that are other pixels each time they are read."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import count
from typing import TYPE_CHECKING, Any

import numpy as np

from ...errors import InputError

if TYPE_CHECKING:
    import torch

ATTEMPTS = 5

ADVICE = (
    "so an image would be other pixels each time it is read. Pass the transform of the "
    "evaluation, without augmentation (torchvision: weights.transforms())."
)


class RandomDraw(BaseException):  # not Exception: a dataset must not swallow it
    """An operation was about to draw from torch's global random generators."""


def check_repeatable(
    read: Callable[[], torch.Tensor], what: str, before: dict[str, Any]
) -> torch.Tensor:
    """Read an image several times; raise `InputError` if it is random, else return it.

    ``before`` are the `states` from before the very first reading. torch's draws are refused
    before they happen, in this thread only, so its generators never move. The generators of
    Python and NumPy are compared before and after. Another thread may be drawing from those
    meanwhile: a change counts if it comes with every reading.
    """
    import torch

    with refuse_draws(what):
        first, second = read(), read()
        moved = _moved(before) and _moved_by_every(read)
    if moved:
        raise InputError(f"{what} draws random numbers ({moved}), {ADVICE}")
    if first.shape != second.shape or not torch.equal(first, second):
        raise InputError(f"{what} gave different results for the same image, {ADVICE}")
    return first


@contextmanager
def refuse_draws(what: str) -> Iterator[None]:
    """Raise `InputError` instead of drawing from torch's global generators, in this thread."""
    import torch

    from ...dispatching import DispatchMode

    class RefuseDraws(DispatchMode):
        def __torch_dispatch__(
            self, func: Any, types: Any, args: Any = (), kwargs: Any = None
        ) -> Any:
            kwargs = kwargs or {}
            if torch.Tag.nondeterministic_seeded in func.tags:
                generators = [
                    x for x in (*args, *kwargs.values()) if isinstance(x, torch.Generator)
                ]
                if not generators or torch.default_generator in generators:
                    raise RandomDraw(func)
            return func(*args, **kwargs)

    try:
        with RefuseDraws():
            yield
    except RandomDraw as draw:
        raise InputError(f"{what} draws random numbers ({draw}), {ADVICE}") from None


def states() -> dict[str, Any]:
    """Where Python's and NumPy's global generators are."""
    return {"random": random.getstate(), "numpy.random": np.random.get_state()}  # noqa: NPY002


def _moved(before: dict[str, Any]) -> str:
    """Which generator isn't where it was; empty if both are."""
    now = states()
    return next(
        (name for name in before if _comparable(now[name]) != _comparable(before[name])), ""
    )


def _comparable(state: Any) -> Any:
    """A generator's state as something that ``==`` compares."""
    return tuple(x.tobytes() if isinstance(x, np.ndarray) else x for x in state)


def _moved_by_every(read: Callable[[], Any]) -> str:
    for _ in range(ATTEMPTS):
        before = states()
        read()
        if not (moved := _moved(before)):
            return ""
    return moved


def one_pass(items: Iterable[Any], what: str) -> Iterator[Any]:
    """Go through items once; raise `InputError` if each of the first is drawn at random.

    torch's generators never move. Those of Python and NumPy are put back at the end: an order that
    is drawn does no harm where there is one pass.
    """
    before, iterator, draws = states(), iter(items), 0
    try:
        for number in count():
            at = states() if number < ATTEMPTS else {}
            try:
                with refuse_draws(what):
                    item = next(iterator)
            except StopIteration:
                return
            draws += bool(_moved(at))
            if draws == ATTEMPTS:
                raise InputError(f"{what} draws random numbers ({_moved(at)}), {ADVICE}")
            yield item
    finally:
        _put_back(before)


@contextmanager
def put_back_on_error() -> Iterator[dict[str, Any]]:
    """Yield the `states`; on an error, put all generators back there.

    torch's too: a dataset may have seeded them before its draw was refused.
    """
    import torch

    before, torchs = states(), torch.get_rng_state()
    on_gpus = torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else []
    try:
        yield before
    except BaseException:
        _put_back(before)
        if not torch.equal(torch.get_rng_state(), torchs):
            torch.set_rng_state(torchs)
            torch.cuda.set_rng_state_all(on_gpus)
        raise


def _put_back(before: dict[str, Any]) -> None:
    if _moved(before):
        random.setstate(before["random"])
        np.random.set_state(before["numpy.random"])  # noqa: NPY002
