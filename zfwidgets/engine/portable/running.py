"""Run a portable network in PyTorch, as a page does by hand, to check its translation."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from .record import PortableNetwork

Arrays = list[Tensor]
Run = Callable[[Mapping[str, Any], list[Tensor], Arrays], Tensor]


class Running:
    """A portable network, ready to be run; weights of less precision are widened to float32."""

    def __init__(self, network: PortableNetwork) -> None:
        self._network = network
        self._arrays = [torch.from_numpy(array.copy()) for array in network.weights()]

    def __call__(self, image: Tensor, value: int) -> NDArray[np.float32]:
        """A value of an image (channels, rows, columns), as (channels, rows, columns)."""
        last = {at: i for i, one in enumerate(self._network.operations) for at in one["in"]}
        values: dict[int, Tensor] = {0: image[None].to("cpu", torch.float32)}
        for i, one in enumerate(self._network.operations[:value]):
            inputs = [values[at] for at in one["in"]]
            found = _RUN[one["op"]](one, inputs, self._arrays)
            values[i + 1] = found.reshape(1, *one["shape"])
            for at in set(one["in"]):
                if last[at] == i and at != value:
                    del values[at]
        result: NDArray[np.float32] = values[value][0].numpy()
        return result


def _conv(one: Mapping[str, Any], x: list[Tensor], arrays: Arrays) -> Tensor:
    bias = arrays[one["bias"]] if "bias" in one else None
    slides = (one["stride"], one["padding"], one["dilation"], one["groups"])
    return F.conv2d(x[0], arrays[one["weight"]], bias, *slides)


def _conv_transposed(one: Mapping[str, Any], x: list[Tensor], arrays: Arrays) -> Tensor:
    """As large as was recorded: what is added at the end is what the sizes leave open."""
    bias = arrays[one["bias"]] if "bias" in one else None
    slides = zip(one["kernel"], one["stride"], one["padding"], one["dilation"], strict=True)
    sizes = zip(x[0].shape[2:], one["shape"][1:], slides, strict=True)
    more = [out - ((n - 1) * s - 2 * p + d * (k - 1) + 1) for n, out, (k, s, p, d) in sizes]
    return F.conv_transpose2d(
        x[0], arrays[one["weight"]], bias, one["stride"], one["padding"], more, one["groups"],
        one["dilation"],
    )  # fmt: skip


def _group_norm(one: Mapping[str, Any], x: list[Tensor], arrays: Arrays) -> Tensor:
    scale, shift = (arrays[one[name]] if name in one else None for name in ("scale", "shift"))
    if not one["apart"]:
        return F.group_norm(x[0], one["groups"], scale, shift, one["epsilon"])
    last = x[0].permute(0, 2, 3, 1)
    return F.layer_norm(last, last.shape[-1:], scale, shift, one["epsilon"]).permute(0, 3, 1, 2)


def _scale(one: Mapping[str, Any], x: list[Tensor], arrays: Arrays) -> Tensor:
    out = x[0]
    if "scale" in one:
        out = out * arrays[one["scale"]].view(1, -1, 1, 1)
    return out + arrays[one["shift"]].view(1, -1, 1, 1) if "shift" in one else out


def _max_pool(one: Mapping[str, Any], x: list[Tensor], arrays: Arrays) -> Tensor:
    """As large as was recorded: rounded up or down."""
    for ceiled in (False, True):
        found: Tensor = F.max_pool2d(
            x[0], one["kernel"], one["stride"], one["padding"], one["dilation"], ceiled
        )
        if found.numel() == _count(one):
            break
    return found


def _mean_pool(one: Mapping[str, Any], x: list[Tensor], arrays: Arrays) -> Tensor:
    counts, divisor = one["padding_counts"], one["divisor"] or None
    for ceiled in (False, True):
        found: Tensor = F.avg_pool2d(
            x[0], one["kernel"], one["stride"], one["padding"], ceiled, counts, divisor
        )
        if found.numel() == _count(one):
            break
    return found


def _count(one: Mapping[str, Any]) -> int:
    channels, rows, columns = one["shape"]
    return int(channels * rows * columns)


def _gate(one: Mapping[str, Any], x: list[Tensor], arrays: Arrays) -> Tensor:
    return x[0] * x[1]


def _curve(one: Mapping[str, Any], x: list[Tensor], arrays: Arrays) -> Tensor:
    slope = one.get("slope", 0.0)
    curves: dict[str, Callable[[Tensor], Tensor]] = {
        "leaky": lambda t: F.leaky_relu(t, slope),
        "elu": lambda t: F.elu(t, slope),
        "sigmoid": torch.sigmoid,
        "tanh": torch.tanh,
        "silu": F.silu,
        "hardswish": F.hardswish,
        "hardsigmoid": F.hardsigmoid,
        "gelu": lambda t: F.gelu(t, approximate="tanh"),
    }
    return curves[one["curve"]](x[0])


def _pad(one: Mapping[str, Any], x: list[Tensor], arrays: Arrays) -> Tensor:
    (top, left), (bottom, right) = one["before"], one["after"]
    return F.pad(x[0], (left, right, top, bottom), value=one["value"])


def _norm(one: Mapping[str, Any], x: list[Tensor], arrays: Arrays) -> Tensor:
    size, before = one["size"], one["before"]

    def mean(maps: Tensor) -> Tensor:
        padded = F.pad(maps[:, None], (0, 0, 0, 0, before, size - 1 - before))
        return F.avg_pool3d(padded, (size, 1, 1), stride=1)[:, 0]

    spread = mean(x[0] * x[0])
    if one["contrast"]:
        spread = spread - mean(x[0]).pow(2)
    normed: Tensor = x[0] / (spread * one["alpha"] + one["k"]).pow(one["beta"])
    return normed


_RUN: dict[str, Run] = {
    "conv": _conv,
    "conv_transposed": _conv_transposed,
    "group_norm": _group_norm,
    "product": lambda one, x, _: x[0] * x[1],
    "scale": _scale,
    "rectify": lambda one, x, _: x[0].clamp(0, one.get("most")),
    "curve": _curve,
    "norm": _norm,
    "max_pool": _max_pool,
    "mean_pool": _mean_pool,
    "adaptive_mean": lambda one, x, _: F.adaptive_avg_pool2d(x[0], one["shape"][1:]),
    "adaptive_max": lambda one, x, _: F.adaptive_max_pool2d(x[0], one["shape"][1:]),
    "add": lambda one, x, _: x[0] * one["factors"][0] + x[1] * one["factors"][1],
    "gate": _gate,
    "concat": lambda one, x, _: torch.cat(x, 1),
    "part": lambda one, x, _: x[0][:, one["first"] : one["first"] + one["shape"][0]],
    "pad": _pad,
    "view": lambda one, x, _: x[0],
    "softmax": lambda one, x, _: x[0].softmax(1),
}
