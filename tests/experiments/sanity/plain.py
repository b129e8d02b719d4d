"""A small network, and a sanity check of it by plain definitions."""

from __future__ import annotations

import torch
from torch import nn

import zfwidgets as zf
from tests.experiments.small import RandomPictures

LAYER = "8"


class Pictures(RandomPictures):
    number, coarse, size = 6, (10, 7), (40, 28)


def chain() -> nn.Sequential:
    """Convolutions, a batch norm with lively statistics, two pools, and a layer above the unit."""
    generator = torch.Generator().manual_seed(11)
    model = nn.Sequential(
        nn.Conv2d(3, 6, 5, stride=1, padding=2),
        nn.BatchNorm2d(6),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(6, 8, 3),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(8, 10, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(10, 4, 1),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
    )
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            spread = 0.5 if name.startswith("1.") else 0.25
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * spread)
        model[1].running_mean.copy_(torch.randn(6, generator=generator) * 0.2)
        model[1].running_var.copy_(torch.rand(6, generator=generator) + 0.5)
    return model.eval()


def make_engine(model: nn.Module | None = None, number: int = 6) -> zf.Engine:
    return zf.Engine(
        chain() if model is None else model,
        Pictures(number),
        cache=False,
        denormalize=([0.5] * 3, [0.25] * 3),
    )
