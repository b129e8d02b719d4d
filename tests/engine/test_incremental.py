"""Incremental occlusion against full forward passes, in float64."""

from __future__ import annotations

import pytest
import torch
import torchvision
from torch import Tensor, nn

from zfwidgets.engine import network
from zfwidgets.engine.incremental import Incremental, totals_of
from zfwidgets.engine.modes import computing
from zfwidgets.engine.network import Network
from zfwidgets.engine.occlusion import Grid, Scorer, cover
from zfwidgets.records import Box

from .test_cone import Odd


@pytest.fixture(autouse=True)
def any_precision(monkeypatch) -> None:
    """Set networks up in float64, which users may not."""
    monkeypatch.setattr(network, "check_precision", lambda model: None)


def build(model: nn.Module, shape: tuple[int, int, int]) -> tuple[Network, Tensor]:
    image = torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    return Network(model.double().eval(), image), image


def boxes_of(shape: tuple[int, int, int], size: tuple[int, int], stride: int) -> list[Box]:
    """Every position of a slide, and odd ones: single pixels, corners, all of the image."""
    grid = Grid(size, (stride, stride), shape[1:])
    rows, cols = shape[1:]
    slid = [grid.box(i, j) for i in range(grid.shape[0]) for j in range(grid.shape[1])]
    odd = [Box(0, 0, 1, 1), Box(rows - 1, cols - 1, 1, 1), Box(3, 7, 1, cols - 7)]
    return [*slid, *odd, Box(0, 0, rows, cols)]


def check(net: Network, image: Tensor, layers: list[str], boxes: list[Box]) -> Incremental:
    """Logits, and sums of feature maps, equal those of full passes."""
    graph = net.graph
    assert graph.output is not None
    fill = torch.tensor([0.3, -0.2, 0.1, 0.5][: len(image)], dtype=torch.float64).view(-1, 1, 1)
    full: dict[str, list[Tensor]] = {name: [] for name in layers}
    logits = []
    with computing(net.device):
        for box in boxes:
            seen = {}

            def visit(name: str, output: Tensor, seen=seen) -> None:
                if name in full:
                    seen[name] = totals_of(output)

            logits.append(net.run(cover(image, box, fill)[None], visit))
            for name in layers:
                full[name].append(seen[name])
        for name in layers:
            layer = graph.layers[name]
            wanted = [graph.output] if layer == graph.output else [graph.output, layer]
            incremental = Incremental(graph, image, wanted)
            found = incremental.compute(boxes, fill, layer)
            assert torch.allclose(found[graph.output], torch.cat(logits), rtol=1e-9, atol=1e-11)
            assert torch.allclose(found[layer], torch.cat(full[name]), rtol=1e-9, atol=1e-9), name
    return incremental


@pytest.mark.parametrize(
    ("name", "layers"),
    [
        ("alexnet", ["features.2", "features.10", "classifier.1"]),
        ("vgg11_bn", ["features.8"]),
        ("squeezenet1_1", ["features.5", "features.12.expand3x3"]),
        ("resnet18", ["layer2.0.relu@1", "layer4.1.bn2"]),
        ("googlenet", ["inception4a"]),
        ("densenet121", ["features.denseblock2"]),
        ("mobilenet_v2", ["features.4.conv.3"]),
        ("shufflenet_v2_x0_5", ["stage3.1"]),
    ],
)
def test_equals_full_passes(name: str, layers: list[str]) -> None:
    torch.manual_seed(3)
    options = {"init_weights": False} if name == "googlenet" else {}
    shape = (3, 72, 88)
    net, image = build(getattr(torchvision.models, name)(weights=None, **options), shape)
    incremental = check(net, image, layers, boxes_of(shape, (20, 14), 24))
    assert len(incremental.route.local) > len(incremental.route.head)


def test_odd_operations() -> None:
    torch.manual_seed(4)

    class Classes(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body = Odd()
            self.classes = nn.Linear(5 * 2 * 3, 7)

        def forward(self, x: Tensor) -> Tensor:
            return self.classes(self.body(x).flatten(1))

    shape = (2, 24, 35)
    net, image = build(Classes(), shape)
    check(net, image, ["body.a", "body.pool", "body.c"], boxes_of(shape, (7, 9), 5))


def test_less_work_is_counted() -> None:
    net, image = build(torchvision.models.vgg11(weights=None), (3, 160, 128))
    assert net.graph.output is not None
    incremental = Incremental(net.graph, image, [net.graph.output])
    one, full = incremental.work([Box(64, 48, 16, 16)])
    everything, same = incremental.work([Box(0, 0, 160, 128)])
    assert one < full / 2
    assert everything == full == same


def score_all(net: Network, image: Tensor) -> tuple[Scorer, bool]:
    """A scorer, and whether it gives what full passes give."""
    fill = torch.full((3, 1, 1), 0.25, dtype=torch.float64)
    boxes = boxes_of(tuple(image.shape), (12, 12), 16)
    scorer = Scorer(net, image, fill, None)
    scorer.prepare(boxes)
    logits, totals = scorer(boxes)
    assert totals is None
    with computing(net.device):
        expected = net(torch.stack([cover(image, box, fill) for box in boxes]))
    return scorer, torch.allclose(torch.from_numpy(logits), expected, rtol=1e-9, atol=1e-11)


def test_what_cannot_be_incremental_is_full_and_says_why() -> None:
    class Looking(nn.Module):
        """Its code depends on values."""

        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 6, 3, stride=2)
            self.classes = nn.Linear(6, 4)

        def forward(self, x: Tensor) -> Tensor:
            x = self.conv(x)
            if x[:, :, :8, :8].sum() > 0:
                x = x.relu()
            return self.classes(x.mean((2, 3)))

    torch.manual_seed(6)
    net, image = build(Looking(), (3, 40, 56))
    scorer, equal = score_all(net, image[:, :, :])
    assert "looks at values" in scorer.note

    class Mixing(nn.Module):
        """Attention over all places, from the first layer on."""

        def __init__(self) -> None:
            super().__init__()
            self.patches = nn.Conv2d(3, 8, 8, stride=8)
            self.attention = nn.MultiheadAttention(8, 2, batch_first=True)
            self.classes = nn.Linear(8, 4)

        def forward(self, x: Tensor) -> Tensor:
            x = self.patches(x).flatten(2).transpose(1, 2)
            return self.classes(self.attention(x, x, x)[0].mean(1))

    net, image = build(Mixing(), (3, 40, 56))
    scorer, equal = score_all(net, image)
    assert equal


def test_windows_are_used_where_they_can_be() -> None:
    net, image = build(torchvision.models.alexnet(weights=None), (3, 96, 112))
    scorer, equal = score_all(net, image)
    assert scorer.note == ""
    assert equal
