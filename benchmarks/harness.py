"""What all benchmarks share: their options, the machine that they ran on, and how they end.

    python -m benchmarks.engine.index --beside 1

``--beside N`` keeps N processes busy meanwhile, as a browser, another notebook or a neighbour on a
shared machine does. What is measured beside nothing on a machine that is busy anyway shows in the
load: the last line, one JSON object, has it, with the machine.
"""

from __future__ import annotations

import argparse
import atexit
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from string import Formatter
from typing import Any

BUSY = "import os\nparent = os.getppid()\nwhile os.getppid() == parent:\n    sum(range(100_000))"
"""What a neighbour does: one core's work, little memory, until the benchmark ends."""
ROOT = Path(__file__).resolve().parents[1]

_about: dict[str, Any] = {}


def options(parser: argparse.ArgumentParser) -> argparse.Namespace:
    """Read a benchmark's options, say what machine this is, and start its neighbours.

    Benchmarks run processes of their own by `child`: those have neither neighbours nor a machine
    to tell of.
    """
    parser.add_argument(
        "--beside", type=int, default=0, metavar="N", help="busy processes that run meanwhile"
    )
    found = parser.parse_args()
    if os.environ.get("ZFWIDGETS_BENCHMARK_CHILD"):
        return found
    _about.update(machine=machine(), load=[load()], beside=found.beside)
    for _ in range(found.beside):
        neighbour = subprocess.Popen([sys.executable, "-c", BUSY])
        atexit.register(neighbour.wait)
        atexit.register(neighbour.kill)  # called first
    said = ", ".join(f"{value}" for value in _about["machine"].values())
    print(f"{said}; load {_about['load'][0]}; beside {found.beside} busy processes", flush=True)
    return found


def finish(figures: Mapping[str, Any]) -> None:
    """Print the last line: the figures to four digits, and what they were measured on, as JSON."""
    if _about:
        _about["load"].append(load())
    print(json.dumps({**_about, **_rounded(figures)}))


class Columns:
    """A printed table: a line for each case with figures of its, as ``"{ms:8.1f}{mb:7.0f}"``."""

    def __init__(self, what: str, wide: int, figures: str) -> None:
        self._wide, self._figures = wide, figures
        parts = [(name, spec or "") for _, name, spec, _ in Formatter().parse(figures)]
        heads = (f"{name:>{spec.partition('.')[0]}}" for name, spec in parts)
        print(f"{what:{wide}}{''.join(heads)}")

    def line(self, name: str, figures: Mapping[str, Any]) -> None:
        """Print a case's line."""
        print(f"{name:{self._wide}}{self._figures.format(**figures)}", flush=True)


def child(module: str, *arguments: str) -> list[str]:
    """The command that runs a benchmark's own process, from the repository's root."""
    os.environ["ZFWIDGETS_BENCHMARK_CHILD"] = "1"
    return [sys.executable, "-m", module, *arguments]


def machine() -> dict[str, Any]:
    """What the figures depend on, as far as the system tells."""
    found: dict[str, Any] = {
        "processor": processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None,
        "system": f"{platform.system()} {platform.machine()}",
        "date": time.strftime("%Y-%m-%d"),
    }
    if "torch" in sys.modules:
        torch = sys.modules["torch"]
        found["torch"] = torch.__version__
        found["threads"] = f"{torch.get_num_threads()} threads"
    return found


def processor() -> str:
    """What the processor is called."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(": ")[2] for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def load() -> float | None:
    """How many processes wanted to run, averaged over the last minute; None if unknown."""
    return round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None


def _rounded(value: Any) -> Any:
    """Figures, however deep, to four digits."""
    if isinstance(value, Mapping):
        return {key: _rounded(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(inner) for inner in value]
    return float(f"{value:.4g}") if isinstance(value, float) else value
