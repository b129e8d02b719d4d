"""What the index of few photos takes in a notebook, over plain forward passes of the same photos.

    python -m benchmarks.engine.few_photos [--photos 183] [--beside 1] [NET ...]

As `zfwidgets.Engine.index` makes it in a user's kernel: photos read, every unit counted for means
and shares of zeros of the first 64, memory as glibc has it beforehand. Each network in a process
of its own, random weights (seeded). Forward passes over the same photos, read already, in batches
of 16: one half before the index, the other after it. Seconds by the clock, and of the processor
(its user's and its system's share). The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import time
from collections.abc import Callable
from typing import Any

from benchmarks import harness

MODULE = "benchmarks.engine.few_photos"
BATCH = 16


def spent(call: Callable[[], object]) -> dict[str, float]:
    """What a call takes."""
    before, began = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    call()
    seconds, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_SELF)
    return {
        "s": seconds,
        "user_s": after.ru_utime - before.ru_utime,
        "system_s": after.ru_stime - before.ru_stime,
        "faults": after.ru_minflt - before.ru_minflt,
    }


def child(name: str, count: int) -> dict[str, Any]:
    """Measure one network in this process."""
    import torch
    import torchvision

    import zfwidgets as zf

    torch.manual_seed(0)
    model = torchvision.models.get_model(name, weights=None).eval()
    photos = [zf.samples.photos()[number] for number in range(count)]
    transform = zf.samples.transform()
    read = [transform(photo) for photo in photos]
    engine = zf.Engine(model, photos, transform, cache=False)

    def forward(some: list[torch.Tensor]) -> None:
        with torch.inference_mode():
            for start in range(0, len(some), BATCH):
                model(torch.stack(some[start : start + BATCH]))

    forward(read[:BATCH])
    half = count // 2 // BATCH * BATCH
    parts = [spent(lambda: forward(read[:half]))]
    index = spent(lambda: engine.index(progress=False))
    parts.append(spent(lambda: forward(read[half:])))
    plain = {key: sum(part[key] for part in parts) for key in index}
    processor = [one["user_s"] + one["system_s"] for one in (index, plain)]
    return {
        "forward": plain,
        "index": index,
        "over_forward": index["s"] / plain["s"],
        "over_forward_cpu": processor[0] / processor[1],
        "mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def main() -> None:
    """Print a table, then one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("nets", nargs="*", default=["vgg16", "resnet18", "squeezenet1_1"])
    parser.add_argument("--photos", type=int, default=183, help="how many, at most 183")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    options = harness.options(parser)
    if options.child:
        print(json.dumps(child(options.nets[0], options.photos)))
        return
    print(f"{options.photos} photos; of a photo, milliseconds and page faults")
    print(f"{'':16}{'':9}{'clock':>8}{'user':>8}{'system':>8}{'faults':>10}")
    found = {}
    for name in options.nets:
        command = harness.child(MODULE, name, "--child", "--photos", str(options.photos))
        out = subprocess.run(command, check=True, capture_output=True, text=True)
        took = found[name] = json.loads(out.stdout.splitlines()[-1])
        for what in ("forward", "index"):
            s, user, system, faults = took[what].values()
            each = "".join(f"{1e3 * part / options.photos:8.1f}" for part in (s, user, system))
            print(f"{name:16}{what:9}{each}{faults / options.photos:10.0f}", flush=True)
        print(
            f"{name:16}ratio {took['over_forward']:.2f} by the clock, "
            f"{took['over_forward_cpu']:.2f} of the processor; {took['mb']:.0f} MB at most"
        )
    harness.finish(found)


if __name__ == "__main__":
    main()
