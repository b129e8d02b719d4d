"""A small network in parts, and labelled pictures that it learns in seconds."""

from __future__ import annotations

import torch
from torch.utils.data import TensorDataset

from zfwidgets.experiments.ablation import Architecture, conv, fc, pool

ROWS, COLUMNS = 12, 17
BASE = Architecture(
    [
        conv("conv1", 5, 3, padding=1),
        pool("pool1"),
        conv("conv2", 5, 3, padding=1),
        conv("conv3", 7, 3),
        fc("fc4", 11, dropout=0.5),
        fc("fc5", 3),
    ],
    (3, ROWS, COLUMNS),
)


def images(number: int = 48, seed: int = 0, classes: int = 3) -> TensorDataset:
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(number) % classes
    pixels = torch.randn(number, 3, ROWS, COLUMNS, generator=generator)
    for image, label in zip(pixels, labels, strict=True):
        image[int(label) % 3, :, 4:9] += 1.0
    return TensorDataset(pixels, labels)
