"""Receptive fields against what the gradient really reaches."""

from __future__ import annotations

import pytest
import torch
import torchvision
from torch import Tensor, nn

from zfwidgets.engine.network.network import Network
from zfwidgets.engine.projection.deconv import record
from zfwidgets.errors import UnsupportedModel
from zfwidgets.records import Box, LayerInfo

SHIFTS = 6
NOTHING = Box(0, 0, 0, 0)


class Branches(nn.Module):
    """Inception-like: branches of different reach, concatenated, then summed with a shortcut."""

    def __init__(self) -> None:
        super().__init__()
        self.narrow = nn.Conv2d(3, 2, 1)
        self.wide = nn.Sequential(nn.Conv2d(3, 2, (5, 3), padding=(2, 1)), nn.ReLU())
        self.pool = nn.MaxPool2d(3, stride=(2, 1), padding=1, ceil_mode=True)
        self.tail = nn.Conv2d(4, 4, 3, dilation=2, padding=2)

    def forward(self, x: Tensor) -> Tensor:
        y = self.pool(torch.cat([self.narrow(x), self.wide(x)], 1))
        return self.tail(y) + y


class Padded(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.pad = nn.ZeroPad2d((1, 2, 3, 0))
        self.conv = nn.Conv2d(3, 4, (4, 2), stride=(1, 2))
        self.mean = nn.AvgPool2d((2, 3))

    def forward(self, x: Tensor) -> Tensor:
        return self.mean(self.conv(self.pad(x)))


class Shuffled(nn.Module):
    """A channel shuffle: views and a transpose that leave rows and columns alone."""

    def __init__(self) -> None:
        super().__init__()
        self.a = nn.Conv2d(3, 4, 3, stride=2)
        self.b = nn.Conv2d(4, 4, 3, groups=2)

    def forward(self, x: Tensor) -> Tensor:
        y = self.a(x)
        n, c, h, w = y.shape
        return self.b(y.view(n, 2, c // 2, h, w).transpose(1, 2).reshape(n, c, h, w))


def all_positive(model: nn.Module) -> nn.Module:
    """Positive weights and no averaging away: every path passes gradient."""
    for parameter in model.parameters():
        parameter.data.uniform_(0.1, 1)
    return model.eval()


def support(network: Network, layer: LayerInfo, row: int, col: int, image: Tensor) -> Box:
    """Bounding box of the pixels that gradients of a place's units reach, all channels together."""
    reached = torch.zeros(network.input_shape[1:], dtype=torch.bool)
    for shift in range(SHIFTS):  # other images let max-pools choose other pixels
        forward = record(network, image.roll((shift, 2 * shift), (1, 2))[None], layer.name)
        leaf, output = forward.leaf, forward.output
        output.reshape(1, *layer.shape)[0, :, row, col].sum().backward()
        reached |= (leaf.grad[0] != 0).any(0)
    rows, cols = reached.any(1).nonzero(), reached.any(0).nonzero()
    if not len(rows):
        return NOTHING
    top, left = int(rows.min()), int(cols.min())
    return Box(top, left, int(rows.max()) - top + 1, int(cols.max()) - left + 1)


@pytest.mark.parametrize("build", [Branches, Padded, Shuffled])
def test_field_is_the_gradients_support(build: type[nn.Module]) -> None:
    torch.manual_seed(5)
    image = torch.rand(3, 23, 31) + 0.1
    network = Network(all_positive(build()), image)
    for layer in network.layers:
        rows, cols = layer.shape[1:]
        assert layer.receptive_field.reach == ("upper bound" if layer.fields else "exact")
        for row, col in {(rows // 2, cols // 2), (0, 0), (rows - 1, cols // 2)}:
            box = layer.receptive_field.box(row, col).clip(23, 31)
            box = box if box.height * box.width else NOTHING
            assert box == support(network, layer, row, col, image), (layer.name, row, col)


@pytest.mark.parametrize("name", ["alexnet", "squeezenet1_1", "resnet18"])
def test_field_contains_the_gradients_support(name: str) -> None:
    torch.manual_seed(5)
    model = getattr(torchvision.models, name)(weights=None)
    image = torch.rand(3, 160, 128)
    network = Network(model, image)
    for layer in network.layers[:: len(network.layers) // 4]:
        row, col = layer.shape[1] // 2, layer.shape[2] // 3
        box = layer.receptive_field.box(row, col).clip(160, 128)
        inside = support(network, layer, row, col, image)
        assert box.top <= inside.top
        assert box.left <= inside.left
        assert box.bottom >= inside.bottom
        assert box.right >= inside.right
        if layer.receptive_field.reach == "exact" and max(layer.receptive_field.size) < 60:
            assert box == inside


def test_published_fields() -> None:
    """AlexNet's and VGG-16's receptive fields as the literature gives them."""
    alexnet = Network(torchvision.models.alexnet(weights=None), torch.zeros(3, 224, 224))
    sizes = [x.receptive_field.size[0] for x in alexnet.layers if x.role == "conv"]
    assert sizes == [11, 51, 99, 131, 163]
    vgg = Network(torchvision.models.vgg16(weights=None), torch.zeros(3, 224, 224))
    assert vgg.layer("features.30").receptive_field.size == (212, 212)


def test_a_mixing_layer_is_global() -> None:
    model = nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 7)
    )
    network = Network(model, torch.zeros(3, 20, 15))
    field = network.layer("3").receptive_field
    assert field.reach == "global"
    assert field.box(0, 0) == Box(0, 0, 20, 15)


def test_what_cannot_be_followed_is_an_upper_bound() -> None:
    class Rolled(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x.roll(1, 2)

    network = Network(nn.Sequential(nn.Conv2d(3, 4, 3), Rolled()), torch.zeros(3, 20, 15))
    assert network.layer("1").receptive_field.reach == "upper bound"
    assert network.layer("1").receptive_field.box(3, 3) == Box(0, 0, 20, 15)


def test_random_models_are_refused_before_they_draw() -> None:
    class Noisy(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x + torch.randn_like(x)

    model = nn.Sequential(nn.Conv2d(3, 4, 3), Noisy())
    before = torch.get_rng_state()
    with pytest.raises(UnsupportedModel, match=r"Layer '1' draws random numbers.*randn_like"):
        Network(model, torch.zeros(3, 20, 15))
    assert torch.equal(before, torch.get_rng_state())
