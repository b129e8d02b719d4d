"""A small network, in which more may stand, and an engine of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from zfwidgets.engine.local import LocalEngine

ROWS, COLUMNS = 22, 18
SCALE = {"denormalize": ((0, 0, 0), (1, 1, 1))}


class Net(nn.Module):
    """Two convolutions and class scores; ``between`` is between them, ``end`` after the scores."""

    def __init__(
        self, between: nn.Module | None = None, end: Callable[[Tensor], Tensor] | None = None
    ) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(3)
        self.first = nn.Conv2d(3, 6, 3, padding=1)
        self.between = between or nn.ReLU()
        self.pool = nn.MaxPool2d(2)
        self.second = nn.Conv2d(6, 7, 3)
        self.scores = nn.Linear(7 * 9 * 7, 5)
        with torch.no_grad():
            for parameter in self.parameters():
                parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.2)
        self.end = end
        self.eval()

    def forward(self, x: Tensor) -> Tensor:
        x = self.pool(self.between(self.first(x)))
        scores = self.scores(torch.relu(self.second(x)).flatten(1))
        return scores if self.end is None else self.end(scores)


def images(number: int = 12) -> list[Tensor]:
    generator = torch.Generator().manual_seed(7)
    return [torch.rand(3, ROWS, COLUMNS, generator=generator) for _ in range(number)]


IMAGES = images()


def make(model: nn.Module | None = None, **options: Any) -> LocalEngine:
    return LocalEngine(model or Net(), IMAGES, cache=False, **{**SCALE, **options})
