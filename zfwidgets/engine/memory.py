"""Batches as large as the device's memory allows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import torch

from ..errors import UnsupportedModel

Item = TypeVar("Item")
Result = TypeVar("Result")

OutOfMemory = torch.cuda.OutOfMemoryError


class Memory:
    """Computes batches in parts where they don't fit, and remembers what did.

    Attributes
    ----------
    note
        What had to be made smaller; empty if everything fitted.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._fits: dict[str, int] = {}

    @property
    def note(self) -> str:
        """What had to be made smaller, in a sentence."""
        if not self._fits:
            return ""
        parts = (f"{what}: {size} images at a time" for what, size in self._fits.items())
        return (
            f"The memory of {self._device} ran out, so batches were made smaller: "
            f"{'; '.join(parts)}."
        )

    def in_parts(
        self, what: str, compute: Callable[[Sequence[Item]], Result], items: Sequence[Item]
    ) -> list[Result]:
        """Results of ``compute`` on parts of ``items``, in order, as large as they fit.

        ``compute`` must leave nothing behind when it runs out of memory.
        """
        size = min(self._fits.get(what, len(items)), len(items))
        results: list[Result] = []
        start = 0
        while start < len(items):
            try:
                results.append(compute(items[start : start + size]))
                start += size
                continue
            except OutOfMemory as error:
                if size == 1:
                    raise UnsupportedModel(
                        f"The memory of {self._device} doesn't hold one image ({what}): free some, "
                        "take a smaller image, or zf.Engine(..., device='cpu')."
                    ) from error
            # Out of the except block: the error's traceback kept the batch's tensors alive.
            size = self._fits[what] = size // 2
            if self._device.type == "cuda":
                torch.cuda.empty_cache()
        return results
