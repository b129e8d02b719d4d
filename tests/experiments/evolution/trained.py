"""A small network that is trained while it is watched."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

import zfwidgets as zf
from tests.experiments.small import RandomPictures

UNITS = {"conv1": 3, "conv2": [5, 0, 2], "conv3": 2}


IMAGES = 7


class Pictures(RandomPictures):
    number, coarse, size = IMAGES, (7, 9), (26, 34)


def network() -> nn.Sequential:
    """With batch norm and dropout, which know whether they are trained; and overlapping pools."""
    with torch.random.fork_rng():
        torch.manual_seed(11)
        return named(
            conv1=nn.Conv2d(3, 6, 5, padding=2),
            norm1=nn.BatchNorm2d(6),
            relu1=nn.ReLU(inplace=True),
            pool1=nn.MaxPool2d(3, 2),
            conv2=nn.Conv2d(6, 8, 3),
            relu2=nn.ReLU(),
            pool2=nn.MaxPool2d(2),
            drop=nn.Dropout(0.3),
            conv3=nn.Conv2d(8, 4, 3, padding=1),
            gather=nn.AdaptiveAvgPool2d(1),
            flat=nn.Flatten(),
        )


def named(**layers: nn.Module) -> nn.Sequential:
    model = nn.Sequential()
    for name, layer in layers.items():
        model.add_module(name, layer)
    return model


def watch(model: nn.Module, units: Any = UNITS, images: Any = None, **options: Any) -> Any:
    options.setdefault("denormalize", ([0.5] * 3, [0.25] * 3))
    return zf.watch(model, Pictures() if images is None else images, units, **options)


def train(
    model: nn.Module,
    steps: int,
    told: Callable[[Tensor], Any] = lambda loss: None,
    rate: float = 0.2,
) -> None:
    """Some steps of SGD, drawing batches and dropout from the global generators."""
    optimizer = torch.optim.SGD(model.parameters(), rate, momentum=0.9, weight_decay=1e-3)
    pictures = Pictures(20).tensors
    for _ in range(steps):
        batch = torch.randint(0, 20, (6,))
        optimizer.zero_grad()
        loss = F.cross_entropy(model(pictures[batch]), batch % 4)
        loss.backward()
        optimizer.step()
        told(loss)
