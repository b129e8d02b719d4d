"""Networks of four families, with weights that have seen pictures, and photos to show them.

The sample network is always there; the others need the data of ``ZFWIDGETS_TEST_DATA``: CIFAR-10
as arrays (``cifar10_15k.npz``), photos in class folders (``photos/``), and VGG-16's convolutions,
fine-tuned to find edges (``weights/vgg16_features_hed.fp16.safetensors``).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

import zfwidgets as zf
from benchmarks.claims.bench import Bench, seeded
from zfwidgets.experiments.training.checkpoint import load_weights
from zfwidgets.experiments.training.history import FILE

SIZE, TRAINED_ON = 48, 6_000
TRAINING: Mapping[str, Any] = {"epochs": 6, "batch": 64, "filter_radius": None}
LAYERS = {
    "squeezenet": ("features.0", "features.3", "features.7", "features.10", "features.12"),
    "alexnet": ("conv1", "conv2", "conv3", "conv4", "conv5"),
    "resnet": ("conv1", "layer1.0", "layer2.0", "layer3.0", "layer4.0"),
    "vgg16": ("features.2", "features.7", "features.14", "features.21", "features.28"),
}
"""Five layers of each, from the pixels up."""


class SmallResNet(nn.Module):
    """A residual network for small pictures: a block in each of four stages."""

    def __init__(self, classes: int) -> None:
        from torchvision.models.resnet import BasicBlock

        super().__init__()
        self.conv1 = nn.Conv2d(3, 32, 5, stride=2, padding=2, bias=False)
        self.bn1, self.relu = nn.BatchNorm2d(32), nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        width = 32
        for stage, channels in enumerate((32, 64, 96, 128), 1):
            stride = 1 if stage == 1 else 2
            across = None
            if width != channels:
                across = nn.Sequential(
                    nn.Conv2d(width, channels, 1, stride=stride, bias=False),
                    nn.BatchNorm2d(channels),
                )
            block = BasicBlock(width, channels, stride, across)
            self.add_module(f"layer{stage}", nn.Sequential(block))
            width = channels
        self.fc = nn.Linear(width, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Class scores of pictures."""
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        for stage in range(1, 5):
            x = self.get_submodule(f"layer{stage}")(x)
        scores: torch.Tensor = self.fc(x.mean((2, 3)))
        return scores


def _trained(name: str, build: Any, data: Path, work: Path) -> tuple[nn.Module, Any, Any]:
    """A network trained on CIFAR-10, once, and test pictures that it hasn't seen."""
    bench = Bench(data / "cifar10_15k.npz", data / "photos", work)
    train, test = bench.arrays("train", TRAINED_ON), bench.arrays("test", 600)
    transform = zf.models.transform(SIZE)
    model = seeded(build, 0, len(train.classes))
    folder = work / name
    if not (folder / FILE).exists():
        record = zf.experiments.train(
            model, train, validation=test, transform=transform, folder=folder, **TRAINING
        )
        print(name, record.to_frame().tail(1).to_string())
    load_weights(folder, model)
    return model.eval(), test, transform


def engine_of(name: str, data: Path | None, work: Path) -> zf.Engine:
    """An engine of one of `LAYERS`."""
    if name == "squeezenet":
        return zf.Engine(zf.samples.network(), zf.samples.photos())
    if data is None:
        raise SystemExit(f"{name} needs the data of ZFWIDGETS_TEST_DATA.")
    if name == "alexnet":
        return zf.Engine(*_trained(name, lambda n: zf.models.alexnet_small(n, SIZE), data, work))
    if name == "resnet":
        return zf.Engine(*_trained(name, SmallResNet, data, work))
    from safetensors.torch import load_file
    from torchvision.models import vgg16

    weights = load_file(data / "weights" / "vgg16_features_hed.fp16.safetensors")
    model = nn.Sequential()
    model.add_module("features", vgg16().features)
    model.load_state_dict({k: v.float() for k, v in weights.items()})
    return zf.Engine(model.eval(), zf.samples.photos()[::2], zf.samples.transform())
