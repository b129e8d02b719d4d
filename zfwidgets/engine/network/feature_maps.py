"""Feature maps of one channel, of a few images."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from ...records import LayerInfo
from .modes import computing
from .runtime import Runtime

Maps = np.ndarray[tuple[int, int, int], np.dtype[np.float32]]


def layer_maps(runtime: Runtime, layer: LayerInfo, image: Tensor) -> Maps:
    """(channels, rows, columns) float32, for one image; nothing behind the layer is computed."""
    network = runtime.network

    def compute(part: Sequence[Tensor]) -> Tensor:
        maps: list[Tensor] = []

        def visit(_: str, output: Tensor) -> None:
            maps.append(output.reshape(layer.shape).to("cpu", torch.float32).clone())

        with computing(network.device):
            network.run(torch.stack(list(part)).to(network.device), visit, only=layer.name)
        return maps[0]

    return runtime.memory.in_parts("feature maps of a photo", compute, [image])[0].numpy()


def channel_maps(
    runtime: Runtime, layer: LayerInfo, channel: int, images: Sequence[Tensor], what: str
) -> Maps:
    """(n, rows, columns) float32 of one channel, for images as the network gets them, at least one.

    Nothing behind the layer is computed; ``what`` names the work where the memory runs out.
    """
    network = runtime.network

    def compute(part: Sequence[Tensor]) -> Tensor:
        maps: list[Tensor] = []

        def visit(name: str, output: Tensor) -> None:
            maps.append(output.reshape(len(part), *layer.shape)[:, channel].cpu().clone())

        with computing(network.device):
            network.run(torch.stack(list(part)).to(network.device), visit, only=layer.name)
        return maps[0]

    return torch.cat(runtime.memory.in_parts(what, compute, images)).numpy()
