"""Contrast norms on the way down: the paper has none in its reconstruction (section 2.1)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
import torchvision
from torch import Tensor, nn
from torch.nn import functional as F

import zfwidgets as zf
from tests.engine.reference import Down, input_shapes
from zfwidgets.engine.local import LocalEngine
from zfwidgets.engine.network import network
from zfwidgets.engine.network.costs import CPU
from zfwidgets.engine.network.modes import computing
from zfwidgets.engine.network.network import Network
from zfwidgets.engine.projection import deconv
from zfwidgets.engine.projection.projector import Projector
from zfwidgets.engine.projection.rules import Deconvnet
from zfwidgets.models import ContrastNorm
from zfwidgets.records import CONTRAST_NORM, RESPONSE_NORM, Unit

ROWS, COLUMNS = 71, 90


class Lrn(nn.Module):
    """Local response normalisation as a function of PyTorch's, not a module."""

    def forward(self, x: Tensor) -> Tensor:
        return F.local_response_norm(x, 5, alpha=0.5, k=2.0)


class DownWithLrn(Down):
    def Lrn(self, module: nn.Module, signal: Tensor) -> Tensor:
        return signal


def alexnet_with_lrn() -> nn.Sequential:
    """torchvision's AlexNet with the norms that Krizhevsky's has, one of them as a function."""
    layers = list(torchvision.models.alexnet(weights=None).features)
    return nn.Sequential(
        *layers[:2], Lrn(), *layers[2:5], nn.LocalResponseNorm(5, 0.5), *layers[5:]
    )


def features(model: nn.Sequential) -> nn.Sequential:
    """Up to the last map, so that images needn't be square."""
    return nn.Sequential(*list(model)[: [type(m) for m in model].index(nn.Flatten)])


NETS = {
    "zfnet": lambda: features(zf.models.zfnet()),
    "zfnet_small": lambda: features(zf.models.zfnet_small(size=(ROWS, COLUMNS))),
    "alexnet_small": lambda: features(zf.models.alexnet_small(size=(ROWS, COLUMNS))),
    "alexnet with lrn": alexnet_with_lrn,
}


def lively(name: str, dtype: torch.dtype) -> nn.Sequential:
    """With weights, and norms, that make the norms' derivative matter."""
    with torch.random.fork_rng():
        torch.manual_seed(5)
        model = NETS[name]()
        for module in model:
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            elif isinstance(module, nn.LocalResponseNorm):
                module.alpha = 3.0
    return model.to(dtype).eval()


def by_hand(model: nn.Sequential, image: Tensor, last: int, unit: tuple[int, int, int]) -> Tensor:
    """The deconvnet: the model's own switches, unpool, rectify, filter; float64."""
    switches: list[Tensor] = []
    x = image[None]
    with torch.no_grad():
        shapes = input_shapes(model, x)
        for module in model[: last + 1]:
            if isinstance(module, nn.MaxPool2d):
                arguments = module.kernel_size, module.stride, module.padding, module.dilation
                found = F.max_pool2d(x, *arguments, module.ceil_mode, return_indices=True)[1]
                switches.append(found)
            x = module(x)
        signal = torch.zeros(x.shape, dtype=torch.float64)
        signal[(0, *unit)] = x[(0, *unit)].double()
        return DownWithLrn(shapes, reversed(switches))(model[: last + 1], signal)[0]


def units_of(maps: Tensor) -> Iterator[tuple[int, int, int]]:
    """The strongest channel in the middle, and on each corner where one is active."""
    rows, cols = maps.shape[1:]
    for row, col in {(rows // 2, cols // 3), (0, 0), (0, cols - 1), (rows - 1, 0)}:
        channel = int(maps[:, row, col].argmax())
        if maps[channel, row, col] > 0:
            yield channel, row, col


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("name", NETS)
def test_they_are_passed_by_as_written_out_by_hand(name: str, dtype: Any, monkeypatch) -> None:
    """From whole images, from cones, and from kept switches; border units included."""
    monkeypatch.setattr(network, "check_precision", lambda model: None)
    model = lively(name, dtype)
    generator = torch.Generator().manual_seed(3)
    images = torch.randn(2, 3, ROWS, COLUMNS, generator=generator).to(dtype)
    net = Network(model, images[0])
    projector = Projector(net, memory=None)
    rule = Deconvnet()
    seen, moved = 0, 0.0
    norms = [i for i, m in enumerate(model) if isinstance(m, (nn.LocalResponseNorm, Lrn))]
    for last in (norms[0], norms[1], len(model) - 2):
        layer = str(last)
        with torch.no_grad():
            maps = model[: last + 1](images)
        for number, image in enumerate(images):
            for unit in units_of(maps[number]):
                wanted = by_hand(model, image, last, unit)
                value = float(maps[number][unit])
                batch = image[None]
                with computing(net.device, grad=True):
                    ways = {"whole": deconv.project(net, batch, layer, [unit], rule)}
                for key in (None, number, number):
                    ways[str(key)] = projector.project(batch, [key], layer, [unit], rule)
                for key, found in ways.items():
                    difference = (found.pixels[0].double() - wanted).abs().max()
                    assert difference <= 1e-5 * wanted.abs().max(), (layer, unit, key)
                    assert {o.status for o in found.operations} == {"paper"}
                    assert found.values[0] == pytest.approx(value, rel=1e-5)
                with computing(net.device, grad=True):
                    other = deconv.project(net, image[None], layer, [unit], _Derivative())
                scale = wanted.abs().max()
                moved = max(moved, float((other.pixels[0] - wanted).abs().max() / scale))
                seen += 1
    assert seen >= 15
    assert moved > 0.1, "the norms' derivative would have been another picture"


class _Derivative(Deconvnet):
    passes_norms = False


def written_out(x: Tensor) -> Tensor:
    """As old conversions from Caffe have it."""
    squares = F.avg_pool3d(x.pow(2)[:, None], (3, 1, 1), stride=1, padding=(1, 0, 0)).squeeze(1)
    return x.div(squares.mul(3).add(1.0).pow(0.75))


def within_maps(x: Tensor) -> Tensor:
    return x / (F.avg_pool2d(x * x, 3, 1, 1) * 3 + 1).sqrt()


def about_its_mean(x: Tensor) -> Tensor:
    squares = (x - F.avg_pool2d(x, 3, 1, 1)) ** 2
    return x / (F.avg_pool2d(squares, 3, 1, 1) + 0.1) ** 0.5


def in_place(x: Tensor) -> Tensor:
    """PyTorch's graph hides what is written through a view."""
    squares = F.avg_pool3d(F.pad((x * x)[:, None], (0, 0, 0, 0, 1, 1)), (3, 1, 1), stride=1)
    return x.div(squares.squeeze(1).mul_(3).add_(1.0).pow_(0.75))


class Call(nn.Module):
    def __init__(self, function: Any) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x)


PASSED = [
    (nn.LocalResponseNorm(3, alpha=3.0), RESPONSE_NORM),
    (nn.CrossMapLRN2d(3, alpha=3.0), RESPONSE_NORM),
    (torch.jit.script(Lrn()), RESPONSE_NORM),
    (ContrastNorm(3, alpha=3.0), CONTRAST_NORM),
    (Call(lambda x: F.local_response_norm(x, 4, 3.0, 0.5)), RESPONSE_NORM),
    (Call(written_out), RESPONSE_NORM),
    (Call(within_maps), RESPONSE_NORM),
    (Call(about_its_mean), CONTRAST_NORM),
]
NOT_TOLD = [
    (Call(in_place), "quotient"),
    (Call(lambda x: x / (x * x).mean(1, True).add(1).sqrt()), "quotient"),
    (Call(lambda x: 2 * x / F.avg_pool2d(x * x, 3, 1, 1).add(1).sqrt()), "quotient"),
    (Call(lambda x: x / F.avg_pool2d(x, 3, 1, 1).add(1).sqrt()), "quotient"),
    (Call(lambda x: x / F.avg_pool2d(x * x, 3, 1, 1).add(1)), "quotient"),
    (Call(lambda x: x.flip(1) / F.avg_pool2d(x * x, 3, 1, 1).add(1).sqrt()), "quotient"),
    (Call(F.normalize), "quotient"),
    (nn.LayerNorm(12), "layer norm"),
    (nn.BatchNorm2d(4), "batch norm"),
]


def project(norm: nn.Module, rule: Any) -> tuple[Any, np.ndarray, np.ndarray]:
    """A unit above ``norm``; and by hand, with the norm passed by and with its derivative."""
    with torch.random.fork_rng():
        torch.manual_seed(1)
        model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), norm, nn.Conv2d(4, 5, 3)).eval()
        images = torch.randn(2, 3, 11, 14)
    engine = LocalEngine(model, list(images), cache=False)
    with torch.no_grad():
        channel = int(model(images[:1]).amax((0, 2, 3)).argmax())
    found = engine.project(Unit("3", channel), 0, rule)
    unit = found.activation.unit
    hidden = model[1](model[0](images[:1])).detach().requires_grad_()
    top = torch.zeros(1, 5, 7, 10)
    top[0, channel, unit.row, unit.col] = found.activation.value
    signal = F.conv_transpose2d(top, model[3].weight)
    (through,) = torch.autograd.grad(model[2](hidden.clone()), hidden, signal)
    pictures = [
        F.conv_transpose2d(s.relu(), model[0].weight)[0].permute(1, 2, 0).detach().numpy()
        for s in (signal, through)
    ]
    return found, pictures[0], pictures[1]


@pytest.mark.parametrize(("norm", "name"), PASSED)
def test_however_it_is_written_it_is_passed_by(norm: nn.Module, name: str) -> None:
    found, passed, through = project(norm, "deconvnet")
    np.testing.assert_allclose(found.pixels, passed, atol=1e-5 * np.abs(passed).max())
    assert np.abs(passed - through).max() > 0.02 * np.abs(passed).max()
    assert [o.name for o in found.operations] == ["convolution", name, "relu"]
    assert found.operations[1].note == "passed by, as in the paper"
    assert found.status == "paper"

    found, _, through = project(norm, _Derivative())
    np.testing.assert_allclose(found.pixels, through, atol=1e-5 * np.abs(through).max())
    assert [o.name for o in found.operations] == ["convolution", name, "relu"]
    assert found.operations[1].note.startswith("its derivative at this image")
    assert found.status == "linearised"


@pytest.mark.parametrize(("norm", "name"), NOT_TOLD)
def test_what_cant_be_told_keeps_its_derivative_and_says_so(norm: nn.Module, name: str) -> None:
    found, _, through = project(norm, "deconvnet")
    np.testing.assert_allclose(found.pixels, through, atol=1e-5 * np.abs(through).max())
    (met,) = (o for o in found.operations if o.name == name)
    assert met.status == ("adjoint" if name == "batch norm" else "linearised")


@pytest.mark.parametrize("rule", ["guided", "gradient"])
def test_other_rules_take_the_derivative(rule: str) -> None:
    found, _, _ = project(ContrastNorm(3, alpha=3.0), rule)
    with_norm = found.pixels
    (met,) = (o for o in found.operations if o.name == CONTRAST_NORM)
    assert met.status == "linearised"
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), ContrastNorm(3, alpha=3.0))
    model.append(nn.Conv2d(4, 5, 3)).eval()
    with torch.random.fork_rng():
        torch.manual_seed(1)
        for index in (0, 3):
            model[index].reset_parameters()
        images = torch.randn(2, 3, 11, 14)
    assert with_norm.shape == (11, 14, 3)
    leaf = images[:1].requires_grad_()
    unit = found.activation.unit
    before = model[0](leaf)
    value = model[3](model[2](before.relu()))[0, unit.channel, unit.row, unit.col]
    (signal,) = torch.autograd.grad(value, before, value.detach(), retain_graph=True)
    signal = signal.relu() if rule == "guided" else signal
    (pixels,) = torch.autograd.grad(before, leaf, signal)
    wanted = pixels[0].permute(1, 2, 0).numpy()
    np.testing.assert_allclose(with_norm, wanted, atol=1e-5 * np.abs(wanted).max())


def test_an_explanation_names_them_by_rule() -> None:
    engine = LocalEngine(
        features(zf.models.zfnet_small()), list(torch.randn(2, 3, 71, 90)), cache=False
    )
    said = engine.explain("7", "deconvnet")
    assert "Contrast normalisation (2 times): passed by, as in the paper." in said.sentences
    assert said.status == "paper"
    said = engine.explain("7", "guided")
    assert any(s.startswith("Contrast normalisation (2 times): its deriv") for s in said.sentences)
    assert said.status == "linearised"


def test_a_norm_alone_makes_rules_differ() -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.LocalResponseNorm(3)).eval()
    engine = LocalEngine(model, list(torch.randn(2, 3, 9, 12)), cache=False)
    assert not any("all rules give the same" in s for s in engine.explain("1", "guided").sentences)
    assert any("all rules give the same" in s for s in engine.explain("0", "guided").sentences)
    assert engine.explain("1", "deconvnet").same_for_every_image
    assert not engine.explain("1", _Derivative()).same_for_every_image


def test_kept_switches_and_costs_change_nothing() -> None:
    """All ways give the same in one engine: cold, kept, and where whole images are cheaper."""
    engine = zf.Engine(
        zf.models.zfnet_small(size=(ROWS, COLUMNS)),
        zf.samples.shapes(6, (ROWS, COLUMNS)),
        zf.models.transform((ROWS, COLUMNS)),
        cache=False,
    )
    top = list(engine.top("relu3", 4))
    assert top
    cold = engine.project_all(top)
    engine.keep_switches([a.image for a in top], "relu3", "deconvnet")
    assert engine._projector.graph_projector.kept.bytes > 0
    kept = engine.project_all(top)
    engine._projector.graph_projector.costs = CPU
    alone = [engine.project(a.unit, a.image) for a in top]
    for a, b, c in zip(cold, kept, alone, strict=True):
        scale = np.abs(a.pixels).max()
        assert np.abs(a.pixels - b.pixels).max() <= 1e-5 * scale
        assert np.abs(a.pixels - c.pixels).max() <= 1e-5 * scale
        assert a.operations == b.operations == c.operations
