"""Pictures of four classes, a small network, and plain ways to its features."""

from __future__ import annotations

import numpy as np
import torch
from torch.utils.data import Dataset, TensorDataset

import zfwidgets as zf
from zfwidgets.experiments.ablation import Architecture, conv, fc, pool

ROWS, COLUMNS = 9, 14


NETWORK = Architecture(
    [conv("conv1", 6, 3), pool("pool1"), conv("conv2", 8, 3), fc("fc3", 10, rectified=True),
     fc("fc4", 3)],
    (3, ROWS, COLUMNS),
)  # fmt: skip


def pictures(number: int, seed: int, classes: int = 3, apart: float = 0.8) -> TensorDataset:
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(number) % classes
    pixels = torch.randn(number, 3, ROWS, COLUMNS, generator=generator)
    for image, label in zip(pixels, labels, strict=True):
        image[int(label) % 3, :, 3 + 2 * int(label) : 6 + 2 * int(label)] += apart
    return TensorDataset(pixels, labels)


def make_engine(cache: object = False) -> zf.Engine:
    model = NETWORK.build(2).eval()
    return zf.Engine(model, pictures(30, 1), cache=cache, denormalize=([0.5] * 3, [0.5] * 3))


DATA = pictures(90, seed=5)


OPTIONS = {"progress": False, "repeats": 2, "seed": 4}


def plain_features(engine: zf.Engine, pixels: torch.Tensor) -> dict[str, np.ndarray]:
    """The slow way: module by module."""
    found = {}
    with torch.no_grad():
        for name, module in engine.session.network.module.named_children():
            pixels = module(pixels)
            found[name] = pixels.flatten(1).numpy()
    return found


def accuracy(model: object, features: np.ndarray, labels: np.ndarray) -> list[float]:
    predicted = model.predict(features)
    return [(predicted[labels == c] == c).mean() for c in np.unique(labels)]


def scaled(train: np.ndarray, test: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    mean = train.mean(0)
    length = np.sqrt((np.linalg.norm(train - mean, axis=1) ** 2).mean())
    return (train - mean) / length, (test - mean) / length


class Counting(Dataset):
    """Counts how often its images are read."""

    def __init__(self) -> None:
        self.reads = 0
        self.targets = DATA.tensors[1].tolist()

    def __len__(self) -> int:
        return len(self.targets)

    def __getitem__(self, number: int) -> tuple[torch.Tensor, int]:
        self.reads += 1
        return DATA.tensors[0][number], self.targets[number]
