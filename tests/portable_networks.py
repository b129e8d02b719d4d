"""Small networks of the families that a report's page is compared on, and photos for them."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torchvision.models.densenet import _DenseLayer, _Transition
from torchvision.models.resnet import BasicBlock, Bottleneck
from torchvision.models.squeezenet import Fire
from torchvision.transforms import v2

import zfwidgets as zf

SIZE = (61, 47)
"""Rows and columns of their input."""
MEAN, STD = (0.48, 0.45, 0.41), (0.23, 0.22, 0.24)


def transform() -> Any:
    return v2.Compose(
        [
            v2.Resize((SIZE[0] + 6, SIZE[1] + 9)),
            v2.CenterCrop(SIZE),
            v2.ToImage(),
            v2.ToDtype(torch.float32, scale=True),
            v2.Normalize(MEAN, STD),
        ]
    )


def photos(count: int = 4) -> list[np.ndarray]:
    """Smooth colours with noise in them: no flat parts, where rounding would decide."""
    rng = np.random.default_rng(5)
    rows, columns = np.mgrid[0:83, 0:97] / 20
    found = []
    for _ in range(count):
        shifts = rng.uniform(0, 6, (3, 2))
        waves = [np.sin(rows + a) + np.cos(columns * 1.3 + b) for a, b in shifts]
        noisy = 127 + 45 * np.stack(waves, -1) + rng.normal(0, 18, (83, 97, 3))
        found.append(noisy.clip(0, 255).astype(np.uint8))
    return found


class SqueezeNetLike(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 12, 3, stride=2),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(3, 2, ceil_mode=True),
            Fire(12, 4, 8, 8),
            Fire(16, 6, 9, 11),
            nn.MaxPool2d(3, 2, ceil_mode=True),
            Fire(20, 5, 12, 12),
        )
        self.classifier = nn.Sequential(
            nn.Dropout(0.5), nn.Conv2d(24, 7, 1), nn.ReLU(inplace=True), nn.AdaptiveAvgPool2d(1)
        )

    def forward(self, x: Tensor) -> Tensor:
        return torch.flatten(self.classifier(self.features(x)), 1)


class AlexNetLike(nn.Module):
    """Large strides, groups, response norm, and linear layers over places."""

    def __init__(self, norm: nn.Module | None = None) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 14, 11, stride=4, padding=2),
            nn.ReLU(inplace=True),
            norm or nn.LocalResponseNorm(5, 0.3, 0.75, 2.0),
            nn.MaxPool2d(3, 2),
            nn.Conv2d(14, 18, 5, padding=2, groups=2),
            nn.ReLU(inplace=True),
        )
        self.avgpool = nn.AdaptiveAvgPool2d((4, 3))
        self.classifier = nn.Sequential(
            nn.Linear(18 * 12, 21), nn.ReLU(inplace=True), nn.Linear(21, 6)
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(torch.flatten(self.avgpool(self.features(x)), 1))


class ResNetLike(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 8, 7, stride=2, padding=3, bias=False)
        self.bn1, self.relu = nn.BatchNorm2d(8), nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        down = nn.Sequential(nn.Conv2d(8, 12, 1, stride=2, bias=False), nn.BatchNorm2d(12))
        self.layer1 = nn.Sequential(BasicBlock(8, 8), BasicBlock(8, 12, 2, down))
        wide = nn.Sequential(nn.Conv2d(12, 16, 1, bias=False), nn.BatchNorm2d(16))
        self.layer2 = nn.Sequential(Bottleneck(12, 4, downsample=wide))
        self.avgpool, self.fc = nn.AdaptiveAvgPool2d(1), nn.Linear(16, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        return self.fc(torch.flatten(self.avgpool(self.layer2(self.layer1(x))), 1))


class DenseNetLike(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv0 = nn.Conv2d(3, 8, 5, stride=2, padding=2, bias=False)
        self.norm0, self.pool0 = nn.BatchNorm2d(8), nn.MaxPool2d(3, 2, 1)
        self.dense1, self.dense2 = _DenseLayer(8, 4, 2, 0.0), _DenseLayer(12, 4, 2, 0.0)
        self.transition = _Transition(16, 10)
        self.dense3 = _DenseLayer(10, 6, 2, 0.0)
        self.norm5, self.classifier = nn.BatchNorm2d(16), nn.Linear(16, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.pool0(torch.relu(self.norm0(self.conv0(x))))
        x = torch.cat([x, self.dense1([x])], 1)
        x = self.transition(torch.cat([x, self.dense2([x])], 1))
        x = torch.relu(self.norm5(torch.cat([x, self.dense3([x])], 1)))
        return self.classifier(nn.functional.adaptive_avg_pool2d(x, (1, 1)).flatten(1))


class MobileNetLike(nn.Module):
    """Depthwise filters, gates, smooth and bounded rectifiers, padding, split channels."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.ZeroPad2d((0, 1, 2, 1)), nn.Conv2d(3, 10, 3, stride=2))
        self.act = nn.Hardswish()
        self.depthwise = nn.Conv2d(10, 10, 5, padding=4, dilation=2, groups=10)
        self.norm, self.bounded = nn.BatchNorm2d(10), nn.ReLU6()
        self.squeeze, self.excite = nn.Conv2d(10, 4, 1), nn.Conv2d(4, 10, 1)
        self.narrow = nn.Conv2d(10, 8, 1)
        self.pool = nn.AvgPool2d(3, 2, padding=1, count_include_pad=False)
        self.side, self.leaky = nn.Conv2d(5, 6, 3), nn.LeakyReLU(0.1)
        self.head = nn.Linear(6, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = self.bounded(self.norm(self.depthwise(self.act(self.stem(x)))))
        gate = torch.relu(self.squeeze(nn.functional.adaptive_avg_pool2d(x, 1)))
        x = self.narrow(x * nn.functional.hardsigmoid(self.excite(gate)))
        _, part = torch.split(self.pool(0.5 * x + 0.25), [3, 5], 1)
        return self.head(self.leaky(self.side(part)).mean((2, 3)))


class DecoderLike(nn.Module):
    """Norms over the image's own statistics, transposed filters, products of maps, odd pools."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.groups = nn.Conv2d(3, 8, 5, stride=3), nn.GroupNorm(2, 8)
        self.up = nn.ConvTranspose2d(8, 6, 3, 2, 1, output_padding=1, groups=2)
        self.last = nn.LayerNorm(6)
        self.where = nn.Conv2d(6, 1, 3, padding=1)
        self.squeeze, self.excite = nn.Conv2d(6, 4, 1), nn.Conv2d(4, 6, 1)
        self.most, self.mean = nn.AdaptiveMaxPool2d((7, 5)), nn.AdaptiveAvgPool2d((3, 4))
        self.out = nn.ConvTranspose2d(6, 5, (2, 3), stride=(1, 2), dilation=(2, 1), bias=False)
        self.normed, self.head = nn.LayerNorm(5), nn.Linear(5, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = self.up(torch.relu(self.groups(self.conv(x))))
        x = self.last(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
        x = x * torch.sigmoid(self.where(x)) + x * nn.functional.silu(x)
        x = self.most(torch.relu(x))
        gate = nn.functional.silu(self.squeeze(x.mean((2, 3), keepdim=True)))
        x = self.out(self.mean(x * torch.sigmoid(self.excite(gate))))
        x = self.normed(nn.functional.layer_norm(x, x.shape[1:]).mean((2, 3)))
        return self.head(x * torch.sigmoid(x))


def contrast_like() -> nn.Module:
    """The paper's own norm."""
    return AlexNetLike(zf.models.ContrastNorm(5, 0.5, 0.75, 1.0))


BUILDERS: dict[str, Any] = {
    "SqueezeNet": SqueezeNetLike,
    "AlexNet": AlexNetLike,
    "ContrastNet": contrast_like,
    "ResNet": ResNetLike,
    "DenseNet": DenseNetLike,
    "MobileNet": MobileNetLike,
    "Decoder": DecoderLike,
}


def build(name: str) -> nn.Module:
    """A network with drawn weights, and norms that have seen something."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(11)
        model: nn.Module = BUILDERS[name]()
        for module in model.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            if isinstance(module, (nn.GroupNorm, nn.LayerNorm)):
                nn.init.uniform_(module.weight, 0.5, 1.5)
                nn.init.uniform_(module.bias, -0.3, 0.5)
            if isinstance(module, nn.BatchNorm2d):
                module.running_mean = 0.3 * torch.randn(module.num_features)
                module.running_var = 0.5 + torch.rand(module.num_features)
                nn.init.uniform_(module.weight, 0.5, 1.5)
                nn.init.uniform_(module.bias, -0.3, 0.5)
    return model.eval()


def engine(name: str, **options: Any) -> Any:
    """An engine of a network of `BUILDERS`."""
    return zf.Engine(build(name), photos(), transform(), cache=False, **options)
