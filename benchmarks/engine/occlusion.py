"""A whole occlusion map against captum's and a tuned loop of full passes, in one process.

    python -m benchmarks.engine.occlusion [--quick] [--threads N] [--device DEVICE] [network ...]

Patch 32, stride 8, 784 positions, seeded random weights at 224 pixels, one sample photo. All in
milliseconds a position. `captum` is the best of its batch sizes in the default layout; `full` the
best full loop over layouts and batches. Ours is a map as an engine makes one after another, in
batches that grow while they are quick; `first` is its first one, which transforms filters and looks
which way is the quickest. `limit` is the ratio of counted multiply-adds, full passes over ours.
`MB` is how much more memory a process holds at its peak during our map, in a process of its own; on
a GPU, how much more is allocated there. Full float32: no TF32. Rounds are interleaved, medians; the
last line is JSON.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
import torchvision

import zfwidgets as zf
from benchmarks import clock, harness
from zfwidgets.engine.network.memory import Memory
from zfwidgets.engine.network.modes import computing
from zfwidgets.engine.network.network import Network
from zfwidgets.engine.network.one_thread import Quicker
from zfwidgets.engine.occlusion.baselines import Paint, cover
from zfwidgets.engine.occlusion.incremental import Incremental
from zfwidgets.engine.occlusion.linear_layers import linear as weights_of
from zfwidgets.engine.occlusion.positions import Grid, coarse_to_fine, slide
from zfwidgets.engine.occlusion.scoring import WAYS, Scorer
from zfwidgets.engine.occlusion.winograd import WinogradFilters
from zfwidgets.records import Box

MODULE = "benchmarks.engine.occlusion"
NETWORKS = ["vgg16", "alexnet", "resnet18", "squeezenet1_1", "densenet121", "googlenet"]
COLUMNS = (
    "{captum_ms:11.1f}{full_ms:9.1f}{first_ms:10.2f}{ms:8.2f}{vs_captum:11.1f}{vs_full:9.2f}"
    "{mac_limit:11.2f}{max_diff:11.1e}{peak_mb:9.0f}"
)
QUICK = ["alexnet", "resnet18"]
PATCH, STRIDE, SIZE = 32, 8, 224


def build(name: str) -> torch.nn.Module:
    torch.manual_seed(0)
    options = {"init_weights": False} if name == "googlenet" else {}
    model: torch.nn.Module = getattr(torchvision.models, name)(weights=None, **options)
    return model.eval()


class Maps:
    """Maps of a network's images, one after another, as an engine makes them."""

    def __init__(self, network: Network, quick: bool) -> None:
        self._network = network
        self._grid = Grid((PATCH, PATCH), (STRIDE, STRIDE), (SIZE, SIZE))
        self._skipped = np.zeros(self._grid.shape, dtype=bool)
        if quick:
            rows, cols = coarse_to_fine(*self._grid.shape)[self._skipped.size // 4 :].T
            self._skipped[rows, cols] = True
        self._quicker, self._transformed = Quicker(len(WAYS)), WinogradFilters()
        cells = coarse_to_fine(*self._grid.shape)
        self._cells = cells[~self._skipped[cells[:, 0], cells[:, 1]]]

    @property
    def boxes(self) -> list[Box]:
        """The positions, in their order."""
        return [self._grid.box(int(row), int(col)) for row, col in self._cells]

    def slide(self, image: torch.Tensor) -> torch.Tensor:
        """Class scores at each position."""
        scorer = Scorer(
            self._network,
            image,
            Paint(torch.zeros(3, 1, 1)),
            quicker=self._quicker,
            transformed=self._transformed,
        )
        scorer.prepare(self._grid.occluders(self._cells))
        memory = Memory(self._network.device)
        batches = slide(scorer, self._grid, self._skipped, memory)
        return torch.from_numpy(np.concatenate([batch.scores.logits for batch in batches]))


def held(key: str) -> float:
    """MB that this process holds (VmRSS) or has held at most (VmHWM); of Linux alone."""
    status = Path("/proc/self/status").read_text()
    return int(status.split(f"{key}:")[1].split()[0]) / 1024


def peak(name: str, quick: bool) -> None:
    """Print how many MB a map takes more than the network itself."""
    network = Network(build(name), torch.zeros(3, SIZE, SIZE), "cpu")
    Path("/proc/self/clear_refs").write_text("5")  # the most so far is what there is now
    before = held("VmRSS")
    Maps(network, quick).slide(torch.rand(3, SIZE, SIZE))
    print(held("VmHWM") - before)


def measure(name: str, image: torch.Tensor, quick: bool, device: str) -> dict[str, float]:
    from captum.attr import Occlusion

    model = build(name).to(device)
    network = Network(model, image, device)
    image = image.to(device)
    assert network.graph.output is not None
    maps = Maps(network, quick)
    boxes = maps.boxes
    baseline = torch.zeros(3, 1, 1, device=device)
    with computing(network.device):
        target = int(model(image[None]).argmax())
        incremental = Incremental(network.graph, image, [network.graph.output])
    found: list[torch.Tensor] = []

    def ours() -> None:
        found[:] = [maps.slide(image)]

    captum = Occlusion(model)

    def peer(batch: int) -> Callable[[], object]:
        return lambda: captum.attribute(
            image[None],
            sliding_window_shapes=(3, PATCH, PATCH),
            strides=(3, PATCH, PATCH),
            target=target,
            perturbations_per_eval=batch,
        )

    peers = (SIZE // PATCH) ** 2 + 1  # positions, and the pass without
    layouts = {
        layout: build(name).to(device, memory_format=layout)
        for layout in (torch.contiguous_format, torch.channels_last)
    }

    def loop(layout: torch.memory_format, batch: int) -> Callable[[], object]:
        def run() -> None:
            with computing(network.device):
                covered = torch.stack([cover(image, box, baseline) for box in boxes[:batch]])
                layouts[layout](covered.contiguous(memory_format=layout))

        return run

    rounds = 1 if quick else 3
    ways = {("captum", b): (peer(b), peers) for b in ((8,) if quick else (1, 8, 32))}
    ways |= {
        (layout, b): (loop(layout, b), b)
        for layout in layouts
        for b in ((16,) if quick else (8, 16, 32, 64))
    }
    times: dict[object, list[float]] = {key: [] for key in ways}
    first, mine = clock.seconds(ours, device) / len(boxes), []
    for _ in range(rounds):
        mine.append(clock.seconds(ours, device) / len(boxes))
        for key, (call, count) in ways.items():
            times[key].append(clock.seconds(call, device) / count)
    medians = {key: statistics.median(taken) for key, taken in times.items()}
    best_captum = min(v for (way, _), v in medians.items() if way == "captum")
    best_full = min(v for (way, _), v in medians.items() if way != "captum")
    ms = statistics.median(mine)
    (logits,) = found
    some = list(range(0, len(boxes), len(boxes) // 24))
    with computing(network.device):
        full = torch.cat([model(cover(image, boxes[i], baseline)[None]) for i in some])
    # linear layers run in full either way
    linear = sum(found[0].numel() for n in network.graph.nodes if (found := weights_of(n)))
    part, whole = (work + linear * len(boxes) for work in incremental.work(boxes))
    child = harness.child(MODULE, "--peak", name, *(["--quick"] if quick else []))
    if device == "cpu":
        megabytes = float(subprocess.run(child, check=True, capture_output=True, text=True).stdout)
    else:
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        ours()
        megabytes = (torch.cuda.max_memory_allocated() - before) / 2**20
    return {
        "vs_captum": best_captum / ms,
        "vs_full": best_full / ms,
        "mac_limit": whole / part,
        "max_diff": float((logits[some] - full.cpu()).abs().max() / full.abs().max()),
        "peak_mb": megabytes,
        "first_ms": 1e3 * first,
        "ms": 1e3 * ms,
        "captum_ms": 1e3 * best_captum,
        "full_ms": 1e3 * best_full,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("networks", nargs="*", metavar="network")
    clock.add_options(parser, "fewer networks, positions and rounds")
    parser.add_argument("--peak", metavar="network", help=argparse.SUPPRESS)
    arguments = harness.options(parser)
    clock.prepare(arguments)
    if arguments.peak:
        peak(arguments.peak, arguments.quick)
        return
    warnings.simplefilter("ignore")
    engine = zf.Engine(zf.samples.network(), zf.samples.photos(), device="cpu")
    image = engine.session.source.tensor(0)
    table = {}
    lines = harness.Columns("ms a position", 16, COLUMNS)
    for name in arguments.networks or (QUICK if arguments.quick else NETWORKS):
        table[name] = measure(name, image, arguments.quick, arguments.device)
        lines.line(name, table[name])
    harness.finish(table)


if __name__ == "__main__":
    main()
