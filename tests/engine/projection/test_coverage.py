"""Every family of networks in torchvision, and some of timm's, against explicit rules.

``ZFWIDGETS_SLOW=1`` adds those that take long.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
import torchvision
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.documents import coverage
from zfwidgets.engine.network.modes import computing
from zfwidgets.engine.projection import deconv
from zfwidgets.models import ContrastNorm

SLOW = os.environ.get("ZFWIDGETS_SLOW") == "1"


@pytest.fixture(scope="module", params=list(coverage.NETS))  # one look serves both tests
def name(request: pytest.FixtureRequest) -> Iterator[str]:
    found: str = request.param
    if not coverage.installed(found):
        pytest.skip("timm isn't installed: pip install timm")
    if coverage.NETS[found].slow and not SLOW:
        pytest.skip(f"{found} takes long: ZFWIDGETS_SLOW=1 runs it")
    yield found
    coverage.look.cache_clear()


class Rectify(torch.autograd.Function):
    """The deconvnet's rule, as a function in the place of ReLU."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, ceiling: float) -> Tensor:
        return x.clamp(0, ceiling)

    @staticmethod
    def backward(ctx: Any, signal: Tensor) -> tuple[Tensor, None]:
        return signal.clamp(min=0), None


class Pool(torch.autograd.Function):
    """Max-pooling that puts values back at the switches, adding where windows overlap."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, *options: Any) -> Tensor:
        out, switches = functional.max_pool2d_with_indices(x.detach(), *options)
        ctx.save_for_backward(switches)
        ctx.shape = x.shape
        return out

    @staticmethod
    def backward(ctx: Any, signal: Tensor) -> tuple[Tensor | None, ...]:
        (switches,) = ctx.saved_tensors
        flat = torch.zeros(*ctx.shape[:2], ctx.shape[2] * ctx.shape[3])
        flat.scatter_add_(2, switches.flatten(2), signal.flatten(2))
        return (flat.reshape(ctx.shape), *[None] * 5)


class PassBy(torch.autograd.Function):
    """A contrast norm that the signal passes by."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, norm: Any) -> Tensor:
        return norm(x.detach())

    @staticmethod
    def backward(ctx: Any, signal: Tensor) -> tuple[Tensor, None]:
        return signal, None


@contextmanager
def explicit_rules() -> Iterator[None]:
    """Put `Rectify`, `Pool`, `PassBy` and frozen gates in the place of what networks call."""
    relu = functional.relu
    norms = {kind: kind.forward for kind in (nn.LocalResponseNorm, ContrastNorm)}
    with pytest.MonkeyPatch.context() as patch:

        def pool(x, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, **_):
            return Pool.apply(x, kernel_size, stride, padding, dilation, ceil_mode)

        def rectify(x, inplace=False):
            return Rectify.apply(x, torch.inf) if x.requires_grad else relu(x)

        def hardtanh(x, low=-1.0, high=1.0, inplace=False):
            assert low == 0
            return Rectify.apply(x, high)

        def gated(self, x):
            return x * self._scale(x).detach()

        def timm_gated(self, x):
            scale = self.conv_expand(self.act1(self.conv_reduce(x.mean((2, 3), keepdim=True))))
            return x * self.gate(scale).detach()

        def timm_regnet_gated(self, x):
            scale = self.fc2(self.act(self.bn(self.fc1(x.mean((2, 3), keepdim=True)))))
            return x * self.gate(scale).detach()

        for kind, norm in norms.items():

            def passed_by(self, x, norm=norm):
                return PassBy.apply(x, lambda maps: norm(self, maps))

            patch.setattr(kind, "forward", passed_by)
        patch.setattr(functional, "relu", rectify)
        patch.setattr(functional, "relu6", lambda x, inplace=False: Rectify.apply(x, 6.0))
        patch.setattr(functional, "hardtanh", hardtanh)
        patch.setattr(functional, "max_pool2d", pool)
        patch.setattr(torchvision.ops.misc.SqueezeExcitation, "forward", gated)
        if coverage.installed("timm/"):
            from timm.layers import squeeze_excite
            from timm.models import _efficientnet_blocks

            patch.setattr(_efficientnet_blocks.SqueezeExcite, "forward", timm_gated)
            patch.setattr(squeeze_excite.SEModule, "forward", timm_regnet_gated)
        yield


def reference(model: nn.Module, image: Tensor, layer: str, call: int) -> tuple[Tensor, Tensor]:
    """The image as a leaf, and a layer's output, computed with explicit rules."""
    model = copy.deepcopy(model).requires_grad_(False)
    outputs: list[Tensor] = []
    module = model.get_submodule(layer)
    module.register_forward_hook(lambda m, args, out: outputs.append(out.clone()))
    leaf = image[None].clone().requires_grad_()
    with explicit_rules():
        model(leaf)
    return leaf, outputs[call]


def test_projection_equals_explicit_rules(name: str) -> None:
    seen = coverage.look(name)
    assert seen.network.layers
    assert not seen.explanation.unknown, "every operation of these networks is listed"
    path, _, call = seen.layer.name.partition("@")
    leaf, output = reference(seen.model, seen.image, path, int(call or 0))
    if output.dim() == 3:  # tokens, the class token first
        output = output[:, 1:].transpose(1, 2).reshape(1, *seen.layer.shape)
    if tuple(output.shape[1:]) != seen.layer.shape:
        output = output.permute(0, 3, 1, 2)  # the model keeps its channels last
        assert tuple(output.shape[1:]) == seen.layer.shape
    unit = tuple(torch.unravel_index(output[0].argmax(), output.shape[1:]))
    value = output[(0, *unit)]
    assert value > 0
    (expected,) = torch.autograd.grad(value, leaf)
    expected = expected * value.detach()
    with computing(seen.network.device, grad=True):
        found = deconv.project(
            seen.network, seen.image[None], seen.layer.name, [tuple(map(int, unit))], "deconvnet"
        )
    assert torch.allclose(found.values[0], value, rtol=1e-4)
    scale = expected.abs().max()
    assert scale > 0
    assert (found.pixels - expected).abs().max() <= 1e-5 * scale
    assert found.operations == seen.explanation.operations


def test_table_is_up_to_date(name: str) -> None:
    """``python -m benchmarks.documents.coverage`` makes it."""
    assert coverage.row(name) in coverage.TABLE.read_text().splitlines()


def test_table_has_every_family_of_torchvision() -> None:
    """Whoever adds a family to torchvision is asked for a row here."""
    classifiers = torchvision.models.list_models(module=torchvision.models)
    families = {
        "alexnet", "convnext", "densenet", "efficientnet", "googlenet", "inception", "maxvit",
        "mnasnet", "mobilenet", "regnet", "resnet", "resnext", "shufflenet", "squeezenet", "swin",
        "vgg", "vit", "wide_resnet",
    }  # fmt: skip
    for model in classifiers:
        assert any(model.startswith(family) for family in families), model
    for family in families:
        assert any(net.startswith(family) for net in coverage.NETS), family
