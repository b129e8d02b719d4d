"""What a pass over several clients' questions would save, and whether it gives the same bits.

A classroom's server computes each client's question by itself (docs/classroom.md says why). This
compares CPU seconds a question, alone and batched, on the sample network: predictions under
occluders on different photos, and projections of different channels of one layer.

    python benchmarks/batching.py [--threads 1] [--device cpu]
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

import zfwidgets as zf
from zfwidgets.engine.local import LocalEngine

BATCHES = (1, 4, 16)
LAYERS = ("features.3.expand3x3", "features.7.expand3x3", "features.11.expand3x3")
ROUNDS = 3
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
    """Nine projections of each of several channels: channel by channel, and all in one call."""
    strongest = engine.channels(layer).strongest
    channels = np.argsort(-strongest)[: max(BATCHES)].tolist()
    units = {channel: list(engine.top(layer, channel, PATCHES)) for channel in channels}
    alone = {channel: list(engine.project_all(units[channel])) for channel in channels}
    rows = []
    for batch in BATCHES:
        groups = [channels[first : first + batch] for first in range(0, len(channels), batch)]
        asked = [[unit for channel in group for unit in units[channel]] for group in groups]
        found = [list(engine.project_all(all_of)) for all_of in asked]
        spent = seconds(lambda asked=asked: [list(engine.project_all(u)) for u in asked], device)
        flat = [one for group in found for one in group]
        expected = [one for channel in channels for one in alone[channel]]
        pairs = list(zip(flat, expected, strict=True))
        same = all(np.array_equal(a.pixels, b.pixels) for a, b in pairs if a and b)
        rows.append(
            {"batch": batch, "ms": round(1e3 * spent / len(channels), 1), "same_bits": same}
        )
    return rows


def main() -> None:
    """Measure, say it as a table, and as one JSON object in the last line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    found: dict[str, Any] = {"predictions": predictions(options.device)}
    engine = zf.Engine(zf.samples.network(), zf.samples.photos(), device=options.device)
    for layer in LAYERS:
        found[layer] = projections(engine, layer, options.device)
    for name, rows in found.items():
        for row in rows:
            print(name, row)
    print(json.dumps({"device": options.device, "threads": options.threads, **found}))


if __name__ == "__main__":
    main()
