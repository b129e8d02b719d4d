"""The paper's networks, untrained: its own (Fig. 3) and its replica of AlexNet; and small sisters.

All are `torch.nn.Sequential` with the paper's numbers in their layers' names: conv1, relu1, pool1,
norm1, ..., conv5, relu5, pool5, flatten, fc6, relu6, drop6, fc7, relu7, drop7, fc8. They give
logits: the paper's softmax is part of the loss.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from ..errors import InputError
from .parts import PIXEL_RANGE, ContrastNorm

Layers = OrderedDict[str, nn.Module]
Model = TypeVar("Model", bound="PaperNetwork")

SMALL_DROPOUT = 0.2
"""Half of 256 units is too little to learn from in minutes."""

SMALL_ALPHA = 1e-4 * 64**2
"""The norms' alpha for inputs in [-2, 2], 64 times smaller than the paper's: the same effect."""


SMALL_RANGE = 2.0
"""The small networks' inputs lie in about [-2, 2]; see `zfwidgets.models.transform`."""


class PaperNetwork(nn.Sequential):
    """A network of the paper's, or a small one of its shape.

    Attributes
    ----------
    input_range
        Largest input: all lie in about [-input_range, input_range].
    """

    input_range: float = PIXEL_RANGE


class ZFNet(PaperNetwork):
    """Zeiler & Fergus' network (Fig. 3); make one with `zfnet` or `zfnet_small`."""


class AlexNet(PaperNetwork):
    """Krizhevsky, Sutskever & Hinton's network (2012); see `alexnet_replica`, `alexnet_small`."""


def zfnet(classes: int = 1000) -> ZFNet:
    """The paper's network (Fig. 3), untrained: 62,357,608 parameters for 1000 classes.

    Input (n, 3, 224, 224). Feature maps, with what makes them:

    ====== ======================================================= ==========
    layer  operations                                               maps
    ====== ======================================================= ==========
    1      96 filters 7 x 7, stride 2 (110 x 110), pool, contrast   55 x 55
    2      256 filters 5 x 5, stride 2 (26 x 26), pool, contrast    13 x 13
    3, 4   384 filters 3 x 3                                        13 x 13
    5      256 filters 3 x 3 (13 x 13), pool                        6 x 6
    6, 7   4096 units, dropout 0.5
    ====== ======================================================= ==========

    All but the last are rectified; pools are 3 x 3 with stride 2. The paper leaves padding open.
    These give its sizes: one pixel of zeros around the input of layer 1, none around layer 2's,
    one around those of layers 3 to 5; and pools with `ceil_mode`, as cuda-convnet has them. Its
    formula of contrast normalisation is in `ContrastNorm`.

    Weights are normal with standard deviation 0.01 and biases zero (paper: "initialized to
    10^-2"), drawn from PyTorch's global random state. That scale belongs to the paper's inputs,
    pixels in about [-128, 128].
    """
    layers = _features(
        widths=(96, 256, 384, 384, 256),
        first=(7, 2, 1),
        second=(5, 2, 0),
        norms=[ContrastNorm(), ContrastNorm()],
        pool_first=True,
    )
    return _started(ZFNet(_with_head(layers, 224, 4096, classes)), _paper_start)


def alexnet_replica(classes: int = 1000) -> AlexNet:
    """The network that the paper compares with: 60,965,224 parameters for 1000 classes.

    "The exact architecture specified in (Krizhevsky et al., 2012)" (section 4.1): 96 filters
    11 x 11 with stride 4, local response normalisation before the pools of layers 1 and 2, and
    layers 2, 4 and 5 in two halves that see half of the maps each. Input (n, 3, 224, 224), with
    two pixels of zeros around it; maps of 55, 27, 27, 13, 13, 13, 13 and 6 rows.

    The norm is Krizhevsky's, with the sum over five maps (k = 2, alpha = 1e-4, beta = 0.75);
    PyTorch's takes the mean, so that its alpha is five times that. Initialised as `zfnet`.
    """
    layers = _features(
        widths=(96, 256, 384, 384, 256),
        first=(11, 4, 2),
        second=(5, 1, 2),
        norms=[nn.LocalResponseNorm(5, 5e-4, 0.75, 2.0) for _ in range(2)],
        pool_first=False,
        groups=(1, 2, 1, 2, 2),
    )
    return _started(AlexNet(_with_head(layers, 224, 4096, classes)), _paper_start)


def zfnet_small(classes: int = 10, size: int | tuple[int, int] = 64) -> ZFNet:
    """`zfnet`'s layers in its order, a third as wide, for pictures of ``size`` pixels.

    Filters, strides and pools are those of `zfnet`; 32, 64, 96, 96 and 64 maps, then 256 and 256
    units with dropout 0.2; two pixels of zeros around layer 2's input. With 64 x 64 pixels the
    maps have 30, 15, 8, 4, 4, 4, 4 and 2 rows; 0.38 million parameters. Inputs in about [-2, 2],
    as `zfwidgets.models.transform` gives them; He's initialisation (2015), which trains without
    the paper's care for scale, but layer 1 at a tenth of it, so that its filters soon show what
    they have learned instead of the numbers that they began with.
    """
    layers = _features(
        widths=(32, 64, 96, 96, 64),
        first=(7, 2, 1),
        second=(5, 2, 2),
        norms=[ContrastNorm(alpha=SMALL_ALPHA), ContrastNorm(alpha=SMALL_ALPHA)],
        pool_first=True,
    )
    model = _started(ZFNet(_with_head(layers, size, 256, classes, SMALL_DROPOUT)), _small_start)
    model.input_range = SMALL_RANGE
    return model


def alexnet_small(classes: int = 10, size: int | tuple[int, int] = 64) -> AlexNet:
    """`alexnet_replica`'s layers in its order, as wide as `zfnet_small`.

    Filters of 11 x 11 with stride 4 in layer 1. With 64 x 64 pixels the maps have 15, 7, 7, 3, 3,
    3, 3 and 1 rows. Inputs and initialisation as `zfnet_small`.
    """
    layers = _features(
        widths=(32, 64, 96, 96, 64),
        first=(11, 4, 2),
        second=(5, 1, 2),
        norms=[nn.LocalResponseNorm(5, SMALL_ALPHA, 0.75, 2.0) for _ in range(2)],
        pool_first=False,
        groups=(1, 2, 1, 2, 2),
    )
    model = _started(AlexNet(_with_head(layers, size, 256, classes, SMALL_DROPOUT)), _small_start)
    model.input_range = SMALL_RANGE
    return model


def _features(
    widths: Sequence[int],
    first: tuple[int, int, int],
    second: tuple[int, int, int],
    norms: Sequence[nn.Module],
    pool_first: bool,
    groups: Sequence[int] = (1,) * 5,
) -> Layers:
    """Layers 1 to 5 on the meta device; ``first`` and ``second`` are (kernel, stride, padding)."""
    layers: Layers = OrderedDict()
    before = 3
    shapes = (first, second, (3, 1, 1), (3, 1, 1), (3, 1, 1))
    for number, (width, shape, parts) in enumerate(zip(widths, shapes, groups, strict=True), 1):
        layers[f"conv{number}"] = nn.Conv2d(before, width, *shape, groups=parts, device="meta")
        layers[f"relu{number}"] = nn.ReLU()
        if number <= len(norms):
            pool, norm = (f"pool{number}", _pool()), (f"norm{number}", norms[number - 1])
            layers.update([pool, norm] if pool_first else [norm, pool])
        before = width
    layers["pool5"] = _pool()
    return layers


def _pool() -> nn.Module:
    return nn.MaxPool2d(3, 2, ceil_mode=True)


def _with_head(
    features: Layers,
    size: int | tuple[int, int],
    width: int,
    classes: int,
    dropout: float = 0.5,
) -> Layers:
    """The layers, and the fully connected ones that fit pictures of ``size`` pixels."""
    if classes < 1:
        raise InputError(f"classes is {classes}: expected 1 or more.")
    rows, columns = (size, size) if isinstance(size, int) else size
    try:
        maps = nn.Sequential(features)(torch.empty(1, 3, rows, columns, device="meta"))
    except RuntimeError as error:
        raise InputError(
            f"Pictures of {rows} x {columns} pixels are too small: nothing of them is left for "
            "the upper layers. Make them larger; 64 x 64 is enough."
        ) from error
    layers: Layers = OrderedDict(features, flatten=nn.Flatten())
    inputs = maps[0].numel()
    for number in (6, 7):
        layers[f"fc{number}"] = nn.Linear(inputs, width, device="meta")
        layers[f"relu{number}"] = nn.ReLU()
        layers[f"drop{number}"] = nn.Dropout(dropout)
        inputs = width
    layers["fc8"] = nn.Linear(width, classes, device="meta")
    return layers


def _started(model: Model, start: Callable[[Tensor], Any]) -> Model:
    """Give a model of the meta device memory, ``start``'s weights, and biases of zero.

    The last layer always starts as the paper's, so that the first loss is that of guessing.
    """
    model.to_empty(device=torch.get_default_device())
    for name, parameter in model.named_parameters():
        if name.endswith("bias"):
            nn.init.zeros_(parameter)
        else:
            (_paper_start if name == "fc8.weight" else start)(parameter)
    return model


def _paper_start(weight: Tensor) -> Any:
    return nn.init.normal_(weight, std=0.01)


def _small_start(weight: Tensor) -> Any:
    nn.init.kaiming_normal_(weight, nonlinearity="relu")
    with torch.no_grad():
        return weight.mul_(0.1) if weight.shape[1] == 3 else weight
