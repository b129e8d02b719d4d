"""SqueezeNet 1.1 (Iandola et al. 2016), its layers named as in torchvision's ``squeezenet1_1``.

To import torchvision takes almost as long as PyTorch itself, and the sample network needs no more
of it than this.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Fire(nn.Module):
    """A layer that squeezes its channels, and two side by side that expand them."""

    zfwidgets_same_as = "torchvision.models.squeezenet.Fire"

    def __init__(self, inputs: int, squeezed: int, expanded: int) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(inputs, squeezed, 1)
        self.squeeze_activation = nn.ReLU(inplace=True)
        self.expand1x1 = nn.Conv2d(squeezed, expanded, 1)
        self.expand1x1_activation = nn.ReLU(inplace=True)
        self.expand3x3 = nn.Conv2d(squeezed, expanded, 3, padding=1)
        self.expand3x3_activation = nn.ReLU(inplace=True)

    def forward(self, maps: Tensor) -> Tensor:
        """Both expansions' maps, one after the other."""
        squeezed = self.squeeze_activation(self.squeeze(maps))
        return torch.cat(
            [
                self.expand1x1_activation(self.expand1x1(squeezed)),
                self.expand3x3_activation(self.expand3x3(squeezed)),
            ],
            1,
        )


class SqueezeNet(nn.Module):
    """SqueezeNet 1.1: (N, 3, rows, columns) to (N, classes)."""

    zfwidgets_same_as = "torchvision.models.squeezenet.SqueezeNet"

    def __init__(self, classes: int = 1000) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 64, 3, stride=2),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(3, stride=2, ceil_mode=True),
            Fire(64, 16, 64),
            Fire(128, 16, 64),
            nn.MaxPool2d(3, stride=2, ceil_mode=True),
            Fire(128, 32, 128),
            Fire(256, 32, 128),
            nn.MaxPool2d(3, stride=2, ceil_mode=True),
            Fire(256, 48, 192),
            Fire(384, 48, 192),
            Fire(384, 64, 256),
            Fire(512, 64, 256),
        )
        self.classifier = nn.Sequential(
            nn.Dropout(0.5),
            nn.Conv2d(512, classes, 1),
            nn.ReLU(inplace=True),
            nn.AdaptiveAvgPool2d((1, 1)),
        )

    def forward(self, images: Tensor) -> Tensor:
        """Class scores."""
        return torch.flatten(self.classifier(self.features(images)), 1)
