"""Small networks around one hard layer, and projections of them beside the plain definition."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from zfwidgets.engine.network.modes import computing
from zfwidgets.engine.network.network import Network
from zfwidgets.engine.projection import deconv
from zfwidgets.engine.projection.rules import RULES
from zfwidgets.records import Operation

ROWS, COLUMNS = 11, 14


class Call(nn.Module):
    """A function as a layer."""

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x)


def images(channels: int = 3, rows: int = ROWS, columns: int = COLUMNS, count: int = 2) -> Tensor:
    generator = torch.Generator().manual_seed(9)
    return torch.randn(count, channels, rows, columns, generator=generator)


def seeded(*layers: nn.Module) -> nn.Sequential:
    """The layers with weights that depend on their shapes and order only."""
    model = nn.Sequential(*layers)
    generator = torch.Generator().manual_seed(4)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.4)
        for buffer in model.buffers():
            if buffer.is_floating_point():
                buffer.copy_(torch.rand(buffer.shape, generator=generator) + 0.5)
    return model.eval()


def between(middle: nn.Module, channels: int = 4) -> nn.Sequential:
    """A layer between two convolutions."""
    return seeded(nn.Conv2d(3, 4, 3), middle, nn.Conv2d(channels, 5, 3))


def project(
    model: nn.Module, layer: str, batch: Tensor, rule: str = "deconvnet"
) -> tuple[Tensor, tuple[Operation, ...]]:
    """Projections of the strongest unit of each image, and what was met on the way."""
    network = Network(model, batch[0])
    outputs: list[Tensor] = []
    with computing(network.device):
        network.run(batch, lambda _, out: outputs.append(out.clone()), only=layer)
    maps = outputs[0].reshape(*outputs[0].shape[:2], -1)
    columns = outputs[0].shape[3] if outputs[0].dim() == 4 else 1
    units = []
    for image in maps:
        channel, place = divmod(int(image.argmax()), image.shape[1])
        units.append((channel, *divmod(place, columns)))
    with computing(network.device, grad=True):
        found = deconv.project(network, batch, layer, units, RULES[rule])
    return found.pixels, found.operations


def met(operations: tuple[Operation, ...], name: str) -> Operation:
    (found,) = (o for o in operations if o.name == name)
    return found


class OwnRectifier(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.clamp(min=0)

    @staticmethod
    def backward(ctx, signal):
        return signal * (ctx.saved_tensors[0] > 0)


class Relu(OwnRectifier):
    """Its node is called ReluBackward: not PyTorch's all the same."""


class Squeeze(nn.Module):
    """A squeeze-and-excitation block; ``expanded`` as the original implementation spells it."""

    def __init__(self, expanded: bool = False, frozen: bool = False) -> None:
        super().__init__()
        self.expanded, self.frozen = expanded, frozen
        self.down, self.up = nn.Conv2d(4, 2, 1), nn.Conv2d(2, 4, 1)

    def forward(self, x: Tensor) -> Tensor:
        gate = self.up(self.down(x.mean((2, 3), keepdim=True)).relu()).sigmoid()
        gate = gate.detach() if self.frozen else gate
        return x * gate.expand_as(x) if self.expanded else gate * x


def conv_net() -> nn.Sequential:
    return between(nn.ReLU())
