"""PyTorch's modes and precision while the engine computes."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, contextmanager
from functools import wraps
from typing import Any, TypeVar

import torch

Class = TypeVar("Class", bound=type)


@contextmanager
def computing(device: torch.device, *, grad: bool = False) -> Iterator[None]:
    """PyTorch's thread-local modes as the engine needs them, whatever the caller's are."""
    with ExitStack() as stack:
        stack.enter_context(torch.inference_mode(False))
        stack.enter_context(torch.set_grad_enabled(grad))
        stack.enter_context(torch.autocast(device.type, enabled=False))
        yield


@contextmanager
def usual_modes() -> Iterator[None]:
    """PyTorch's thread-local modes as they are on a new thread, but without gradients.

    So that images, too, are read as anywhere else: tensors that were made in a caller's inference
    mode are of no use to autograd afterwards, and under autocast transforms round.
    """
    with ExitStack() as stack:
        stack.enter_context(computing(torch.device("cpu")))
        if torch.cuda.is_available():
            stack.enter_context(torch.autocast("cuda", enabled=False))
        if torch.get_default_device().type != "cpu":
            stack.enter_context(torch.device("cpu"))
        yield


class InUsualModes(Generator[Any, Any, Any]):
    """A generator each of whose steps runs in the usual modes, which are the caller's between."""

    def __init__(self, steps: Generator[Any, Any, Any]) -> None:
        self._steps = steps

    def send(self, value: Any) -> Any:
        """As a generator's."""
        with usual_modes():
            return self._steps.send(value)

    def throw(self, *error: Any) -> Any:
        """As a generator's."""
        with usual_modes():
            return self._steps.throw(*error)

    def close(self) -> None:
        """As a generator's."""
        with usual_modes():
            self._steps.close()


def in_usual_modes(function: Callable[..., Any]) -> Callable[..., Any]:
    """Have a function, or each step of a generator, run in the usual modes."""

    @wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        if inspect.isgeneratorfunction(function):
            return InUsualModes(function(*args, **kwargs))
        with usual_modes():
            return function(*args, **kwargs)

    return call


def methods_in_usual_modes(kind: Class) -> Class:
    """A class decorator: have all public methods, inherited ones too, run in the usual modes."""
    for name, method in inspect.getmembers(kind, inspect.isfunction):
        if name == "__init__" or not name.startswith("_"):
            here = in_usual_modes(method)
            here.__doc__ = inspect.getdoc(method)  # what a protocol says of it stays with it
            setattr(kind, name, here)
    return kind


def precision_note(device: torch.device) -> str:
    """What to know of the device's precision; empty if it is full float32."""
    if device.type == "cuda" and torch.backends.cudnn.allow_tf32:
        return (
            "This process lets the GPU's convolutions round to TF32 (about three digits). For "
            "full float32 set torch.backends.cudnn.allow_tf32 = False."
        )
    return ""
