"""A whole occlusion map against captum's and a tuned loop of full passes, in one process.

    python benchmarks/occlusion.py [--quick] [--threads N] [network ...]

Patch 32, stride 8, 784 positions, seeded random weights at 224 pixels, one sample photo. All in
milliseconds a position. `captum` is the best of its batch sizes in the default layout; `full` the
best full loop over layouts and batches. `limit` is the ratio of counted multiply-adds, full passes
over ours. Rounds are interleaved, medians; the last line is JSON.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
import warnings
from collections.abc import Callable

import torch
import torchvision

import zfwidgets as zf
from zfwidgets.engine.fills import cover
from zfwidgets.engine.incremental import Incremental
from zfwidgets.engine.modes import computing
from zfwidgets.engine.network import Network
from zfwidgets.engine.occlusion import MOST, Grid, coarse_to_fine

NETWORKS = ["vgg16", "alexnet", "resnet18", "squeezenet1_1", "densenet121", "googlenet"]
QUICK = ["alexnet", "resnet18"]
PATCH, STRIDE, SIZE = 32, 8, 224


def seconds(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def measure(name: str, image: torch.Tensor, quick: bool) -> dict[str, float]:
    from captum.attr import Occlusion

    torch.manual_seed(0)
    options = {"init_weights": False} if name == "googlenet" else {}
    model = getattr(torchvision.models, name)(weights=None, **options).eval()
    network = Network(model, image, "cpu")
    assert network.graph.output is not None
    grid = Grid((PATCH, PATCH), (STRIDE, STRIDE), (SIZE, SIZE))
    boxes = [grid.box(int(i), int(j)) for i, j in coarse_to_fine(*grid.shape)]
    boxes = boxes[: len(boxes) // 4] if quick else boxes
    fill = torch.zeros(3, 1, 1)
    with computing(network.device):
        target = int(model(image[None]).argmax())
        incremental = Incremental(network.graph, image, [network.graph.output])
    found: list[torch.Tensor] = []

    def ours() -> None:
        found.clear()
        with computing(network.device):
            fresh = Incremental(network.graph, image, [network.graph.output])
            for start in range(0, len(boxes), MOST):
                out = fresh.compute(boxes[start : start + MOST], fill)
                found.append(out[network.graph.output])

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
        layout: getattr(torchvision.models, name)(weights=None, **options)
        .eval()
        .to(memory_format=layout)
        for layout in (torch.contiguous_format, torch.channels_last)
    }
    for copy in layouts.values():
        copy.load_state_dict(model.state_dict())

    def loop(layout: torch.memory_format, batch: int) -> Callable[[], object]:
        def run() -> None:
            with computing(network.device):
                covered = torch.stack([cover(image, box, fill) for box in boxes[:batch]])
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
    mine = []
    for _ in range(rounds):
        mine.append(seconds(ours) / len(boxes))
        for key, (call, positions) in ways.items():
            times[key].append(seconds(call) / positions)
    medians = {key: statistics.median(taken) for key, taken in times.items()}
    best_captum = min(v for (way, _), v in medians.items() if way == "captum")
    best_full = min(v for (way, _), v in medians.items() if way != "captum")
    ms = statistics.median(mine)
    logits = torch.cat(found)
    some = list(range(0, len(boxes), len(boxes) // 24))
    with computing(network.device):
        full = torch.cat([model(cover(image, boxes[i], fill)[None]) for i in some])
    part, whole = incremental.work(boxes)
    return {
        "vs_captum": best_captum / ms,
        "vs_full": best_full / ms,
        "mac_limit": whole / part,
        "max_diff": float((logits[some] - full).abs().max() / full.abs().max()),
        "ms": 1e3 * ms,
        "captum_ms": 1e3 * best_captum,
        "full_ms": 1e3 * best_full,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("networks", nargs="*", metavar="network")
    parser.add_argument("--quick", action="store_true", help="fewer networks, positions and rounds")
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    warnings.simplefilter("ignore")
    engine = zf.Engine(zf.samples.network(), zf.samples.photos(), device="cpu")
    image = engine._source.tensor(0)
    table = {}
    print(f"{'ms a position':16}{'captum':>9}{'full':>8}{'ours':>8}", end="")
    print(f"{'vs captum':>11}{'vs full':>9}{'limit':>7}{'difference':>12}")
    for name in arguments.networks or (QUICK if arguments.quick else NETWORKS):
        row = measure(name, image, arguments.quick)
        table[name] = row
        print(
            f"{name:16}{row['captum_ms']:9.1f}{row['full_ms']:8.1f}{row['ms']:8.2f}"
            f"{row['vs_captum']:11.1f}{row['vs_full']:9.2f}{row['mac_limit']:7.2f}"
            f"{row['max_diff']:12.1e}",
            flush=True,
        )
    print(
        json.dumps({k: {n: float(f"{v:.4g}") for n, v in row.items()} for k, row in table.items()})
    )


if __name__ == "__main__":
    main()
