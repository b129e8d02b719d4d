"""How windows of maps compare with whole maps on a device: fewer multiply-adds, more operations.

What an operation costs was found with `benchmarks.engine.projection` and
`benchmarks.engine.occlusion`, on two cores of a Xeon and on an H100.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Costs:
    """What decides between windows and whole maps; a CPU's unless others are given.

    Attributes
    ----------
    per_operation
        What starting an operation on a small map costs, in multiply-adds.
    per_window
        The same for an occluder's window, at one of many positions.
    whole_up
        Whether the way up, which finds switches, takes whole images. On GPUs it does: kernels for
        windows round otherwise there, and where values tie, as in a photo's flat parts, other
        switches come out.
    at_once
        Bytes of the largest tensor that may stand there while positions are scored.
    one_thread
        Multiply-adds of a unit, one way, up to which its operations have one thread each
        (`zfwidgets.engine.network.one_thread`).
    several
        The same from which several units are computed at the same time: below, Python's own work
        between the operations takes longer than they do.
    """

    per_operation: int = 15_000_000
    per_window: int = 0
    whole_up: bool = False
    at_once: int = 1 << 28
    one_thread: int = 2_000_000_000
    several: int = 10_000_000


CPU = Costs()
GPU = Costs(
    per_operation=200_000_000,
    per_window=500_000_000,
    whole_up=True,
    at_once=1 << 30,
    one_thread=0,
    several=0,
)


def costs_on(device: torch.device) -> Costs:
    """Those of a device."""
    return CPU if device.type == "cpu" else GPU
