"""What the benchmarks share: the clock, and how they end."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping

import torch


def seconds(call: Callable[[], object], device: torch.device | str = "cpu") -> float:
    """How long a call takes, until the device has done what it was given."""
    finish(device)
    started = time.perf_counter()
    call()
    finish(device)
    return time.perf_counter() - started


def finish(device: torch.device | str) -> None:
    """Wait for a GPU."""
    if torch.device(device).type == "cuda":
        torch.cuda.synchronize()


def print_figures(table: Mapping[str, Mapping[str, float]]) -> None:
    """A benchmark's last line: its figures by name, four digits of each, as one JSON object."""
    rows = {k: {n: float(f"{v:.4g}") for n, v in row.items()} for k, row in table.items()}
    print(json.dumps(rows))
