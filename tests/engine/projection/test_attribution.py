"""Grad-CAM and LRP of a unit, against their definitions."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

import zfwidgets as zf
from zfwidgets.engine.local import LocalEngine
from zfwidgets.errors import InputError, MissingDependency, UnsupportedModel
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
    with pytest.raises(InputError, match="has none below it"):
        ours.project(Unit("0", 1), 1, rule="grad-cam")


@pytest.fixture(scope="module")
def squeezenet() -> LocalEngine:
    return zf.Engine(zf.samples.network(), zf.samples.photos())


def test_grad_cam_of_all_layers_weighs_what_all_paths_go_through(squeezenet: LocalEngine) -> None:
    """Real weights: with the chosen layer's signal stopped, nothing arrives at the pixels."""
    pytest.importorskip("captum")
    network = squeezenet.session.network
    refused = []
    for info in squeezenet.layers:
        for channel in (1, info.channels - 2):  # of both branches, where there are two
            activation = squeezenet.top(info.name, channel)[0]
            try:
                found = squeezenet.project(activation.unit, activation.image, "grad-cam")
            except InputError:
                refused.append(info.name)
                continue
            at = found.operations[0].note.split("'")[1]
            assert found.blank == (not found.crop().any()) == bool(found.note)
            leaf = squeezenet.session.image(activation.image)[2][None].clone().requires_grad_()
            module = network.module.get_submodule(at)
            values: list[Tensor] = []
            handle = module.register_forward_hook(lambda m, a, out: out.detach())
            try:
                with torch.enable_grad():
                    network.run(leaf, lambda _, out: values.append(out), only=info.name)  # noqa: B023
            finally:
                handle.remove()
            unit = activation.unit
            value = values[0][(0, channel, unit.row, unit.col)[: values[0].dim()]]
            if value.requires_grad:  # the other branch is there, and has no part in this channel
                (gradient,) = torch.autograd.grad(value, leaf)
                assert not gradient.any(), (info.name, channel, at)
            assert values[0][(0, channel, unit.row, unit.col)[: values[0].dim()]] > 0
    assert set(refused) == {"features.0"}


class Shortcuts(nn.Module):
    """One rectifier called three times, a shortcut, and a branch beside it."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.inner = nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 3, padding=1)
        self.beside, self.last = nn.Conv2d(4, 2, 1), nn.Conv2d(4, 3, 3)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        x = self.relu(self.stem(x))
        x = self.relu(x + self.inner(x))
        return torch.cat([self.beside(x), self.relu(self.last(x))[..., :1, :1] + x[:, :3]], 1)


def test_grad_cam_weighs_one_call_of_a_module() -> None:
    pytest.importorskip("captum")
    torch.manual_seed(2)
    net = Shortcuts().eval()
    ours = LocalEngine(net, images(), cache=False)
    with torch.no_grad():
        first = net.stem(images()[0][None]).relu()
    hidden = (first + net.inner(first)).relu().detach().requires_grad_()
    maps = net.last(hidden)
    channel, place = divmod(int(maps[0].argmax()), maps[0, 0].numel())
    row, col = divmod(place, maps.shape[3])
    (gradient,) = torch.autograd.grad(maps[0, channel, row, col], hidden)
    cam = (gradient.mean((2, 3), keepdim=True) * hidden).sum(1, keepdim=True).relu()
    wanted = functional.interpolate(cam, (18, 24), mode="bilinear").detach()[0, 0]
    found = ours.project(Unit("last", channel, row, col), 0, "grad-cam")
    assert "feature maps of 'relu@1'" in found.operations[0].note
    np.testing.assert_allclose(found.pixels[..., 0], wanted, rtol=1e-4, atol=1e-6)
    # inside the shortcut only what all paths share, and not the branch itself
    inner = ours.project(Unit("relu@1", channel), 0, "grad-cam")
    assert "feature maps of 'relu'" in inner.operations[0].note
    with pytest.raises(InputError, match="don't depend on 'beside'"):
        ours.project(Unit("last", channel, row, col), 0, zf.rules.GradCam(at="beside"))
    with pytest.raises(InputError, match="don't depend on 'last'"):
        ours.project(Unit("inner", 0), 0, zf.rules.GradCam(at="last"))


class Lowered(nn.Module):
    """A unit that everything it sees lowers, and that is active all the same."""

    def __init__(self) -> None:
        super().__init__()
        self.seen, self.unit = nn.Conv2d(3, 2, 3), nn.Conv2d(2, 1, 3)
        with torch.no_grad():
            self.seen.weight.fill_(0.1)
            self.unit.weight.fill_(-0.1)
            self.unit.bias.fill_(9.0)

    def forward(self, x: Tensor) -> Tensor:
        return self.unit(self.seen(x).relu())


@pytest.mark.parametrize("rule", ["grad-cam", "deconvnet"])
def test_a_picture_of_zeros_says_so(rule: str) -> None:
    if rule == "grad-cam":
        pytest.importorskip("captum")
    ours = LocalEngine(Lowered().eval(), images(), cache=False)
    found = ours.project(Unit("unit", 0), 0, rule)
    assert not found.pixels.any()
    assert found.blank
    assert found.note.startswith("Zero everywhere")
    seen = ours.project(Unit("seen", 1), 0)
    assert not seen.blank
    assert seen.note == ""


class Crossed(nn.Module):
    """Batch norms that follow a convolution in the tree of modules, and another in the pass."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(3, 4, 3), nn.Conv2d(4, channels, 3)
        self.norm = nn.BatchNorm2d(4)
        self.last = nn.Conv2d(channels, 3, 1)
        nn.init.constant_(self.last.bias, 2.0)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.second(self.norm(self.first(x)).relu()).relu())


@pytest.mark.parametrize("channels", [4, 6])
def test_lrp_merges_batch_norms_as_they_follow(channels: int) -> None:
    """As of the network that has its norm merged by hand; and the network stays as it was."""
    composites = pytest.importorskip("zennit.composites")
    canonizers = pytest.importorskip("zennit.canonizers")
    torch.manual_seed(3)
    net = Crossed(channels)
    net.norm.running_mean.uniform_(-0.3, 0.3)
    net.norm.running_var.uniform_(0.2, 3)
    net.eval()
    merged = Crossed(channels).eval()
    merged.load_state_dict(net.state_dict())
    merged.first = torch.nn.utils.fuse_conv_bn_eval(net.first, net.norm)
    merged.norm = nn.Identity()
    ours, plain = (LocalEngine(n, images(), cache=False) for n in (net, merged))
    with torch.no_grad():
        channel = int(net(images()[0][None]).amax((0, 2, 3)).argmax())
    unit = Unit("last", channel)
    found, wanted = ours.project(unit, 0, "lrp"), plain.project(unit, 0, "lrp")
    np.testing.assert_allclose(found.pixels, wanted.pixels, rtol=1e-3, atol=1e-5)
    before = {k: v.clone() for k, v in ours.session.network.module.state_dict().items()}
    wrong = composites.EpsilonPlus(canonizers=[canonizers.SequentialMergeBatchNorm()])
    with pytest.raises(UnsupportedModel, match=r"merges batch norms|can't be computed"):
        ours.project(unit, 0, zf.rules.Lrp(wrong))
    after = ours.session.network.module.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(before[k], after[k]) for k in before)
    again = ours.project(unit, 0, "lrp")
    np.testing.assert_array_equal(again.pixels, found.pixels)


def test_lrp_shares_out_the_whole_value() -> None:
    pytest.importorskip("zennit")
    ours = engine()
    before = {k: v.clone() for k, v in ours.session.network.module.state_dict().items()}
    found = ours.project(Unit("4", 2), 0, rule="lrp")
    assert found.pixels.sum() == pytest.approx(found.activation.value, rel=1e-3)
    assert found.status == "linearised"
    assert "EpsilonPlus" in found.operations[0].note
    box = found.activation.box
    inside = box.cut(found.pixels)
    assert np.abs(inside).sum() == pytest.approx(np.abs(found.pixels).sum()), "nothing beside it"
    after = ours.session.network.module.state_dict()
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
    for name in ("captum.attr", "zennit.composites", "zennit.types", "zennit.canonizers"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(MissingDependency, match=r"pip install 'zfwidgets\[attribution\]'"):
        engine().project(Unit("4", 2), 0, rule=rule)
