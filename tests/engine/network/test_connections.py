"""What layers read and the blocks that they belong to, against graphs written down by hand."""

from __future__ import annotations

import json

import pytest
import torch
from torch import Tensor, nn
from torchvision import models

from zfwidgets.engine.network.network import Network
from zfwidgets.records import LayerInfo

Read = dict[str, tuple[list[str], str]]


def network(model: nn.Module, rows: int = 64, columns: int = 80) -> Network:
    return Network(model, torch.rand(3, rows, columns))


def below(layers: tuple[LayerInfo, ...], block: str) -> Read:
    """Of a block's layers, by their names in it: what they read, and how it's joined."""

    def short(name: str) -> str:
        return name.removeprefix(f"{block}.")

    return {
        short(layer.name): ([short(name) for name in layer.parents or ()], layer.joined)
        for layer in layers
        if block in layer.blocks
    }


def blocks(layers: tuple[LayerInfo, ...]) -> set[tuple[str, ...]]:
    return {layer.blocks for layer in layers}


def test_fire_module() -> None:
    layers = network(models.squeezenet1_1()).layers
    assert layers[0].parents == ("",)
    assert below(layers, "features.4") == {
        "squeeze": (["features.3"], ""),
        "squeeze_activation": (["squeeze"], ""),
        "expand1x1": (["squeeze_activation"], ""),
        "expand1x1_activation": (["expand1x1"], ""),
        "expand3x3": (["squeeze_activation"], ""),
        "expand3x3_activation": (["expand3x3"], ""),
        "features.4": (["expand1x1_activation", "expand3x3_activation"], "concatenation"),
    }
    fires = {(f"features.{i}",) for i in (3, 4, 6, 7, 9, 10, 11, 12)}
    assert blocks(layers) == {(), *fires}  # `features` and `classifier` only put others in a row


def test_basic_block() -> None:
    layers = network(models.resnet18()).layers
    plain = {
        "conv1": (["layer1.0.relu@1"], ""),
        "bn1": (["conv1"], ""),
        "relu": (["bn1"], ""),
        "conv2": (["relu"], ""),
        "bn2": (["conv2"], ""),
        "relu@1": (["layer1.0.relu@1", "bn2"], "sum"),
    }
    assert below(layers, "layer1.1") == plain
    assert below(layers, "layer2.0") == plain | {
        "conv1": (["layer1.1.relu@1"], ""),
        "downsample.0": (["layer1.1.relu@1"], ""),
        "downsample.1": (["downsample.0"], ""),
        "relu@1": (["bn2", "downsample.1"], "sum"),
    }
    assert blocks(layers) == {(), *((f"layer{i}.{j}",) for i in (1, 2, 3, 4) for j in (0, 1))}


def test_dense_layer() -> None:
    dense = models.DenseNet(growth_rate=4, block_config=(3, 3, 3), num_init_features=8, bn_size=2)
    layers = network(dense).layers
    block = "features.denseblock2"
    start = "features.transition1.pool"
    assert below(layers, f"{block}.denselayer3") == {
        "norm1": ([start, f"{block}.denselayer1.conv2", f"{block}.denselayer2.conv2"],
                  "concatenation"),
        "relu1": (["norm1"], ""),
        "conv1": (["relu1"], ""),
        "norm2": (["conv1"], ""),
        "relu2": (["norm2"], ""),
        "conv2": (["relu2"], ""),
    }  # fmt: skip
    ends = [f"denselayer{i}.conv2" for i in (1, 2, 3)]
    assert below(layers, block)[block] == ([start, *ends], "concatenation")
    own = next(layer for layer in layers if layer.name == f"{block}.denselayer3.conv1")
    assert own.blocks == (block, f"{block}.denselayer3")


class Gated(nn.Module):
    """Shared modules, unlisted operations, and all ways of coming together."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 3, padding=1)
        self.gate = nn.Conv2d(4, 4, 1)
        self.twice = Twice()
        self.head = nn.Linear(8, 2)

    def forward(self, x: Tensor) -> Tensor:
        y = self.stem(x)
        y = y * torch.sigmoid(self.gate(y.mean((2, 3), keepdim=True)))
        y = self.twice(self.twice(y))
        y = torch.cat([y + 0.1, x.mean(1, keepdim=True).expand_as(y).clamp(0)], 1)
        return self.head(y.mean((2, 3)))


class Twice(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(4, 4, (3, 1), padding=(1, 0))
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        return self.relu(self.conv(x)) - x


def test_shared_modules_and_operations_between() -> None:
    found = {layer.name: layer for layer in network(Gated(), 9, 12).layers}
    read = {name: (layer.parents, layer.joined) for name, layer in found.items()}
    assert read == {
        "stem": (("",), ""),
        "gate": (("stem",), ""),
        "twice.conv": (("stem", "gate"), "product"),
        "twice.relu": (("twice.conv",), ""),
        "twice": (("stem", "gate", "twice.relu"), "other"),  # a product in a difference
        "twice.conv@1": (("twice",), ""),
        "twice.relu@1": (("twice.conv@1",), ""),
        "twice@1": (("twice", "twice.relu@1"), "other"),
        "head": (("", "twice@1"), "concatenation"),
    }
    assert [layer.blocks for layer in found.values()] == [
        *[(), ()],
        *[("twice",)] * 3,
        *[("twice@1",)] * 3,
        (),
    ]


class Wrapper(nn.Module):
    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x: Tensor) -> Tensor:
        return self.inner(x)


def test_what_only_wraps_is_no_block() -> None:
    layers = network(wrapped()).layers
    assert [layer.blocks for layer in layers] == [
        *[()] * 3,
        *[("inner.1.inner.inner",)] * 3,
        *[("inner.2.inner.inner",)] * 3,
    ]


def wrapped() -> nn.Module:
    """A trunk with all of the network, wrapped blocks, and a wrapped single layer."""
    stem = nn.Sequential(Wrapper(nn.Conv2d(3, 4, 1)), nn.BatchNorm2d(4), nn.ReLU())
    return Wrapper(nn.Sequential(stem, *(Wrapper(Wrapper(Twice())) for _ in range(2))))


class Looking(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a = nn.Conv2d(3, 4, 1)
        self.b = nn.Conv2d(4, 4, 1)

    def forward(self, x: Tensor) -> Tensor:
        y = self.a(x)
        return self.b(y) if y.max().item() > -1e9 else y


def test_nothing_is_claimed_where_the_pass_depends_on_values() -> None:
    assert [(one.parents, one.joined) for one in network(Looking()).layers] == [(None, "")] * 2


@pytest.mark.parametrize("model", [models.squeezenet1_1, Looking])
def test_survive_a_catalogue(model: type[nn.Module]) -> None:
    for layer in network(model()).layers:
        data = json.loads(json.dumps(layer.to_json()))
        assert LayerInfo.from_json(data, (64, 80)) == layer
    old = {key: data[key] for key in data if key not in ("parents", "joined", "blocks")}
    assert LayerInfo.from_json(old, (64, 80)).parents is None
