"""Grad-CAM and LRP of a unit, against their definitions."""

from __future__ import annotations

import importlib

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

import zfwidgets as zf
from zfwidgets.engine import attribution
from zfwidgets.engine.local import LocalEngine
from zfwidgets.errors import InputError, MissingDependency
from zfwidgets.records import Unit


def model() -> nn.Sequential:
    torch.manual_seed(2)
    return nn.Sequential(
        nn.Conv2d(3, 6, 3, bias=False),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(6, 5, 3, bias=False),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(5, 4, bias=False),
    ).eval()


def images() -> list[Tensor]:
    torch.manual_seed(7)
    return list(torch.rand(3, 3, 18, 24))


def engine() -> LocalEngine:
    return LocalEngine(model(), images(), cache=False)


def test_grad_cam_is_its_definition() -> None:
    pytest.importorskip("captum")
    ours = engine()
    image = images()[1]
    features = model()[:4](image[None]).detach().requires_grad_()
    outputs = model()[4:](features)
    channel = int(outputs.argmax())
    (gradient,) = torch.autograd.grad(outputs[0, channel], features)
    cam = (gradient.mean((2, 3), keepdim=True) * features).sum(1, keepdim=True).relu()
    enlarged = functional.interpolate(cam, (18, 24), mode="bilinear").detach()[0, 0]
    found = ours.project(Unit("7", channel), 1, rule=zf.rules.GradCam(at="3"))
    assert found.rule == "grad-cam"
    assert found.status == "linearised"
    assert "feature maps of '3'" in found.operations[0].note
    for colour in range(3):
        np.testing.assert_allclose(found.pixels[..., colour], enlarged, rtol=1e-4, atol=1e-6)
    default = ours.project(Unit("7", channel), 1, rule="grad-cam")
    assert "feature maps of '4', " not in default.operations[0].note
    assert "feature maps of '4'" in default.operations[0].note, "the last one with places"
    with pytest.raises(InputError, match="has none before it"):
        ours.project(Unit("0", 1), 1, rule="grad-cam")


def test_lrp_shares_out_the_whole_value() -> None:
    pytest.importorskip("zennit")
    ours = engine()
    before = {k: v.clone() for k, v in ours._network.module.state_dict().items()}
    found = ours.project(Unit("4", 2), 0, rule="lrp")
    assert found.pixels.sum() == pytest.approx(found.activation.value, rel=1e-3)
    assert found.status == "linearised"
    assert "EpsilonPlus" in found.operations[0].note
    box = found.activation.box
    inside = box.cut(found.pixels)
    assert np.abs(inside).sum() == pytest.approx(np.abs(found.pixels).sum()), "nothing beside it"
    after = ours._network.module.state_dict()
    assert all(torch.equal(before[k], after[k]) for k in before)
    again = ours.project(Unit("4", 2), 0)
    assert again.status == "paper"
    with pytest.raises(InputError, match="'lrp' goes its own way"):
        ours.explain("4", "lrp")


def test_batches_equal_single_images() -> None:
    pytest.importorskip("zennit")
    ours = engine()
    top = ours.top("4", 2)
    assert len(top) == 3
    for together, activation in zip(ours.project_all(top.activations, "lrp"), top, strict=True):
        alone = ours.project(activation.unit, activation.image, "lrp")
        np.testing.assert_allclose(together.pixels, alone.pixels, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("rule", ["grad-cam", "lrp"])
def test_a_missing_library_is_named(rule: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> object:
        if name.startswith(("captum", "zennit")):
            raise ImportError(name)
        return importlib.import_module(name)

    monkeypatch.setattr(attribution, "import_module", missing)
    with pytest.raises(MissingDependency, match=r"pip install 'zfwidgets\[attribution\]'"):
        engine().project(Unit("4", 2), 0, rule=rule)
