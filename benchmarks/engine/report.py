"""How long a report of the samples takes, by stage.

    python -m benchmarks.engine.report [--layers features.3.expand3x3,features.9] [--beside 1]

The default report of the sample SqueezeNet and photos (or of some of its layers), of an engine
whose index is there: seconds by the clock and of the processor, the file's size, and of how many
channels it holds all projections. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import zfwidgets as zf
from benchmarks import harness
from zfwidgets.reports.writing.collecting import Collector

STAGES = ("statistics", "ranges", "photos", "first", "maps", "strongest", "chosen", "further")


def timed(took: dict[str, dict[str, float]], stage: str) -> None:
    """Have a stage of reports told how long it takes."""
    real = getattr(Collector, f"_{stage}", None)
    if real is None:
        return

    def run(collector: Collector) -> Iterator[Any]:
        clock, processor = time.perf_counter(), time.process_time()
        yield from real(collector)
        took[stage] = {"s": time.perf_counter() - clock, "cpu_s": time.process_time() - processor}

    setattr(Collector, f"_{stage}", run)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--layers", help="names, with commas between; none: as by default")
    options = harness.options(parser)
    took: dict[str, dict[str, float]] = {}
    for stage in STAGES:
        timed(took, stage)
    engine = zf.Engine(zf.samples.network(), zf.samples.photos())
    layers = options.layers and options.layers.split(",")
    with tempfile.TemporaryDirectory() as folder:
        clock, processor = time.perf_counter(), time.process_time()
        path = Path(folder) / "report.html"
        saved = zf.save_report(engine, path, layers=layers, progress=False)
        took["all"] = {
            "s": time.perf_counter() - clock,
            "cpu_s": time.process_time() - processor,
        }
        manifest = zf.load_report(path)._manifest
    held = {
        (name, channel)
        for name, layer in manifest["layers"].items()
        for chunk in layer["projections"]
        if chunk["k"] > 1
        for channel in chunk["channels"]
    }
    channels = sum(engine.layer(name).channels for name in saved.plan.layers)
    for stage, one in took.items():
        print(f"{stage:12}{one['s']:8.1f} s{one['cpu_s']:8.1f} s of the processor")
    print(f"{saved.size / 1e6:.1f} MB; all projections of {len(held)} of {channels} channels")
    figures = {"mb": saved.size / 1e6, "all_nine": len(held), "channels": channels}
    harness.finish({**figures, "stages": took})


if __name__ == "__main__":
    main()
