"""PyTorch's modes and precision while the engine computes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import torch


@contextmanager
def computing(device: torch.device, *, grad: bool = False) -> Iterator[None]:
    """PyTorch's thread-local modes as the engine needs them, whatever the caller's are."""
    with ExitStack() as stack:
        stack.enter_context(torch.inference_mode(False))
        stack.enter_context(torch.set_grad_enabled(grad))
        stack.enter_context(torch.autocast(device.type, enabled=False))
        yield


def precision_note(device: torch.device) -> str:
    """What to know of the device's precision; empty if it is full float32."""
    if device.type == "cuda" and torch.backends.cudnn.allow_tf32:
        return (
            "This process lets the GPU's convolutions round to TF32 (about three digits). For "
            "full float32 set torch.backends.cudnn.allow_tf32 = False."
        )
    return ""
