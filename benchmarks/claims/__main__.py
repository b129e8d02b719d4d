"""``python -m benchmarks.claims [--measure NAME ...]``: measure, and write docs/claims.md.

Without ``--measure`` nothing is computed: the page is written anew from ``measured/``.
"""

from __future__ import annotations

import argparse
import json
import platform
import time
from pathlib import Path
from typing import Any

import torch

from . import looking, training
from .bench import Bench
from .page import MEASURED, PAGE, page, read

PARTS = {
    part.__name__: part
    for part in (
        looking.hierarchy,
        training.evolution,
        looking.invariance,
        training.architecture,
        training.averaging,
        looking.occlusion,
        looking.correspondence,
        training.ablation,
        training.transfer,
        training.labels,
        looking.copies,
    )
}


def rounded(numbers: Any) -> Any:
    """Five digits of every number: more would only make the files large."""
    if isinstance(numbers, dict):
        return {name: rounded(value) for name, value in numbers.items()}
    if isinstance(numbers, list):
        return [rounded(value) for value in numbers]
    return float(f"{numbers:.5g}") if isinstance(numbers, float) else numbers


def main() -> None:
    """Measure what is asked for; write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--measure", nargs="*", default=[], choices=PARTS, help="names of parts")
    parser.add_argument("--cifar", type=Path, help="an .npz file with CIFAR-10")
    parser.add_argument("--photos", type=Path, help="class folders")
    parser.add_argument("--work", type=Path, help="keeps what is done")
    parser.add_argument("--voc", type=Path, help="a folder with PASCAL VOC 2012, for labels")
    parser.add_argument("--seeds", type=int, default=3, help="networks of each kind")
    parser.add_argument("--full", action="store_true", help="trainings of hours")
    options = parser.parse_args()
    if options.measure:
        if None in (options.cifar, options.photos, options.work):
            parser.error("--measure needs --cifar, --photos and --work")
        options.work.mkdir(parents=True, exist_ok=True)
        bench = Bench(
            options.cifar,
            options.photos,
            options.work,
            options.seeds,
            options.full,
            options.voc,
        )
        for name in options.measure:
            began = time.monotonic()
            numbers = PARTS[name](bench)
            made = {
                "torch": torch.__version__.split("+")[0],
                "threads": torch.get_num_threads(),
                "machine": platform.machine(),
                "date": time.strftime("%Y-%m-%d"),
                "minutes": round((time.monotonic() - began) / 60, 1),
            }
            text = json.dumps({"made": made, **rounded(numbers)}, separators=(",", ":"))
            (MEASURED / f"{name}.json").write_text(text + "\n")
            print(f"{name}: {made['minutes']} min", flush=True)
    PAGE.write_text(page(read()))


if __name__ == "__main__":
    main()
