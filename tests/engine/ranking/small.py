"""A small network and a folder of small pictures, some of them no pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import nn
from torchvision.transforms import v2

import zfwidgets as zf

ROWS, COLUMNS = 20, 28
BAD = {"013-empty.png": b"", "057-text.png": b"no picture", "101-cut.png": b"\x89PNG\r\n\x1a\n"}


def network(seed: int = 0) -> nn.Module:
    """Two convolutions, made of a seed."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return nn.Sequential(
            nn.Conv2d(3, 5, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(5, 7, 3), nn.ReLU()
        ).eval()


def pictures(folder: Path, count: int, first: int = 0) -> Path:
    """Write pictures, numbered from ``first`` on, each made of its number."""
    folder.mkdir(exist_ok=True, parents=True)
    for number in range(first, first + count):
        pixels = np.random.default_rng(number).integers(0, 256, (ROWS, COLUMNS, 3), np.uint8)
        Image.fromarray(pixels).save(folder / f"{number:03}.png")
    return folder


def mixed(folder: Path, count: int) -> Path:
    """The same with files among them that are no pictures."""
    pictures(folder, count)
    for name, content in BAD.items():
        (folder / name).write_bytes(content)
    return folder


def transform() -> v2.Transform:
    """Pixels in -1..1."""
    return v2.Compose(
        [v2.ToImage(), v2.ToDtype(torch.float32, scale=True), v2.Normalize([0.5] * 3, [0.5] * 3)]
    )


def engine(folder: Path, seed: int = 0) -> zf.Engine:
    """An engine without a cache."""
    return zf.Engine(network(seed), folder, transform(), cache=False)
