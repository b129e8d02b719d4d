"""A small network over smooth pictures of more rows than columns, for experiments on photos."""

from __future__ import annotations

from typing import Any

import ipywidgets
import torch
import torch.nn.functional as F
from torch import nn

import zfwidgets as zf

ROWS, COLUMNS = 36, 24
MEAN, STD = torch.tensor([0.5, 0.45, 0.4]), torch.tensor([0.25, 0.2, 0.3])


class RandomPictures(torch.utils.data.Dataset[torch.Tensor]):
    """Smooth random pictures, the same each time; subclasses say how many and of what size."""

    number: int
    coarse: tuple[int, int]
    size: tuple[int, int]

    def __init__(self, number: int | None = None) -> None:
        generator = torch.Generator().manual_seed(5)
        coarse = torch.randn(number or self.number, 3, *self.coarse, generator=generator)
        self.tensors = F.interpolate(coarse, self.size, mode="bilinear")

    def __len__(self) -> int:
        return len(self.tensors)

    def __getitem__(self, index: int) -> torch.Tensor:
        return self.tensors[index]


class Pictures(torch.utils.data.Dataset[Any]):
    """Smooth pictures (3, 36, 24) whose values are those of 8-bit pixels, with labels."""

    classes = ("arch", "bell", "cup", "door")

    def __init__(self, number: int = 5, labelled: bool = False) -> None:
        generator = torch.Generator().manual_seed(5)
        coarse = torch.rand(number, 3, 9, 6, generator=generator)
        fine = F.interpolate(coarse, (ROWS, COLUMNS), mode="bilinear")
        pixels = (fine * 255).round() / 255
        self.tensors = (pixels - MEAN[:, None, None]) / STD[:, None, None]
        self.labelled = labelled

    def __len__(self) -> int:
        return len(self.tensors)

    def __getitem__(self, index: int) -> Any:
        return (self.tensors[index], index % 4) if self.labelled else self.tensors[index]


def chain() -> nn.Sequential:
    """Two convolutions with rectifiers and a pool, then class scores of four classes."""
    generator = torch.Generator().manual_seed(11)
    model = nn.Sequential(
        nn.Conv2d(3, 6, 5, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(6, 8, 3, stride=2),
        nn.ReLU(),
        nn.Conv2d(8, 7, 1),
        nn.ReLU(),
        nn.Conv2d(7, 4, 1),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
    )
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.4)
    return model.train()


def parts(widget: ipywidgets.Widget, kind: type) -> list[Any]:
    """The widgets of a kind in a box and its boxes, the outermost first."""
    found = []
    queue = list(widget.children)
    for part in queue:
        queue += list(getattr(part, "children", ()))
        if isinstance(part, kind):
            found.append(part)
    return found


def make_engine(
    model: nn.Module | None = None, labelled: bool = False, **options: Any
) -> zf.Engine:
    options.setdefault("denormalize", (MEAN.tolist(), STD.tolist()))
    model = chain() if model is None else model
    return zf.Engine(model, Pictures(labelled=labelled), cache=False, **options)
