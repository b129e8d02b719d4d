"""How long the index pass takes beside a plain forward pass over the same batches.

``python benchmarks/index.py`` prints one line of JSON: medians in seconds of interleaved rounds
over the sample photos, decoded beforehand, and their ratio.
"""

from __future__ import annotations

import json
import statistics
import time

import torch

import zfwidgets as zf
from zfwidgets.engine.modes import computing
from zfwidgets.engine.network import Network
from zfwidgets.engine.topk import IndexPass
from zfwidgets.images.source import ImageSource

ROUNDS = 3


class Decoded(ImageSource):
    """The sample photos as tensors in memory: only the network is timed."""

    def hold(self) -> None:
        """Decode all images now."""
        self._held = list(super().tensors(range(len(self))))

    def tensors(self, indices, workers=2):  # noqa: D102
        yield from self._held


def main() -> None:
    """Time both, in turns."""
    source = Decoded.of(zf.samples.photos())
    source.hold()
    network = Network(zf.samples.network(), source.example())
    images = torch.stack([tensor for _, tensor in source._held])
    plain, index = [], []
    for _ in range(ROUNDS + 1):
        started = time.perf_counter()
        with computing(network.device):
            for batch in images.split(16):
                network(batch.to(network.device))
        plain.append(time.perf_counter() - started)
        started = time.perf_counter()
        running = IndexPass(network, source, {})
        while running.result is None:
            running.step()
        index.append(time.perf_counter() - started)
    forward, whole = (statistics.median(times[1:]) for times in (plain, index))
    print(
        json.dumps(
            {
                "model": network.name,
                "images": len(source),
                "threads": torch.get_num_threads(),
                "forward_s": round(forward, 3),
                "index_s": round(whole, 3),
                "over_forward": round(whole / forward, 3),
            }
        )
    )


if __name__ == "__main__":
    main()
