"""The deconvnet of section 2.1 written out by hand, in float64, without autograd.

Going down: put values back at the switches (adding where windows chose the same pixel), rectify,
filter with the transposed weights; contrast norms aren't there on the way down. The switches are
those that the engine recorded, since a near tie decided otherwise in float64 would be another
picture.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional

Shapes = dict[nn.Module, tuple[int, ...]]


def input_shapes(model: nn.Module, image: Tensor) -> Shapes:
    """Each module's input shape for one image."""
    shapes: Shapes = {}
    handles = [
        m.register_forward_pre_hook(lambda m, args: shapes.__setitem__(m, args[0].shape))
        for m in model.modules()
    ]
    with torch.no_grad():
        model(image)
    for handle in handles:
        handle.remove()
    return shapes


def transposed(conv: nn.Conv2d, signal: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Filter with the flipped filters, back to ``shape``, without bias."""
    extra = [
        shape[2 + a]
        - (
            (signal.shape[2 + a] - 1) * conv.stride[a]
            - 2 * conv.padding[a]
            + conv.dilation[a] * (conv.kernel_size[a] - 1)
            + 1
        )
        for a in (0, 1)
    ]
    return functional.conv_transpose2d(
        signal,
        conv.weight.double(),
        None,
        conv.stride,
        conv.padding,
        extra,
        conv.groups,
        conv.dilation,
    )


def unpool(signal: Tensor, switches: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Put values back at the switches; contributions to one pixel add."""
    flat = torch.zeros(*shape[:2], shape[2] * shape[3], dtype=torch.float64)
    flat.scatter_add_(2, switches.flatten(2), signal.flatten(2))
    return flat.reshape(shape)


class Down:
    """Goes down through modules of the kinds that the tests' networks are made of."""

    def __init__(self, shapes: Shapes, switches: Iterator[Tensor]) -> None:
        self.shapes, self.switches = shapes, switches

    def __call__(self, module: nn.Module, signal: Tensor) -> Tensor:
        step: Callable[[nn.Module, Tensor], Tensor] = getattr(self, type(module).__name__)
        return step(module, signal)

    def Sequential(self, module: nn.Sequential, signal: Tensor) -> Tensor:
        for child in reversed(list(module)):
            signal = self(child, signal)
        return signal

    def Conv2d(self, module: nn.Conv2d, signal: Tensor) -> Tensor:
        return transposed(module, signal, self.shapes[module])

    def ReLU(self, module: nn.ReLU, signal: Tensor) -> Tensor:
        return signal.clamp(min=0)

    def Dropout(self, module: nn.Dropout, signal: Tensor) -> Tensor:
        return signal

    def ContrastNorm(self, module: nn.Module, signal: Tensor) -> Tensor:
        return signal

    def LocalResponseNorm(self, module: nn.Module, signal: Tensor) -> Tensor:
        return signal

    def MaxPool2d(self, module: nn.MaxPool2d, signal: Tensor) -> Tensor:
        return unpool(signal, next(self.switches), self.shapes[module])

    def BatchNorm2d(self, module: nn.BatchNorm2d, signal: Tensor) -> Tensor:
        scale = module.weight.double() / (module.running_var.double() + module.eps).sqrt()
        return signal * scale[:, None, None]

    def Fire(self, module: nn.Module, signal: Tensor) -> Tensor:
        left, right = signal.split(
            [module.expand1x1.out_channels, module.expand3x3.out_channels], 1
        )
        squeezed = self(module.expand1x1, left.clamp(min=0))
        squeezed = squeezed + self(module.expand3x3, right.clamp(min=0))
        return self(module.squeeze, squeezed.clamp(min=0))

    def BasicBlock(self, module: nn.Module, signal: Tensor) -> Tensor:
        signal = signal.clamp(min=0)
        residual = self(module.bn2, signal)
        residual = self(module.conv2, residual).clamp(min=0)
        residual = self(module.conv1, self(module.bn1, residual))
        shortcut = self(module.downsample, signal) if module.downsample else signal
        return residual + shortcut


def responses(clean: Tensor, maps: Tensor) -> dict[str, Tensor]:
    """What became of feature maps (n, channels, rows, columns), beside clean ones (channels, ...).

    Sums, each channel's clean maximum's place, share of units that switched, 1 - cos.
    """
    at = clean.flatten(1).argmax(1)
    before, after = clean.flatten().double(), maps.flatten(1).double()
    cos = after @ before / (after.norm(dim=1) * before.norm())
    return {
        "totals": maps.double().sum((2, 3)),
        "units": torch.stack([m.flatten(1)[torch.arange(len(at)), at] for m in maps]),
        "hamming": ((after > 0) != (before > 0)).double().mean(1),
        "cosine": 1 - cos,
    }
