"""What benchmarks that compute share: where, with how many threads, and their clock."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import torch


def add_options(parser: argparse.ArgumentParser, quick: str) -> None:
    """Let it be chosen where is computed and with how many threads, or that less is."""
    parser.add_argument("--quick", action="store_true", help=quick)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", default="cpu", help="cpu or cuda")


def prepare(options: argparse.Namespace) -> None:
    """Have PyTorch compute as was chosen, in full float32."""
    torch.set_num_threads(options.threads)
    torch.backends.cudnn.allow_tf32 = False


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
