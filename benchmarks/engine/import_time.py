"""How long ``import zfwidgets`` takes beside a bare interpreter, and the quickstart beside PyTorch.

``python -m benchmarks.engine.import_time [--quick]`` prints a table and, as its last line, one
line of JSON: medians in milliseconds over interleaved fresh processes, and their differences. The
quickstart ends where its Explorer stands and the strongest patches are cut.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time

from benchmarks import harness

QUICKSTART = """
import torch
import zfwidgets as zf
engine = zf.Engine(zf.samples.network(), zf.samples.photos())
explorer = zf.Explorer(engine, layer="features.10", channel=50, photo="coffee")
patches = [engine.patch(one) for one in engine.top("features.10", 50)]
"""
PROGRAMS = {
    "bare": "pass",
    "import zfwidgets": "import zfwidgets",
    "import torch": "import torch",
    "quickstart": QUICKSTART,
}


def seconds(program: str) -> float:
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", program], check=True)
    return time.perf_counter() - started


def main() -> None:
    """Time all, in turns; the first round only warms the disk cache."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="7 rounds instead of 31")
    rounds = 7 if harness.options(parser).quick else 31
    times: dict[str, list[float]] = {name: [] for name in PROGRAMS}
    for _ in range(rounds + 1):
        for name, program in PROGRAMS.items():
            times[name].append(seconds(program) * 1e3)
    medians = {name: statistics.median(values[1:]) for name, values in times.items()}
    for name, median in medians.items():
        print(f"{name:20} {median:7.1f} ms")
    bare, ours, torch, quickstart = medians.values()
    harness.finish(
        {
            "python": sys.version.split()[0],
            "rounds": rounds,
            "bare_ms": round(bare, 1),
            "import_ms": round(ours, 1),
            "more_ms": round(ours - bare, 1),
            "quickstart_after_torch_ms": round(quickstart - torch, 1),
        }
    )


if __name__ == "__main__":
    main()
