"""What an index costs in time, memory, disk and traffic, and what that comes to for many images.

    python -m benchmarks.engine.scale [--net NET] [--threads N] [--device DEVICE] [--ray] [...]

Measured: how fast one worker reads JPEG files of ImageNet's size, computes, and does both; what it
sends back, what merging that takes, what a checkpoint takes, and what each image takes in the list
of images. Extrapolated from that, and called so: how long passes over many images take on many
workers, each as fast as this one. With ``--ray`` two workers of a local Ray are timed beside one
process. Random weights (seeded); photos are the package's own, cut and saved at quality 96.
"""

from __future__ import annotations

import argparse
import io
import pickle
import tempfile
import time
import tracemalloc
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torchvision
from PIL import Image
from torchvision.transforms import v2

import zfwidgets as zf
from benchmarks import harness
from zfwidgets.engine.ranking.cluster.ray_executor import MERGING, SECONDS
from zfwidgets.engine.ranking.cluster.shards import Job, Precision, Shard, Worker
from zfwidgets.engine.ranking.executors import Task
from zfwidgets.engine.ranking.ranking_spec import RankingSpec
from zfwidgets.images.sets.base import Files
from zfwidgets.index.manifest import Manifest
from zfwidgets.index.partial import Partial
from zfwidgets.index.plan import Plan
from zfwidgets.index.storing import narrowed, save

NETS = ("resnet18", "vgg16", "densenet121")
ROWS, COLUMNS = 375, 500
LISTED = 100_000
"""Images in a list whose cost is measured."""
SETS = {"ImageNet": 1_281_167, "100 million": 100_000_000}


def photos(folder: Path, count: int) -> Path:
    """JPEG files of ImageNet's usual size, cut from the package's photos."""
    random = np.random.default_rng(0)
    whole = [np.asarray(zf.samples.photos()[i]) for i in range(len(zf.samples.photos()))]
    folder.mkdir()
    for number in range(count):
        pixels = whole[number % len(whole)]
        scale = max(ROWS / pixels.shape[0], COLUMNS / pixels.shape[1]) * random.uniform(1, 1.3)
        size = [int(np.ceil(side * scale)) for side in pixels.shape[1::-1]]
        image = Image.fromarray(pixels).resize(size, Image.Resampling.LANCZOS)
        left, top = (
            int(random.integers(0, s - t + 1)) for s, t in zip(size, (COLUMNS, ROWS), strict=True)
        )
        cut = image.crop((left, top, left + COLUMNS, top + ROWS))
        cut.save(folder / f"{number:06}.jpg", quality=96)
    return folder


def transform() -> v2.Transform:
    """ImageNet's evaluation transform."""
    return v2.Compose(
        [
            v2.Resize(256, antialias=True),
            v2.CenterCrop(224),
            v2.ToImage(),
            v2.ToDtype(torch.float32, scale=True),
            v2.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
        ]
    )


def engine(net: str, folder: Path, device: str | None) -> zf.Engine:
    """An engine of a network with random weights."""
    torch.manual_seed(0)
    model = torchvision.models.get_model(net, weights=None).eval()
    return zf.Engine(model, folder, transform(), device=device, cache=False)


def seconds(work: Callable[[], Any], times: int = 3) -> float:
    """The least of a few."""
    found = []
    for _ in range(times):
        began = time.perf_counter()
        work()
        found.append(time.perf_counter() - began)
    return min(found)


@dataclass(frozen=True)
class Rates:
    """Images a second of one worker."""

    reading: float
    computing: float
    both: float


def rates(made: zf.Engine, threads: int) -> Rates:
    """Of a worker in this process, after it has warmed up."""
    task = made._indexing.task()
    worker = Worker(Job.of(task, str(task.network.device), Precision.now(threads), threads))
    batches = list(range(len(task.plan)))
    worker.look(Shard.of(task, batches[:1]))
    images = len(task.manifest)

    def read() -> None:
        with closing(task.source.feed(range(images), threads, processes=False)) as feed:
            for _ in feed:
                pass

    reading = images / seconds(read, 2)
    both = images / worker.look(Shard.of(task, batches)).seconds
    numbers = task.plan.images(batches)
    with closing(task.source.feed(numbers, threads, processes=False)) as feed:
        tensors = [tensor for _, tensor in feed]
    memory = zf.Engine(
        made.session.network.module, tensors, device=task.network.device, cache=False
    )
    task = memory._indexing.task()
    worker = Worker(Job.of(task, str(task.network.device), Precision.now(threads), 1))
    worker.look(Shard.of(task, [0]))
    return Rates(reading, images / worker.look(Shard.of(task, batches)).seconds, both)


@dataclass(frozen=True)
class Size:
    """What a network's index takes; sizes in bytes."""

    layers: int
    channels: int
    in_memory: int
    sent: int
    merging: float
    index: int


def size(net: str, folder: Path, device: str | None) -> Size:
    """Measured on two shards of a few real images."""
    made = engine(net, folder, device)
    task = made._indexing.task()
    worker = Worker(Job.of(task, str(task.network.device), Precision.now(), 1))
    one, other = (worker.look(Shard.of(task, [batch])) for batch in (0, 1))
    first, second = one.partial(), other.partial()
    whole = with_whole_sample(first.merged(second), task)
    arrays = whole.to_arrays()[0]
    path = folder.parent / "index.safetensors"
    task.index(whole, {}).save(path)
    return Size(
        len(made.layers),
        len(first.silent),
        sum(array.nbytes for array in arrays.values()),
        len(pickle.dumps(narrowed(of_many(first).to_arrays()[0]), protocol=5)),
        seconds(lambda: first.merged(second)),
        path.stat().st_size,
    )


def of_many(part: Partial) -> Partial:
    """As a shard of hundreds among millions of images would look: larger numbers, no sample."""
    numbers = np.arange(len(part.batches) * 10_000) * 100
    return replace(
        part,
        top=part.top.renumbered(numbers),
        maxima=part.maxima * 20,
        sampled=part.sampled[:0],
        sample=part.sample[:0],
    )


def with_whole_sample(part: Partial, task: Task) -> Partial:
    """With a sample of as many images as a long pass keeps."""
    rows = np.arange(len(task.spec.sampled))
    sample = np.resize(part.sample, (len(rows), part.sample.shape[1]))
    return replace(part, sampled=rows.astype(np.int64), sample=sample)


@dataclass(frozen=True)
class Listed:
    """What one image more takes in the list of images: bytes, and seconds."""

    memory: float
    peak: float
    disk: float
    sent: float
    begin: float
    save: float


def listed(made: zf.Engine) -> Listed:
    """Measured on a list of names like ImageNet's."""
    tracemalloc.start()
    names = [f"n{i % 1000:08}/n{i % 1000:08}_{i}.JPEG" for i in range(LISTED)]
    paths = [Path("/data/imagenet/train", name) for name in names]
    files = Files(paths, names, [name[:9] for name in names], "The list")
    stamps = [f"{110_000 + i % 1000} {1_600_000_000_000_000_000 + i}" for i in range(LISTED)]
    manifest, plan = Manifest(files.names, stamps), Plan.of(LISTED, 16)
    memory = tracemalloc.get_traced_memory()[0] / LISTED
    spec = RankingSpec.of(names)
    peak = tracemalloc.get_traced_memory()[1] / LISTED
    tracemalloc.stop()
    begin = seconds(lambda: (RankingSpec.of(names), manifest.digest, files.stamps), 1) / LISTED
    task = replace(made._indexing.task(), manifest=manifest, plan=plan, spec=spec)
    empty = replace(task.empty(), batches=np.arange(len(plan)))
    path = Path(tempfile.gettempdir()) / f"scale-{time.time_ns()}.safetensors"
    few = replace(task, manifest=Manifest([], []), plan=Plan.of(0, 16))
    few.index(task.empty(), {}).save(path)
    least = path.stat().st_size
    index = task.index(empty, {})
    took = seconds(lambda: save(index, path), 1)
    disk = (path.stat().st_size - least) / LISTED
    path.unlink()
    part = files.part(range(1600))
    sent = len(pickle.dumps((part, stamps[:1600]), protocol=5)) / 1600
    return Listed(memory, peak, disk, sent, begin, took / LISTED)


def on_ray(net: str, folder: Path) -> tuple[float, float]:
    """Images a second of one process with one thread, and of two such workers of a local Ray."""
    torch.set_num_threads(1)
    found = []
    for cluster in (None, zf.ClusterOptions(workers=2, cpus=1)):
        made = engine(net, folder, None)
        made.session.source.feed = feeding_alone(
            made.session.source.feed
        )  # one reader beside one thread
        steps, began, last = made._indexing.steps(way_of(cluster)), 0.0, (0, 0.0)
        for step in steps:
            if step.done and not began:  # workers are up
                began, first = time.perf_counter(), step.done
            last = step.done, time.perf_counter()
        found.append((last[0] - first) / (last[1] - began))
    return found[0], found[1]


def feeding_alone(feed: Any) -> Any:
    return lambda numbers: feed(numbers, 1, False)


def way_of(cluster: Any) -> Any:
    from zfwidgets.engine.ranking.cluster.ray_executor import on_cluster

    return cluster and on_cluster(cluster)


def duration(spent: float) -> str:
    """In the unit that people would take."""
    for unit, length in (("days", 86400), ("h", 3600), ("min", 60)):
        if spent >= 2 * length:
            return f"{spent / length:.3g} {unit}"
    return f"{spent:.2g} s"


def amount(count: float) -> str:
    """Of bytes."""
    for unit, factor in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= factor:
            return f"{count / factor:.3g} {unit}"
    return f"{count:.0f} B"


def table(head: list[str], rows: list[list[str]]) -> None:
    """Print as Markdown."""
    text = io.StringIO()
    for row in (head, ["---"] * len(head), *rows):
        text.write(f"| {' | '.join(row)} |\n")
    print(text.getvalue())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--net", default="resnet18")
    parser.add_argument("--images", type=int, default=512, help="files to read")
    parser.add_argument("--threads", type=int, default=1, help="of a worker")
    parser.add_argument("--device", help="cpu or cuda; default: a GPU where there is one")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 16, 128])
    parser.add_argument("--ray", action="store_true", help="time two workers of a local Ray")
    options = harness.options(parser)
    torch.set_num_threads(options.threads)
    with tempfile.TemporaryDirectory() as scratch:
        folder = photos(Path(scratch) / "photos", options.images)
        bytes_each = np.mean([path.stat().st_size for path in folder.iterdir()])
        made = engine(options.net, folder, options.device)
        device = made.session.network.device
        rate, each = rates(made, options.threads), listed(made)
        sizes = {
            net: size(net, folder, options.device) for net in dict.fromkeys((options.net, *NETS))
        }
        pair = on_ray(options.net, folder) if options.ray else None
    print(
        f"\nMeasured, {options.net} on {device}, a worker with {options.threads} threads, "
        f"{options.images} JPEG files of {COLUMNS} x {ROWS} pixels, {amount(bytes_each)} on "
        "average:\n"
    )
    table(
        ["images/s", ""],
        [
            ["reading alone", f"{rate.reading:.1f}"],
            ["computing alone", f"{rate.computing:.1f}"],
            ["both, as a worker does", f"{rate.both:.1f}"],
            *(
                [
                    ["one process, one thread", f"{pair[0]:.1f}"],
                    ["two workers of Ray", f"{pair[1]:.1f}"],
                ]
                if pair
                else []
            ),
        ],
    )
    table(
        ["network", "layers", "channels", "in memory", "sent by a shard", "merging", "index"],
        [
            [
                net,
                f"{s.layers}",
                f"{s.channels:,}",
                amount(s.in_memory),
                amount(s.sent),
                f"{s.merging * 1e3:.0f} ms",
                amount(s.index),
            ]
            for net, s in sizes.items()
        ],
    )
    table(
        ["each image in the list takes", ""],
        [
            ["memory of the driver", amount(each.memory)],
            ["while it begins", amount(each.peak)],
            ["disk, in the index and each checkpoint", amount(each.disk)],
            ["sent to a worker", amount(each.sent)],
            ["time to begin", f"{each.begin * 1e6:.1f} µs"],
            ["time of a checkpoint", f"{each.save * 1e6:.1f} µs"],
        ],
    )
    own = sizes[options.net]
    figures: dict[str, Any] = {"rate": vars(rate), "each": vars(each)}
    figures["sizes"] = {net: vars(found) for net, found in sizes.items()}
    print("Extrapolated, each worker as fast as this one:\n")
    rows = []
    for name, images in SETS.items():
        for workers in options.workers:
            shard = max(SECONDS, MERGING * own.merging * workers)
            shards = images / (shard * rate.both)
            rows.append(
                [
                    name,
                    f"{workers}",
                    duration(images / rate.both / workers + images * each.begin),
                    f"{rate.both * workers:,.0f}",
                    f"{amount(bytes_each * rate.both * workers)}/s",
                    amount(shards * own.sent + images * each.sent),
                    f"{100 * own.merging * workers / shard:.1f} %",
                ]
            )
    table(
        [
            "images",
            "workers",
            "time",
            "images/s",
            "read from disk",
            "to and from the driver, in all",
            "driver busy merging",
        ],
        rows,
    )
    table(
        ["images", "files", "memory of the driver", "index on disk", "a checkpoint"],
        [
            [
                name,
                amount(bytes_each * images),
                amount(images * each.peak + 2 * own.in_memory),
                amount(images * each.disk + own.index),
                duration(images * each.save),
            ]
            for name, images in SETS.items()
        ],
    )
    harness.finish(figures)


if __name__ == "__main__":
    main()
