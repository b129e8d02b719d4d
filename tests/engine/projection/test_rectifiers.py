"""Rectifiers, however they are spelled, and what is none."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from tests.engine.projection.hard_networks import (
    COLUMNS,
    Call,
    OwnRectifier,
    Relu,
    between,
    images,
    met,
    project,
    seeded,
)
from zfwidgets.engine.local import LocalEngine
from zfwidgets.engine.network.network import Network
from zfwidgets.engine.projection import deconv
from zfwidgets.engine.projection.rules import RULES
from zfwidgets.errors import UnsupportedModel
from zfwidgets.records import Unit, weakest


def assign(x: Tensor) -> Tensor:
    x = x.clone()
    x[x < 0] = 0
    return x


def on_a_part(change: Callable[[Tensor], object]) -> Call:
    """Changes two of the channels in place, through a view."""

    def function(x: Tensor) -> Tensor:
        x = x.clone()
        change(x[:, :2])
        return x

    return Call(function)


RECTIFIERS = {
    "nn.ReLU": nn.ReLU(),
    "nn.ReLU in place": nn.ReLU(inplace=True),
    "F.relu": Call(functional.relu),
    "F.relu_": Call(lambda x: functional.relu_(x)),
    "torch.relu": Call(torch.relu),
    "Tensor.relu_": Call(lambda x: x.relu_()),
    "clamp": Call(lambda x: x.clamp(min=0)),
    "clamp_": Call(lambda x: x.clamp_(min=0)),
    "clamp by a tensor": Call(lambda x: x.clamp(min=torch.zeros(()))),
    "clamp_min": Call(lambda x: torch.clamp_min(x, 0)),
    "threshold": nn.Threshold(0, 0),
    "leaky with slope 0": nn.LeakyReLU(0.0),
    "leaky with slope 0 in place": nn.LeakyReLU(0.0, inplace=True),
    "rrelu with slope 0": nn.RReLU(0.0, 0.0),
    "hardtanh with a far end": nn.Hardtanh(0, 1e6),
    "maximum": Call(lambda x: torch.maximum(x, torch.zeros(()))),
    "maximum, turned": Call(lambda x: torch.maximum(torch.zeros_like(x), x)),
    "fmax": Call(lambda x: torch.fmax(x, torch.zeros(()))),
    "where": Call(lambda x: torch.where(x > 0, x, 0.0)),
    "where, turned": Call(lambda x: torch.where(x <= 0, torch.zeros_like(x), x)),
    "times a comparison": Call(lambda x: x * (x > 0)),
    "a comparison times": Call(lambda x: (x >= 0).float() * x),
    "mul_": Call(lambda x: x.mul_(x > 0)),
    "masked_fill": Call(lambda x: x.masked_fill(x < 0, 0)),
    "masked_fill_": Call(lambda x: x.masked_fill_(x <= 0, 0.0)),
    "assignment": Call(assign),
    "scripted": torch.jit.script(nn.ReLU()),
    "traced": torch.jit.trace(nn.ReLU(), torch.zeros(2)),
}


@pytest.mark.parametrize("rule", list(RULES))
@pytest.mark.parametrize("name", list(RECTIFIERS))
def test_a_rectifier_is_one_however_it_is_spelled(name: str, rule: str) -> None:
    expected, _ = project(between(nn.ReLU()), "2", images(), rule)
    pixels, operations = project(between(RECTIFIERS[name]), "2", images(), rule)
    assert met(operations, "relu").count == 1
    assert weakest(operations) == "paper"
    torch.testing.assert_close(pixels, expected, rtol=1e-5, atol=1e-6)


def test_relu6_lets_signal_through_above_its_bound() -> None:
    model = seeded(nn.Conv2d(3, 4, 3), nn.ReLU6(), nn.Conv2d(4, 5, 3))
    with torch.no_grad():
        model[0].weight *= 20
    _, operations = project(model, "2", images())
    assert met(operations, "relu").note.startswith("clamped 0 to 6")
    expected, _ = project(model, "2", images())
    network = Network(model, images()[0])
    forward = deconv.record(network, images(), "2")
    leaf, output = forward.leaf, forward.output
    with torch.no_grad():
        hidden = model[0](images())
    assert (hidden > 6).any()
    # the strongest unit, written out: transposed filters around a rectified signal
    for number, image in enumerate(output.detach()):
        seed = torch.zeros_like(image)
        place = np.unravel_index(int(image.argmax()), image.shape)
        seed[place] = image[place]
        signal = functional.conv_transpose2d(seed[None], model[2].weight).relu()
        pixels = functional.conv_transpose2d(signal, model[0].weight)[0]
        torch.testing.assert_close(expected[number], pixels, rtol=1e-4, atol=1e-4)
    assert leaf.requires_grad


@pytest.mark.parametrize(
    ("module", "name", "status", "note"),
    [
        (nn.LeakyReLU(0.2), "leaky_relu", "linearised", "slope 0.2: no rectifier"),
        (nn.RReLU(0.1, 0.3), "rrelu", "linearised", "mean slope 0.2: no rectifier"),
        (nn.PReLU(4), "PReLU", "linearised", ""),
        (nn.Hardtanh(), "clamp", "linearised", "-1 to 1: no rectifier"),
        (Call(lambda x: x.clamp(max=1)), "clamp", "linearised", r"\.\.\. to 1"),
        (Call(lambda x: x.clamp(min=x.mean())), "clamp", "linearised", "depend on the image"),
        (Call(lambda x: torch.maximum(x, x.flip(1))), "maximum", "linearised", "two signals"),
        (Call(lambda x: x.where(x > 0.5, 0.0)), "selection", "linearised", "comparison"),
        (Call(lambda x: x * (x > -0.5)), "product", "linearised", "cut off from it"),
        (Call(lambda x: (x + x.abs()) / 2), "abs", "linearised", ""),
        (Call(lambda x: x * x.sigmoid()), "product", "linearised", "two signals"),
        (Call(torch.sign), "sign", "linearised", "no signal goes below"),
        (Call(OwnRectifier.apply), "OwnRectifier", "unknown", "own autograd.Function"),
        (Call(Relu.apply), "Relu", "unknown", "own autograd.Function"),
        (Call(lambda x: x + x.detach()), "cut", "unknown", "add.*the picture lacks"),
        (Call(lambda x: x + x.data), "cut", "unknown", "add.*the picture lacks"),
        (Call(lambda x: x + (x > 0).float()), "cut", "unknown", "comparison"),
        (
            Call(lambda x: x / (1 + 0 * x.max().item())),
            "value read",
            "linearised",
            "held as in this",
        ),
        (Call(lambda x: x if x.sum() > -1e9 else 2 * x), "value read", "linearised", "if"),
        (
            Call(lambda x: x / x.detach().norm(dim=1, keepdim=True)),
            "quotient",
            "linearised",
            "held",
        ),
        (nn.LocalResponseNorm(3), "local response normalisation", "paper", "passed by, as in"),
        (nn.GroupNorm(2, 4), "group norm", "linearised", ""),
        (nn.LayerNorm(COLUMNS - 2), "layer norm", "linearised", ""),
        (nn.InstanceNorm2d(4), "batch norm", "linearised", "the image's own statistics"),
        (nn.BatchNorm2d(4), "batch norm", "adjoint", "frozen scale"),
        (nn.Softmax2d(), "softmax", "linearised", ""),
        (nn.AvgPool2d(3, 2, 1, ceil_mode=True), "average", "adjoint", ""),
        (nn.AdaptiveAvgPool2d((4, 5)), "average", "adjoint", ""),
        (nn.AdaptiveMaxPool2d((4, 5)), "max_pool", "paper", ""),
        (nn.MaxPool2d(3, 2, 1, dilation=2, ceil_mode=True), "max_pool", "paper", ""),
        (nn.LPPool2d(2, 2), "power", "linearised", ""),
        (nn.Conv2d(4, 4, 3, padding=1, padding_mode="reflect"), "padding", "adjoint", ""),
        (nn.Conv2d(4, 4, 3, padding=2, padding_mode="replicate"), "padding", "adjoint", ""),
        (nn.Conv2d(4, 4, 3, dilation=2, groups=2), "convolution", "paper", ""),
        (nn.ConvTranspose2d(4, 4, 2, 2), "transposed convolution", "adjoint", ""),
        (nn.Upsample(scale_factor=2), "interpolation", "adjoint", ""),
        (on_a_part(torch.relu_), "relu", "unknown", "through a view"),
        (on_a_part(torch.sigmoid_), "sigmoid", "unknown", "through a view"),
        (on_a_part(lambda part: part.clamp_(min=0.1)), "clamp", "unknown", "through a view"),
        (on_a_part(lambda part: part.mul_(part.flip(2))), "mul", "unknown", "through a view"),
        (Call(lambda x: torch.cumsum(x, 2)), "Cumsum", "unknown", "not in zfwidgets' list"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, nn.Module) else str(value)[:20],
)
def test_what_is_no_rectifier_is_named(
    module: nn.Module, name: str, status: str, note: str
) -> None:
    import re

    pixels, operations = project(between(module), "2", images())
    found = met(operations, name)
    assert found.status == status
    assert re.search(note, found.note)
    assert torch.isfinite(pixels).all()
    order = ["paper", "adjoint", "linearised", "unknown"]
    assert order.index(weakest(operations)) >= order.index(status)


@pytest.mark.parametrize(
    "change",
    [
        lambda part: part.copy_(part.flip(3)),
        lambda part: part.zero_(),
        lambda part: part.add_(part.flip(2)),
        lambda part: part.mul_(0.5),
    ],
)
def test_what_is_linear_may_be_written_through_a_view(change: Callable[[Tensor], object]) -> None:
    _, operations = project(between(on_a_part(change)), "2", images())
    assert weakest(operations) in ("paper", "adjoint")


@pytest.mark.parametrize(
    "module",
    [
        nn.RReLU(0.1, 0.3),
        nn.RReLU(0.1, 0.3, inplace=True),
        Call(lambda x: functional.rrelu(x, 0.1, 0.3)),
    ],
    ids=["module", "in place", "functional"],
)
def test_rrelu_has_its_mean_slope_in_eval_mode(module: nn.Module) -> None:
    """From cones and from whole images alike; in training it draws slopes, and is refused."""
    batch = images()
    engines = [
        LocalEngine(between(layer), list(batch), cache=False)
        for layer in (module, nn.LeakyReLU(0.2))
    ]
    leaky = next(layer for layer in engines[1].layers if layer.name == "1")
    assert (leaky.role, leaky.rectified) == ("rectifier", False)
    for channel in range(5):
        found, expected = (engine.project(Unit("2", channel), 1) for engine in engines)
        np.testing.assert_allclose(found.pixels, expected.pixels, rtol=1e-5, atol=1e-6)
    whole, operations = project(between(module), "2", batch)
    torch.testing.assert_close(whole, project(between(nn.LeakyReLU(0.2)), "2", batch)[0])
    assert weakest(operations) == "linearised"
    assert engines[0].info.notes == engines[1].info.notes
    training = between(Call(lambda x: functional.rrelu(x, training=True)))
    state = torch.get_rng_state()
    with pytest.raises(UnsupportedModel, match=r"'1' draws random numbers.*rrelu"):
        Network(training, batch[0])
    assert torch.equal(state, torch.get_rng_state())
