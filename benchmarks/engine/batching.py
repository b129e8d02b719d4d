"""What a pass over several clients' questions would save, and whether it gives the same bits.

A classroom's server computes each client's question by itself (docs/classroom.md says why). This
compares CPU seconds a question, alone and batched, on the sample network: predictions under
occluders on different photos, and projections of a layer's units.

    python -m benchmarks.engine.batching [--threads 1] [--device cpu]
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

import zfwidgets as zf
from benchmarks import harness
from zfwidgets.engine.local import LocalEngine

BATCHES = (1, 4, 16)
LAYERS = ("features.3.expand3x3", "features.7.expand3x3", "features.11.expand3x3")
ROUNDS = 3
CHANNELS = 3
PATCHES = 9


def seconds(call: Callable[[], Any], device: str) -> float:
    """Of the processor on a CPU, of the clock on a GPU: the least of several calls."""
    clock = time.process_time if device == "cpu" else time.perf_counter
    found = []
    for _ in range(ROUNDS):
        start = clock()
        call()
        if device != "cpu":
            torch.cuda.synchronize()
        found.append(clock() - start)
    return min(found)


def predictions(device: str) -> list[dict[str, Any]]:
    """Class scores of photos, each covered somewhere: one by one, and so many in one pass."""
    torch.manual_seed(3)
    model = zf.samples.network().eval().to(device)
    inputs = torch.randn(max(BATCHES), 3, 224, 224, device=device)
    for number, image in enumerate(inputs):
        image[:, 8 * number : 8 * number + 32, 60:92] = 0
    with torch.inference_mode():
        alone = torch.cat([model(image[None]) for image in inputs])
        rows = []
        for batch in BATCHES:
            passes = inputs.split(batch)
            found = torch.cat([model(some) for some in passes])
            spent = seconds(lambda passes=passes: [model(some) for some in passes], device)
            rows.append(
                {
                    "batch": batch,
                    "ms": round(1e3 * spent / len(inputs), 2),
                    "same_bits": bool(torch.equal(found, alone)),
                    "largest_difference": float((found - alone).abs().max()),
                }
            )
    return rows


def projections(engine: LocalEngine, layer: str, device: str) -> list[dict[str, Any]]:
    """Nine projections of each of several channels: so many units in one pass down."""
    channels = np.argsort(-engine.channels(layer).strongest)[:CHANNELS].tolist()
    units = [list(engine.top(layer, channel, PATCHES)) for channel in channels]
    alone = [next(iter(engine.project_all([unit]))).pixels for of in units for unit in of]
    rows = []
    for batch in (1, 3, 9):
        asked = [of[first : first + batch] for of in units for first in range(0, PATCHES, batch)]
        spent = seconds(lambda asked=asked: [engine.project_all(some) for some in asked], device)
        found = [one.pixels for some in asked for one in engine.project_all(some)]
        same = all(np.array_equal(a, b) for a, b in zip(found, alone, strict=True))
        rows.append({"batch": batch, "ms": round(1e3 * spent / len(found), 2), "same_bits": same})
    return rows


def main() -> None:
    """Measure, say it as a table, and as one JSON object in the last line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="cpu")
    options = harness.options(parser)
    torch.set_num_threads(options.threads)
    found: dict[str, Any] = {"predictions": predictions(options.device)}
    engine = zf.Engine(zf.samples.network(), zf.samples.photos(), device=options.device)
    for layer in LAYERS:
        found[layer] = projections(engine, layer, options.device)
    for name, rows in found.items():
        for row in rows:
            print(name, row)
    harness.finish({"device": options.device, "torch_threads": options.threads, **found})


if __name__ == "__main__":
    main()
