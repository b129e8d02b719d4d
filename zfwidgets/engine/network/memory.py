"""Batches as large as the device's memory allows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from math import prod
from typing import TypeVar

import torch

from ...errors import UnsupportedModel
from .graph.graph import Graph, Ref

Item = TypeVar("Item")
Result = TypeVar("Result")

OutOfMemory = torch.cuda.OutOfMemoryError

MOST = {"cpu": 16}
MOST_ON_GPU = 64
"""Images in a batch, at the most (`benchmarks/engine/feeding.py` compares sizes)."""
ROOM = 192 * 2**20
"""Bytes that a batch's tensors may take on a CPU.

So no tensor of usual networks is above 64 MB, the most that a thread's heap of glibc's holds: what
is larger goes back to the system at once, whatever `allocation` says.
"""
SHARE = 4
"""What is used of a GPU's memory: one part in so many."""


def batch_size(graph: Graph, device: torch.device) -> int:
    """How many images to look at at once, by the memory that one takes, as counted.

    The same for the same network, input and device, whatever else is going on there: images that
    shared a batch share it again, to the same bits. Where it doesn't fit after all, `Memory` makes
    it smaller.
    """
    room = ROOM
    if device.type == "cuda":
        room = torch.cuda.get_device_properties(device).total_memory // SHARE
    fitting = max(1, room // (4 * live_elements(graph)))
    return int(min(MOST.get(device.type, MOST_ON_GPU), 1 << (fitting.bit_length() - 1)))


def live_elements(graph: Graph) -> int:
    """Elements of one image's tensors that stand side by side at the most, in a forward pass.

    Each tensor lives from the operation that makes it to the last that reads it.
    """
    uses = Counter(ref for node in graph.nodes for ref in node.inputs)
    sizes = {Ref(-1): prod(graph.image)}
    now = most = sizes[Ref(-1)]
    for node in graph.nodes:
        made = {Ref(node.index, i): prod(shape) for i, shape in enumerate(node.shapes)}
        sizes.update(made)
        now += sum(made.values())
        most = max(most, now)
        for ref in node.inputs:
            uses[ref] -= 1
        for ref in {*node.inputs, *made}:
            if not uses[ref]:
                now -= sizes.pop(ref, 0)
    return max(1, most)


NONE_LEFT = ("out of memory", "can't allocate memory", "not enough memory")
"""What MPS and the CPU's allocator say, on any system."""


def ran_out(error: RuntimeError) -> bool:
    """Whether an error says that there's no memory left."""
    return isinstance(error, OutOfMemory) or any(words in str(error) for words in NONE_LEFT)


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
            except RuntimeError as error:
                if not ran_out(error):
                    raise
                if size == 1:
                    raise UnsupportedModel(
                        f"The memory of {self._device} doesn't hold one image ({what}): free some, "
                        "take a smaller image, or another device, zf.Engine(..., device=...)."
                    ) from error
            # Out of the except block: the error's traceback kept the batch's tensors alive.
            size = self._fits[what] = size // 2
            if self._device.type == "cuda":
                torch.cuda.empty_cache()
        return results
