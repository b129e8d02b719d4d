"""The cone against whole images: float64, so that switches can't flip and nothing rounds."""

from __future__ import annotations

import gc
import weakref
from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
import torchvision
from torch import Tensor, nn

import zfwidgets as zf
from tests import portable_networks
from zfwidgets.engine.network import network
from zfwidgets.engine.network.costs import CPU
from zfwidgets.engine.network.graph.geometry import Slide
from zfwidgets.engine.network.graph.near_ties import largest
from zfwidgets.engine.network.graph.switches import pack, pool, unpool
from zfwidgets.engine.network.graph.transposed import channels_last, transposed
from zfwidgets.engine.network.graph.windows import Kept, NoWindow
from zfwidgets.engine.network.modes import computing
from zfwidgets.engine.network.network import Network
from zfwidgets.engine.projection import deconv
from zfwidgets.engine.projection.cone import Cone, multiply_adds
from zfwidgets.engine.projection.units import GraphProjector


def rectify(node, signal, tape):
    return signal.relu()


@pytest.fixture(autouse=True)
def any_precision(monkeypatch) -> None:
    """Set networks up in float64, which users may not."""
    monkeypatch.setattr(network, "check_precision", lambda model: None)


def build(model: nn.Module, shape: tuple[int, int, int]) -> tuple[Network, Tensor]:
    images = torch.randn(3, *shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    return Network(model.double().eval(), images[0]), images


def check(net: Network, images: Tensor, layer: str, projector: GraphProjector) -> None:
    """Cold, with kept switches, and all in one batch or apart: equal to the whole images'."""
    shape = net.layer(layer).shape
    channels, rows, cols = shape
    units = [
        (1 % channels, 0, cols // 2),
        (2 % channels, rows // 2, cols // 3),
        (channels - 1, rows - 1, cols - 1),
    ]
    top = net.graph.layers[layer]
    with computing(net.device, grad=True):
        whole = deconv.project(net, images, layer, units, "deconvnet")
    scale = whole.pixels.abs().amax((1, 2, 3), keepdim=True).clamp(min=1e-300)
    with computing(net.device):
        cold = projector.project(images, [None] * 3, top, units, rectify, Kept())
        projector.keep(images, [0, 1, 2], top, Kept())
        kept = projector.project(images, [0, 1, 2], top, units, rectify, Kept())
    for found in (cold, kept):
        assert torch.allclose(found.values, whole.values, rtol=1e-9, atol=1e-12), layer
        assert ((found.pixels - whole.pixels).abs() / scale).max() <= 1e-9, layer


@pytest.mark.parametrize(
    ("name", "every"),
    [
        ("alexnet", 2),
        ("vgg11_bn", 5),
        ("squeezenet1_1", 13),
        ("resnet18", 9),
        ("googlenet", 60),
        ("densenet121", 180),
        ("mobilenet_v2", 60),
        ("shufflenet_v2_x0_5", 40),
    ],
)
def test_every_way_gives_the_same_picture(name: str, every: int) -> None:
    torch.manual_seed(3)
    options = {"init_weights": False} if name == "googlenet" else {}
    net, images = build(getattr(torchvision.models, name)(weights=None, **options), (3, 72, 64))
    projector = GraphProjector(net.graph, 1 << 28)
    layers = [x.name for x in net.layers if min(x.shape[1:]) > 1 and x.name != "avgpool"]
    for layer in layers[::every]:
        check(net, images, layer, projector)


class Odd(nn.Module):
    """Dilation, groups, uneven kernels, padding of every side, overlapping and uneven pools."""

    def __init__(self) -> None:
        super().__init__()
        self.a = nn.Conv2d(2, 6, (5, 3), stride=(2, 1), padding=(2, 0), bias=False)
        self.pool = nn.MaxPool2d((3, 2), (1, 2), padding=(1, 1), ceil_mode=True)
        self.b = nn.Conv2d(6, 6, 3, dilation=(2, 1), padding=(2, 1), groups=3)
        self.mean = nn.AvgPool2d(3, 2, padding=1)
        self.c = nn.Conv2d(12, 4, 2)
        self.gate = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(4, 4, 1), nn.Sigmoid())
        self.d = nn.Conv2d(4, 5, 3, padding=1)
        self.last = nn.AdaptiveMaxPool2d((2, 3))

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.a(F.pad(x, (1, 2, 0, 3), value=0.5)), inplace=True)
        x = self.pool(x)
        y = torch.clamp(self.b(x), min=0)
        x = self.mean(torch.cat([y - 0.5 * x, x * 2], 1))
        left, right = self.c(x).chunk(2, 1)
        x = torch.cat([F.silu(left), F.leaky_relu(right, 0.1)], 1)
        x = F.leaky_relu(x, 0.0)
        x = x * self.gate(x)
        return self.last(self.d(x))


@pytest.mark.parametrize("shape", [(2, 24, 35), (2, 40, 24)])
def test_odd_operations(shape: tuple[int, int, int]) -> None:
    torch.manual_seed(4)
    net, images = build(Odd(), shape)
    projector = GraphProjector(net.graph, 1 << 28)
    for layer in ("a", "pool", "b", "mean", "c", "d"):
        check(net, images, layer, projector)
    assert projector.cone(net.graph.layers["d"]).gated


def test_what_mixes_a_whole_map_has_no_cone() -> None:
    net, _ = build(torchvision.models.resnet18(weights=None), (3, 64, 64))
    projector = GraphProjector(net.graph, 0)
    for layer in ("avgpool", "fc"):
        with pytest.raises(NoWindow):
            projector.cone(net.graph.layers[layer])


def test_apart_and_together_agree() -> None:
    """Whatever the count of work chooses."""
    torch.manual_seed(5)
    net, images = build(torchvision.models.vgg11(weights=None), (3, 64, 96))
    top = net.graph.layers["features.8"]
    units = [(3, 0, 0), (4, 7, 11), (5, 15, 23)]
    found = []
    for weight, whole_up in ((1, False), (10**12, False), (1, True)):
        costs = replace(CPU, per_operation=weight, whole_up=whole_up)
        projector = GraphProjector(net.graph, 1 << 28, costs)
        parts = projector.parts(top, [unit[1:] for unit in units])
        assert len(parts) == (3 if weight == 1 else 1)
        with computing(net.device):
            found.append(projector.project(images, [0, 1, 2], top, units, rectify, Kept()))
        assert projector.kept.bytes > 0 or not whole_up  # whole images' switches are kept
    for other in found[1:]:
        assert torch.allclose(found[0].pixels, other.pixels, rtol=1e-9, atol=1e-14)


def test_work_is_that_of_the_convolutions() -> None:
    """3 x 3 after 5 x 3: the unit itself, and the 3 x 3 places that it reads."""
    model = nn.Sequential(nn.Conv2d(3, 7, (5, 3)), nn.ReLU(), nn.Conv2d(7, 4, 3, groups=1))
    net, _ = build(model, (3, 20, 30))
    cone = Cone.below(net.graph, net.graph.layers["2"])
    assert cone.work == 1 * 4 * 7 * 9 + 9 * 7 * 3 * 15
    assert sum(multiply_adds(n, 1) for n in cone.nodes) == 4 * 7 * 9 + 7 * 3 * 15
    clipped = Cone.below(net.graph, net.graph.layers["2"], (0, 0))
    assert clipped.work == cone.work


def test_switches_are_bounded_and_the_oldest_go() -> None:
    net, images = build(torchvision.models.alexnet(weights=None), (3, 96, 80))
    top = net.graph.layers["features.6"]
    whole = replace(CPU, whole_up=True)
    free = GraphProjector(net.graph, 1 << 28, whole)
    with computing(net.device):
        free.keep(images, [0, 1, 2], top, Kept())
        one = free.kept.bytes // 3
        tight = GraphProjector(net.graph, 2 * one, whole)
        tight.keep(images, [0, 1, 2], top, Kept())
    assert tight.kept.bytes == 2 * one
    wanted = [n.index for n in tight.cone(top).nodes if "max_pool" in n.name]
    assert tight.kept.find((0, top, None), wanted) is None
    assert tight.kept.find((2, top, None), wanted) is not None


@pytest.mark.parametrize(
    "slide",
    [
        Slide((3, 3), (2, 2)),
        Slide((2, 3), (2, 3)),
        Slide((2, 2), (1, 2)),
        Slide((3, 2), (1, 2), dilation=(2, 3)),
    ],
)
def test_unpooling_adds_where_windows_overlap(slide: Slide) -> None:
    x = torch.randn(2, 3, 11, 14, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    out, flat = F.max_pool2d(x, slide.kernel, slide.stride, 0, slide.dilation, return_indices=True)
    signal = torch.randn_like(out)
    expected = torch.zeros_like(x)
    places = torch.zeros_like(flat, dtype=torch.uint8)
    for n, c, i, j in torch.cartesian_prod(*map(torch.arange, out.shape)).tolist():
        row, col = divmod(int(flat[n, c, i, j]), x.shape[-1])
        expected[n, c, row, col] += signal[n, c, i, j]
        down, across = row - i * slide.stride[0], col - j * slide.stride[1]
        places[n, c, i, j] = (
            down // slide.dilation[0] * slide.kernel[1] + across // slide.dilation[1]
        )
    size = tuple(
        (n - 1) * s + (k - 1) * d + 1
        for n, s, k, d in zip(
            out.shape[2:], slide.stride, slide.kernel, slide.dilation, strict=True
        )
    )
    assert torch.equal(pack(flat, slide, x.shape[-1]), places)
    for layout in (torch.contiguous_format, torch.channels_last):
        found = unpool(signal.contiguous(memory_format=layout), places, slide, size)
        assert torch.equal(found, expected[..., : size[0], : size[1]])
        assert found.is_contiguous(memory_format=layout)
        maxima, switches = pool(x.contiguous(memory_format=layout), slide, largest(x))
        assert torch.equal(maxima, out)
        assert torch.equal(switches, places)


@pytest.mark.parametrize("places", [(5, 8), (1, 1)])
@pytest.mark.parametrize("channels", [1, 3, 8])
@pytest.mark.parametrize(
    "slide",
    [
        Slide((11, 7), (4, 4)),
        Slide((3, 3)),
        Slide((7, 9), (2, 2)),
        Slide((3, 2), (2, 3), dilation=(2, 1)),
    ],
)
def test_transposed_filtering(slide: Slide, channels: int, places: tuple[int, int]) -> None:
    generator = torch.Generator().manual_seed(7)
    signal = torch.randn(2, 16, *places, dtype=torch.float64, generator=generator)
    signal[:, 3:7] = 0  # some channels carry nothing
    weight = torch.randn(16, channels, *slide.kernel, dtype=torch.float64, generator=generator)
    expected = F.conv_transpose2d(signal, weight, None, slide.stride, dilation=slide.dilation)
    assert torch.allclose(transposed(signal, weight, slide, 1), expected, rtol=1e-12, atol=1e-12)


def test_filters_that_were_laid_out_follow_the_weights() -> None:
    """Written to in place, as weights of a network in training are; and they don't outlive them."""
    weight = torch.randn(6, 4, 3, 5)
    assert torch.equal(channels_last(weight), weight)
    weight.mul_(2)
    assert torch.equal(channels_last(weight), weight)
    laid_out = weakref.ref(channels_last(weight))
    assert channels_last(weight) is laid_out()
    del weight
    gc.collect()
    assert laid_out() is None


def test_the_engine_projects_the_same_with_and_without_cones() -> None:
    """Real weights, real photos, all three rules; but for switches that rounding decides."""
    photos = zf.samples.photos()
    engine = zf.Engine(zf.samples.network(), photos, device="cpu")
    top = engine.top("features.7", 42)
    images = torch.stack([engine.session.source.tensor(a.image) for a in top])
    units = [(42, a.unit.row, a.unit.col) for a in top]
    for rule in ("deconvnet", "guided", "gradient"):
        found = engine.project_all(top.activations, rule)
        assert engine._projector.graph_projector.kept.bytes > 0
        with computing(images.device, grad=True):
            whole = deconv.project(engine.session.network, images, "features.7", units, rule).pixels
        for a, b in zip(found, whole.permute(0, 2, 3, 1).numpy(), strict=True):
            assert np.abs(a.pixels - b).max() <= max(1e-5, 2 * a.near_ties) * np.abs(b).max()
        assert min(a.near_ties for a in found) < 0.01, "nothing was compared strictly"


def test_what_lies_outside_of_a_map_is_in_no_near_tie() -> None:
    """Pools above pools at the border: beyond it there is minus infinity, and NaN of that."""
    engine = portable_networks.engine("SqueezeNet")
    layer, image = "features.6.expand3x3", 1
    maps = engine.responses(image, layer).maps
    border = [unit for unit in np.argwhere(maps > 0).tolist() if 0 in unit[1:]]
    assert len(border) > 3
    tensor = engine.session.tensor(image)[None]
    for channel, row, col in border:
        found = engine.project(zf.records.Unit(layer, channel, row, col), image)
        with computing(tensor.device, grad=True):
            network, unit = engine.session.network, (channel, row, col)
            whole = deconv.project(network, tensor, layer, [unit], "deconvnet")
        assert found.near_ties == pytest.approx(float(whole.near_ties[0]), abs=1e-4)
