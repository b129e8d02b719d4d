"""Channels of branches have receptive fields of their own: what each one's gradient reaches."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from unittest.mock import patch

import pytest
import torch
import torchvision
from torch import Tensor, nn
from torch.nn import functional

from zfwidgets.engine.network.network import Network
from zfwidgets.records import Box, LayerInfo


class Reaching:
    """Every path of a network passes gradient.

    Weights are positive, so nothing cancels and no rectifier is closed; max-pools become averages,
    which read the same pixels; in float64 the product of many small weights isn't zero.
    """

    def __init__(self, model: nn.Module, image: tuple[int, int]) -> None:
        torch.manual_seed(3)
        for parameter in model.parameters():
            fan_in = parameter[0].numel() if parameter.dim() > 1 else 1
            parameter.data.uniform_(0.5, 1).div_(fan_in)
        self.network = Network(model.eval(), torch.rand(3, *image) + 0.1)
        self.model, self.image = model.double(), image

    def units(self, name: str, layer: LayerInfo) -> Iterator[tuple[int, int, int]]:
        """Units of the channels at each range's two ends, of every range's middle, and of others.

        The others don't depend on ranges: of a layer of few channels all of them, at the far corner
        too; of more those at regular distances.
        """
        starts = [first for first, _ in layer.fields] or [0]
        ends = [*starts[1:], layer.channels]
        channels = set(range(0, layer.channels, -(-layer.channels // 16)))
        for start, end in zip(starts, ends, strict=True):
            channels |= {start, (start + end) // 2, end - 1}
        rows, cols = layer.shape[1:]
        for channel in sorted(channels):
            yield channel, rows // 2, cols // 3
            if layer.channels <= 16:
                yield channel, rows - 1, cols - 1

    def support(self, name: str, units: list[tuple[int, int, int]]) -> list[Box]:
        """Bounding boxes of the pixels that the units' gradients reach, one each."""
        leaf = (torch.rand(1, 3, *self.image, dtype=torch.float64) + 0.1).requires_grad_()
        found: list[Tensor] = []
        handle = self.model.get_submodule(name).register_forward_hook(
            lambda module, args, output: found.append(output.clone())
        )
        with patch.object(functional, "max_pool2d", averaged), torch.enable_grad():
            self.model(leaf)
        handle.remove()
        return [self._box(found[0][(0, *unit)], leaf) for unit in units]

    def _box(self, value: Tensor, leaf: Tensor) -> Box:
        (gradient,) = torch.autograd.grad(value, leaf, retain_graph=True, allow_unused=True)
        if gradient is None:
            return Box(0, 0, 0, 0)
        reached = (gradient[0] != 0).any(0)
        rows, cols = reached.any(1).nonzero(), reached.any(0).nonzero()
        top, left = int(rows.min()), int(cols.min())
        return Box(top, left, int(rows.max()) - top + 1, int(cols.max()) - left + 1)


def averaged(
    maps: Tensor,
    kernel_size: int,
    stride: int | None = None,
    padding: int = 0,
    dilation: int = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Tensor:
    """An average in the place of a max-pool."""
    assert dilation == 1
    return functional.avg_pool2d(maps, kernel_size, stride, padding, ceil_mode)


def check(reaching: Reaching, name: str) -> int:
    """Compare a layer; returns how many different fields its channels have."""
    layer = reaching.network.layer(name)
    units = list(reaching.units(name, layer))
    for unit, box in zip(units, reaching.support(name, units), strict=True):
        field = layer.field_of(unit[0])
        assert field.reach == "exact"
        expected = field.box(*unit[1:]).clip(*reaching.image)
        if field.size[0] >= reaching.image[0]:  # along such an axis a box is the whole image
            expected = replace(expected, top=box.top, height=box.height)
        if field.size[1] >= reaching.image[1]:
            expected = replace(expected, left=box.left, width=box.width)
        assert expected == box, (name, unit)
    return len({field for _, field in layer.fields} or {layer.receptive_field})


class Odd(nn.Module):
    """Branches of odd shapes, and most of what keeps or mixes channels."""

    def __init__(self) -> None:
        super().__init__()
        self.tall = nn.Conv2d(3, 3, (5, 1), padding=(2, 0))
        self.wide = nn.Conv2d(3, 2, (1, 7), padding=(0, 3))
        self.low = nn.Sequential(nn.Conv2d(3, 1, 3, padding=(0, 2)), nn.ZeroPad2d((0, -2, 2, 0)))
        self.joined = nn.Identity()
        self.norm = nn.BatchNorm2d(6)
        self.pool = nn.MaxPool2d((3, 2), stride=(2, 1), padding=(1, 0), ceil_mode=True)
        self.depthwise = nn.Conv2d(6, 12, 3, padding=1, groups=6)
        self.grouped = nn.Conv2d(12, 6, (1, 3), groups=3)
        self.shuffled = Shuffle(3)
        self.part = Part(1, 5)
        self.sum = Sum()
        self.stacked = Stacked()
        self.beside = Beside()
        self.widened = Widened()
        self.mixed = nn.Conv2d(9, 4, 2)

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm(torch.cat([self.tall(x), self.wide(x), self.low(x)], 1))
        y = self.depthwise(self.pool(y))
        y = self.shuffled(self.grouped(y))
        y = self.sum(self.part(y))
        y = self.beside(self.stacked(y))
        return self.mixed(self.widened(y))


class Shuffle(nn.Module):
    def __init__(self, groups: int) -> None:
        super().__init__()
        self.groups = groups

    def forward(self, x: Tensor) -> Tensor:
        n, c, h, w = x.shape
        return x.view(n, self.groups, -1, h, w).transpose(1, 2).reshape(n, c, h, w)


class Part(nn.Module):
    def __init__(self, first: int, end: int) -> None:
        super().__init__()
        self.first, self.end = first, end

    def forward(self, x: Tensor) -> Tensor:
        return x[:, self.first : self.end] * 2


class Sum(nn.Module):
    """Of two maps whose ranges differ."""

    def forward(self, x: Tensor) -> Tensor:
        one, other = x.chunk(2, 1)
        return torch.cat([one + other[:, 1:], other.relu()], 1)


class Stacked(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        one, *_, other = x.unbind(1)
        return torch.cat(
            [torch.stack([one, other], 1), x.mean(1, keepdim=True), x.sum(1)[:, None]], 1
        )


class Beside(nn.Module):
    """Channels that depend on no pixel, as coordinates, are told of by their neighbours only."""

    def forward(self, x: Tensor) -> Tensor:
        ramp = torch.linspace(0, 1, x.shape[3], dtype=x.dtype).expand(1, 2, x.shape[2], -1)
        return torch.cat([x, ramp], 1)


class Widened(nn.Module):
    """As a shortcut to more channels, which are zero."""

    def forward(self, x: Tensor) -> Tensor:
        return functional.pad(x, (0, 0, 0, 0, 1, 2)) + torch.cat([x[:, :1]] * 9, 1)


def test_each_channel_of_odd_branches() -> None:
    reaching = Reaching(Odd(), (23, 31))
    names = [layer.name for layer in reaching.network.layers]
    assert {"norm", "pool", "grouped", "shuffled", "part", "sum", "stacked", "mixed"} <= set(names)
    for name in names:
        if name != "beside":
            check(reaching, name)
    beside = reaching.network.layer("beside")
    fields = [beside.field_of(channel) for channel in range(beside.channels)]
    assert [field.reach for field in fields] == ["exact"] * 4 + ["upper bound"] * 2


@pytest.mark.parametrize(
    ("name", "image", "layers"),
    [
        ("squeezenet1_1", (90, 110), ["features.3", "features.7"]),
        ("googlenet", (120, 150), ["inception3a", "inception3b"]),
        (
            "densenet121",
            (90, 70),
            ["features.denseblock1", "features.denseblock2.denselayer3.norm1"],
        ),
        ("inception_v3", (107, 139), ["Mixed_6b"]),
        ("shufflenet_v2_x0_5", (90, 110), ["stage2.1", "stage2.3", "stage3.0.branch1.0"]),
    ],
)
def test_each_channel_of_known_networks(
    name: str, image: tuple[int, int], layers: list[str]
) -> None:
    options = {"init_weights": False} if name in ("googlenet", "inception_v3") else {}
    reaching = Reaching(getattr(torchvision.models, name)(weights=None, **options), image)
    for layer in layers:
        assert check(reaching, layer) > 1, layer
