"""What the measurements are made on: data, trained networks, untrained ones of the same shape."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import nn

import zfwidgets as zf

SURE = 0.6
"""Photos that the network gives a class more than this count as understood."""
PHOTOS = 20

KINDS = ("trained", "untrained")


@dataclass(frozen=True)
class Bench:
    """Where data is, where unfinished work is kept, and how long trainings are.

    Attributes
    ----------
    cifar
        An .npz file with arrays x_train, y_train, x_test, y_test, classes.
    photos
        Class folders.
    work
        Keeps what is done, so that an interrupted run goes on.
    seeds
        Networks that are trained of each kind.
    full
        Whether trainings are long: hours on a processor's core instead of half an hour.
    voc
        A folder that holds PASCAL VOC 2012, as torchvision has it; None: scenes that are drawn.
    """

    cifar: Path
    photos: Path
    work: Path
    seeds: int = 3
    full: bool = False
    voc: Path | None = None

    def arrays(self, part: str, images: int | None = None) -> Pixels:
        """CIFAR-10's "train" or "test" images of those classes that there are to train with.

        ``images``: how many at most, at equal distances.
        """
        data = np.load(self.cifar)
        known = np.unique(data["y_train"])
        there = np.flatnonzero(np.isin(data[f"y_{part}"], known))
        if images is not None and images < len(there):
            there = there[np.linspace(0, len(there) - 1, images).round().astype(int)]
        labels = np.searchsorted(known, data[f"y_{part}"][there])
        return Pixels(data[f"x_{part}"][there], labels, [str(c) for c in data["classes"][known]])


class Pixels:
    """A map-style data set over arrays."""

    def __init__(self, images: Any, labels: Any, classes: list[str]) -> None:
        self.images, self.labels, self.classes = images, labels, classes
        self.targets = labels.tolist()

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, number: int) -> tuple[Image.Image, int]:
        return Image.fromarray(self.images[number]), int(self.labels[number])


def seeded(build: Callable[..., nn.Module], seed: int, *arguments: Any) -> nn.Module:
    """A network whose random weights follow from the seed."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return build(*arguments)


def networks() -> dict[str, nn.Module]:
    """The package's SqueezeNet, and one of the same shape that hasn't learned anything.

    Its weights are drawn as He et al. (2015) have them for rectifiers, so that signals are neither
    lost nor blown up on the way; the class scores' as the paper's (0.01).
    """
    trained = zf.samples.network()
    untrained = copy.deepcopy(trained)
    convolutions = [m for m in untrained.modules() if isinstance(m, nn.Conv2d)]
    with torch.random.fork_rng():
        torch.manual_seed(0)
        for module in convolutions:
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        nn.init.normal_(convolutions[-1].weight, std=0.01)
    return {"trained": trained, "untrained": untrained.eval()}


def sure_photos(engine: zf.Engine, most: int = PHOTOS) -> list[int]:
    """The first photos whose class the network gives more than `SURE`."""
    found: list[int] = []
    for number in range(len(engine.info.images)):
        if len(found) < most and engine.predict(number).probabilities.max() > SURE:
            found.append(number)
    return found
