"""Streaming top-k: one pass over the images gives every channel of every layer its strongest.

Per batch and layer the device reduces each feature map to its maximum; only the channels that a
batch changes are merged, and places are looked up only for what enters. Memory is
O(channels x k), whatever the number of images.
"""

from __future__ import annotations

import copy
import hashlib
import time
from collections.abc import Sequence
from itertools import islice

import numpy as np
import torch
from torch import Tensor

from ..errors import UnsupportedModel
from ..images.source import ImageSource
from ..records import Ints, Progress
from .index import LayerIndex, TopKIndex
from .memory import Memory, OutOfMemory
from .modes import computing
from .network import Network

KEEP = 16
"""Activations kept per channel."""
SAMPLE = 256
"""Images whose maxima are kept for every channel."""


class LayerTop:
    """The running top k and statistics of one layer."""

    def __init__(self, name: str, channels: int, keep: int, device: torch.device) -> None:
        self.name = name
        self.values = torch.full((channels, keep), -torch.inf, device=device)
        self.images = torch.full((channels, keep), -1, dtype=torch.int64, device=device)
        self.places = torch.zeros((channels, keep), dtype=torch.int64, device=device)
        self.total = torch.zeros(channels, dtype=torch.float64, device=device)
        self.silent = torch.zeros(channels, dtype=torch.int64, device=device)
        self.sample: list[Tensor] = []
        self.columns = 1

    def update(self, output: Tensor, images: Tensor, sampled: Tensor) -> None:
        """Take in a batch: (n, channels, ...) outputs of images with ascending indices."""
        maps = output.reshape(*output.shape[:2], -1)
        self.columns = output.shape[-1] if output.dim() == 4 else 1
        largest = maps.amax(-1)
        if not torch.isfinite(largest).all():
            image, channel = (~torch.isfinite(largest)).nonzero()[0].tolist()
            raise UnsupportedModel(
                f"Layer {self.name!r} gives {largest[image, channel].item()} in channel {channel} "
                f"for image {int(images[image])}: its activations can't be ranked. Check the "
                "weights and the transform."
            )
        self.total += maps.mean(-1).double().sum(0)
        self.silent += (largest <= 0).sum(0)
        if sampled.any():
            self.sample.append(largest[sampled])
        self._merge(maps, largest.T, images)

    def _merge(self, maps: Tensor, largest: Tensor, images: Tensor) -> None:
        keep = self.values.shape[1]
        (changed,) = (largest.amax(1) > self.values[:, -1]).nonzero(as_tuple=True)
        # Older entries stand first and the sort is stable: ties go to the smaller image index.
        values = torch.cat([self.values[changed], largest[changed]], 1)
        values, order = (
            part[:, :keep] for part in values.sort(dim=1, descending=True, stable=True)
        )
        row, rank = (order >= keep).nonzero(as_tuple=True)
        image = order[row, rank] - keep
        order = order.clamp(max=keep - 1)
        merged_images = self.images[changed].gather(1, order)
        merged_places = self.places[changed].gather(1, order)
        merged_images[row, rank] = images[image]
        merged_places[row, rank] = maps[image, changed[row]].argmax(-1)
        self.values[changed] = values
        self.images[changed] = merged_images
        self.places[changed] = merged_places

    def copy(self) -> LayerTop:
        """As it is now, whatever is taken in later."""
        other = copy.copy(self)
        for name, value in vars(self).items():
            if isinstance(value, Tensor):
                setattr(other, name, value.clone())
        other.sample = list(self.sample)
        return other

    def finish(self, images: int) -> LayerIndex:
        """As arrays for the index."""
        places = self.places.cpu().numpy()
        values = self.values.cpu().numpy()
        sample = torch.cat(self.sample).cpu().numpy()
        scale = np.maximum(np.abs(sample).max(0), np.finfo(np.float32).tiny)
        return LayerIndex(
            values=values,
            images=self.images.cpu().numpy(),
            rows=places // self.columns,
            cols=places % self.columns,
            mean=(self.total / images).float().cpu().numpy(),
            silent=(self.silent.double() / images).float().cpu().numpy(),
            sample=(sample / scale).astype(np.float16),
            scale=scale,
        )


class IndexPass:
    """One pass over the images, batch by batch.

    `step` takes in one batch and says how far it is; `result` is there after the last. A pass
    that fails or is interrupted in the middle of a step is to be thrown away.
    """

    def __init__(
        self,
        network: Network,
        source: ImageSource,
        fingerprint: dict[str, str],
        keep: int = KEEP,
        memory: Memory | None = None,
    ) -> None:
        self._memory = memory or Memory(network.device)
        self._network, self._source, self._fingerprint = network, source, fingerprint
        self._images = source.tensors(range(len(source)))
        self._batch = 16 if network.device.type == "cpu" else 64
        self._tops = {
            layer.name: LayerTop(layer.name, layer.channels, keep, network.device)
            for layer in network.layers
        }
        self._sampled = sampled_images(source.names)
        self._seen: list[int] = []
        self._started = time.monotonic()
        self.result: TopKIndex | None = None

    def close(self) -> None:
        """Stop reading ahead."""
        self._images.close()

    def step(self) -> Progress:
        """Take in the next batch."""
        batch = list(islice(self._images, self._batch))
        if batch:
            self._memory.in_parts("looking at all images", self._take, batch)
        if len(batch) < self._batch:
            self._finish()
        last, total = (self._seen[-1] + 1 if self._seen else 0), len(self._source)
        done = total if self.result else last
        left = (time.monotonic() - self._started) / max(last, 1) * (total - done)
        return Progress(done, total, left, "Looking at all images once")

    def _take(self, batch: Sequence[tuple[int, Tensor]]) -> None:
        device = self._network.device
        indices = [index for index, _ in batch]
        images = torch.tensor(indices, device=device)
        sampled = torch.tensor(np.isin(indices, self._sampled), device=device)
        before = {name: top.copy() for name, top in self._tops.items()}
        with computing(device):
            try:
                pixels = torch.stack([tensor for _, tensor in batch]).to(device)
                self._network.run(
                    pixels, lambda name, output: self._tops[name].update(output, images, sampled)
                )
            except OutOfMemory:  # the upper layers have not seen what the lower ones have
                self._tops = before
                raise
        self._seen += indices

    def _finish(self) -> None:
        if not self._seen:
            raise UnsupportedModel("None of the images can be read: see engine.info.skipped.")
        self.result = TopKIndex(
            {name: top.finish(len(self._seen)) for name, top in self._tops.items()},
            self._fingerprint,
            len(self._seen),
            np.array([i for i in self._seen if i in set(self._sampled.tolist())], dtype=np.int64),
            tuple((s.name, s.reason) for s in self._source.skipped),
            {
                "torch": torch.__version__,
                "device": self._network.device.type,
                "batch": str(self._batch),
                "threads": str(torch.get_num_threads()),
            },
            self._source.probe,
        )


def sampled_images(names: Sequence[str]) -> Ints:
    """Indices of at most `SAMPLE` images, chosen by a hash of their names (ascending)."""
    priority = [hashlib.blake2b(name.encode("utf-8", "surrogateescape")).digest() for name in names]
    return np.sort(np.argsort(np.array(priority, dtype=object), kind="stable")[:SAMPLE])
