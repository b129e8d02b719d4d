"""How quickly images reach the network: each stage by itself, and the whole pass.

    python -m benchmarks.engine.feeding [--quick] [--images DIR] [--device DEVICE] [--net NET ...]

JPEG files of 500 x 375 pixels, made from the package's photos (or the files of DIR), through
torchvision's usual transform: shorter side to 256 pixels, the centre's 224 x 224, normalised.

- *decode + resize*, one thread, images per second of CPU time: Pillow's, and torchvision's kernels
  as `zfwidgets.images.feeding.quick` has them, 20 files each in turns; and the difference of what
  the network gets, in levels of 256.
- *reading*: files to tensors, in one thread and in worker processes that are up.
- *forward*: batches that are in memory already; for batches of 8 to 64 in turns, the best round of
  each, and the size that the index takes by itself.
- *pass*: the index, everything together, once the workers are up. It can be no quicker than the
  slowest stage, and on a CPU all of them share the cores.

All but the first are by the clock, so other load counts. The last line is one JSON object: images
per second.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from itertools import cycle
from pathlib import Path
from typing import Any

import torch
import torchvision
from PIL import Image
from torchvision.transforms import v2

import zfwidgets as zf
from benchmarks import harness
from zfwidgets.engine.network.memory import batch_size
from zfwidgets.engine.network.modes import computing
from zfwidgets.engine.network.network import Network
from zfwidgets.images import source
from zfwidgets.images.feeding import quick
from zfwidgets.images.feeding.prefetch import prefetch
from zfwidgets.images.feeding.workers import Workers, default_workers
from zfwidgets.images.pixels import decode
from zfwidgets.images.source import ImageSource

NETS = ("squeezenet1_1", "resnet18")
BATCHES = (8, 16, 32, 64)
TURN = 20
STARTING = 6.0
"""Seconds that the workers are given to start."""
TRANSFORM = zf.samples.photos().transform


def make(folder: Path, count: int) -> list[Path]:
    """JPEG files of the package's photos, each a little narrower than the last."""
    photos = zf.samples.photos()
    paths = [folder / f"{number:04}.jpg" for number in range(count)]
    for number, path in enumerate(paths):
        wide = 500 - number // len(photos)
        photo = photos[number % len(photos)].resize((wide, 375), Image.Resampling.LANCZOS)
        photo.save(path, quality=90)
    return paths


def decoding(paths: list[Path]) -> dict[str, float]:
    """Decode + resize by Pillow and by torchvision, images per second, medians of the files."""
    resize, crop = v2.Resize(256, antialias=True), v2.CenterCrop(224)
    ways: dict[str, Callable[[Path], Any]] = {
        "pillow": lambda path: crop(resize(decode.read_rgb(path))),
        "torchvision": lambda path: crop(resize(quick.read(path))),
    }
    times: dict[str, list[float]] = {name: [] for name in ways}
    for first in range(0, len(paths), TURN):
        for name in ways:
            for path in paths[first : first + TURN]:
                started = time.process_time()
                ways[name](path)
                times[name].append(time.process_time() - started)
    return {name: 1 / statistics.median(seconds) for name, seconds in times.items()}


def differences(paths: list[Path]) -> dict[str, float]:
    """Of what the network gets by the quick way from what Pillow gives it, in levels."""
    images = ImageSource.of(paths, TRANSFORM)
    found = [
        quick.levels(images.tensor(number), TRANSFORM(decode.read_rgb(path)), TRANSFORM)
        for number, path in enumerate(paths)
    ]
    return {"mean": statistics.fmean(found), "largest": max(found)}


def reading(paths: list[Path], seconds: float) -> dict[str, float]:
    """Files to tensors, images per second."""
    images = ImageSource.of(paths, TRANSFORM)
    started = time.perf_counter()
    for _ in images.feed(range(len(paths)), workers=0):
        pass
    one, count = len(paths) / (time.perf_counter() - started), default_workers()
    many = cycle(range(len(paths)))
    with closing(Workers(images._reader, count)) as pool:
        while len(pool.pids) < count:
            time.sleep(0.1)
        with closing(prefetch(pool.look, many, count)) as readings:
            started, read = time.perf_counter(), 0
            while time.perf_counter() - started < seconds:
                next(readings)
                read += 1
            processes = read / (time.perf_counter() - started)
    return {"one thread": one, "processes": processes}


def forwards(network: Network, rounds: int) -> dict[int, float]:
    """Plain passes for each size of batch, images per second, in turns."""
    images = torch.randn(BATCHES[-1], 3, 224, 224, generator=torch.Generator().manual_seed(0))
    times: dict[int, list[float]] = {size: [] for size in BATCHES}
    with computing(network.device):
        network(images[:4].to(network.device))
    for _ in range(rounds):
        for size in BATCHES:
            parts = [part.to(network.device) for part in images.split(size)]
            started = time.perf_counter()
            with computing(network.device):
                for part in parts:
                    network(part).cpu()
            times[size].append(time.perf_counter() - started)
    return {size: len(images) / min(seconds) for size, seconds in times.items()}


def whole(network: torch.nn.Module, paths: list[Path], device: str, seconds: float) -> float:
    """The index, images per second, from the moment on when the workers should be up."""
    many = paths * ((20_000 if device == "cpu" else 60_000) // len(paths))
    engine = zf.Engine(network, many, TRANSFORM, device=device, cache=False)
    started = began = time.perf_counter()
    first = 0
    for progress in engine.index_steps():
        now = time.perf_counter()
        if not first and now - started > STARTING:
            first, began = progress.done, now
        if first and now - began > seconds:
            return (progress.done - first) / (now - began)
    raise RuntimeError("the pass was over too soon")


def main() -> None:
    """Print tables, then one line of JSON."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="fewer images and rounds")
    parser.add_argument("--images", type=Path, help="a folder of JPEG files instead of the photos")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--net", action="append", help="of torchvision; may be given again")
    options = harness.options(parser)
    few = options.quick
    source.MANY = 0  # processes for however few images
    with tempfile.TemporaryDirectory() as made:
        if options.images:
            paths = sorted(options.images.rglob("*.jp*g"))[: 120 if few else 1000]
        else:
            paths = make(Path(made), 120 if few else 1000)
        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        found: dict[str, Any] = {"decode + resize": decoding(paths), "levels": differences(paths)}
        speeds, levels = found["decode + resize"], found["levels"]
        found["ratio"] = speeds["torchvision"] / speeds["pillow"]
        print(f"{len(paths)} files, {default_workers()} CPUs, {threads} threads")
        print(
            f"decode + resize: Pillow {speeds['pillow']:.0f} a CPU second, torchvision "
            f"{speeds['torchvision']:.0f}, {found['ratio']:.2f}x; the network's input differs by "
            f"{levels['mean']:.4f} levels on average, {levels['largest']:.4f} in the worst file"
        )
        found["reading"] = reading(paths, 3 if few else 20)
        torch.set_num_threads(threads)
        print(
            f"reading: {found['reading']['one thread']:.0f}/s in one thread, "
            f"{found['reading']['processes']:.0f}/s in processes",
            flush=True,
        )
        for net in options.net or NETS:
            torch.manual_seed(0)
            model = torchvision.models.get_model(net, weights=None).eval()
            network = Network(model, torch.zeros(3, 224, 224), options.device)
            chosen = batch_size(network.graph, network.device)
            speed = forwards(network, 1 if few else 5)
            passing = whole(model, paths, options.device, 6 if few else 60)
            found[net] = {"forward": speed, "batch": chosen, "pass": passing}
            sizes = ", ".join(f"{size}: {value:.1f}" for size, value in speed.items())
            print(
                f"{net} on {network.device}: forward by batch {sizes}; taken: {chosen}; "
                f"whole pass {passing:.1f}/s",
                flush=True,
            )
    harness.finish(found)


if __name__ == "__main__":
    main()
