"""Incremental occlusion against full forward passes, in float64."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import torch
import torchvision
from torch import Tensor, nn

from zfwidgets.engine.network import network
from zfwidgets.engine.network.modes import computing
from zfwidgets.engine.network.network import Network
from zfwidgets.engine.occlusion import scoring
from zfwidgets.engine.occlusion.baselines import Paint, cover
from zfwidgets.engine.occlusion.incremental import Incremental
from zfwidgets.engine.occlusion.positions import Grid
from zfwidgets.engine.occlusion.scoring import Scorer
from zfwidgets.records import Box

from ..projection.test_cone import Odd
from ..reference import responses


@pytest.fixture(autouse=True)
def any_precision(monkeypatch) -> None:
    """Set networks up in float64, which users may not."""
    monkeypatch.setattr(network, "check_precision", lambda model: None)


@pytest.fixture
def always(monkeypatch) -> None:
    """Take windows also where they are hardly less work: these images are small."""
    monkeypatch.setattr(scoring, "WORTHWHILE", 0)


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


def painted(image: Tensor, box: Box, extra_boxes: list[Box], mask: np.ndarray | None) -> Tensor:
    """The image under an occluder, pixel by pixel, with a baseline that differs everywhere."""
    baseline = image.flip(1, 2) * 0.5 + 0.1
    covered = image.clone()
    for one in (*extra_boxes, box):
        for row in range(max(one.top, 0), min(one.bottom, image.shape[1])):
            for col in range(max(one.left, 0), min(one.right, image.shape[2])):
                if one is not box or mask is None or mask[row - box.top, col - box.left]:
                    covered[:, row, col] = baseline[:, row, col]
    return covered


def check(
    net: Network,
    image: Tensor,
    layers: list[str],
    boxes: list[Box],
    extra_boxes: Sequence[Box] = (),
    mask: np.ndarray | None = None,
) -> Scorer:
    """Logits, and all that is measured of feature maps, equal those of full passes."""
    baseline = image.flip(1, 2) * 0.5 + 0.1
    full: dict[str, list[Tensor]] = {name: [] for name in layers}
    logits = []

    def visit(name: str, output: Tensor) -> None:
        if name in full:
            full[name].append(output.reshape(-1, *net.layer(name).shape).clone())

    with computing(net.device):
        clean = net.run(image[None], visit)[0]
        for box in boxes:
            logits += [net.run(painted(image, box, list(extra_boxes), mask)[None], visit)]
    for name in layers:
        paint = Paint(baseline, None if mask is None else torch.from_numpy(mask))
        scorer = Scorer(net, image, paint, net.layer(name), extra_boxes)
        scorer.prepare(boxes, check=False)
        found = scorer(boxes)
        assert np.allclose(scorer.logits, clean, rtol=1e-12, atol=1e-12)
        assert np.allclose(found.logits, torch.cat(logits), rtol=1e-9, atol=1e-11)
        maps = torch.cat(full[name])
        for what, expected in responses(maps[0], maps[1:]).items():
            got = getattr(found.measured, what)
            assert np.allclose(got, expected, rtol=1e-9, atol=1e-9), (name, what)
    return scorer


def windowed(scorer: Scorer) -> Incremental:
    """The scorer's way, which must be that of windows."""
    assert scorer.note == ""
    assert scorer._incremental is not None
    return scorer._incremental


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
def test_equals_full_passes(always: None, name: str, layers: list[str]) -> None:
    torch.manual_seed(3)
    options = {"init_weights": False} if name == "googlenet" else {}
    shape = (3, 72, 88)
    net, image = build(getattr(torchvision.models, name)(weights=None, **options), shape)
    scorer = check(net, image, layers, boxes_of(shape, (20, 14), 24))
    route = windowed(scorer).route
    assert len(route.local) > len(route.head)


@pytest.mark.parametrize("extra_boxes", [(), (Box(5, 60, 30, 20), Box(-4, 2, 9, 40))])
@pytest.mark.parametrize("drawn", [False, True])
def test_shapes_and_rectangles_that_stay_covered(
    always: None, extra_boxes: Sequence[Box], drawn: bool
) -> None:
    torch.manual_seed(5)
    shape, size = (3, 72, 88), (22, 35)
    net, image = build(torchvision.models.alexnet(weights=None), shape)
    mask = np.random.default_rng(2).random(size) < 0.4 if drawn else None
    slid = Grid(size, (30, 25), shape[1:]).occluders(np.argwhere(np.ones((3, 4))))
    scorer = check(net, image, ["features.0", "features.4", "features.11"], slid, extra_boxes, mask)
    windowed(scorer)
    with torch.no_grad():
        covered = painted(image, Box(0, 0, 0, 0), list(extra_boxes), None)
    assert torch.equal(scorer._image, covered)


def test_odd_operations(always: None) -> None:
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
    layers, boxes = ["body.a", "body.pool", "body.c", "classes"], boxes_of(shape, (7, 9), 5)
    windowed(check(net, image, layers, boxes))
    check(net, image, layers, boxes, [Box(2, 20, 9, 30)])


class Branches(nn.Module):
    """What a ReLU reads is read elsewhere too, or by nothing else; parts beside each other."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 5, 3, padding=1)
        self.norm = nn.BatchNorm2d(5)
        nn.init.normal_(self.norm.running_mean)
        self.wide, self.point = nn.Conv2d(5, 4, 5, padding=2), nn.Conv2d(5, 3, 1)
        self.both = nn.Conv2d(7, 6, 3, stride=2)
        self.last = nn.Conv2d(11, 4, 3)
        self.classes = nn.Linear(8, 7)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        x = x + self.norm(x.relu()).relu()
        x = self.both(torch.cat([self.wide(x), self.point(x).relu()], -3))
        x = torch.cat([x.relu(), x[:, 1:].abs()], 1).relu()
        x = self.last(x)
        return self.classes(torch.cat([x.relu().mean((2, 3)), x.amax((2, 3))], 1))


@pytest.mark.parametrize("layer", ["stem", "norm", "wide", "both", "last"])
def test_what_is_written_over_is_read_by_nothing_else(always: None, layer: str) -> None:
    torch.manual_seed(8)
    shape = (3, 30, 43)
    net, image = build(Branches(), shape)
    scorer = check(net, image, [layer], boxes_of(shape, (8, 11), 6))
    incremental = windowed(scorer)
    names = [node.name for node in net.graph.nodes if node.index in incremental._overwriting]
    assert len(names) >= 2


def test_what_is_wanted_is_not_written_over() -> None:
    """A norm whose output a ReLU alone reads, where windows are whole maps and so aren't copied."""
    torch.manual_seed(8)
    net, image = build(Branches(), (3, 30, 43))
    norm, output = net.graph.layers["norm"], net.graph.output
    assert output is not None
    boxes, baseline = [Box(0, 0, 30, 43), Box(2, 3, 26, 37)], torch.zeros(3, 1, 1).double()
    with computing(net.device):
        found = Incremental(net.graph, image, [norm, output]).compute(boxes, baseline)
        expected: list[Tensor] = []
        covered = torch.stack([cover(image, box, baseline) for box in boxes])
        logits = net.run(covered, lambda name, maps: expected.extend([maps] * (name == "norm")))
    assert (found[norm] < 0).any()
    assert np.allclose(found[norm], expected[0], rtol=1e-9, atol=1e-11)
    assert np.allclose(found[output], logits, rtol=1e-9, atol=1e-11)


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
    baseline = torch.full((3, 1, 1), 0.25, dtype=torch.float64)
    boxes = boxes_of(tuple(image.shape), (12, 12), 16)
    scorer = Scorer(net, image, Paint(baseline))
    scorer.prepare(boxes)
    found = scorer(boxes)
    assert found.measured is None
    with computing(net.device):
        expected = net(torch.stack([cover(image, box, baseline) for box in boxes]))
    return scorer, np.allclose(found.logits, expected, rtol=1e-9, atol=1e-11)


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


@pytest.mark.parametrize(
    ("name", "layers", "heavy"),
    [
        ("squeezenet1_1", ["features.5", "features.12.expand3x3"], False),
        ("alexnet", ["features.2", "classifier.1"], True),
    ],
)
def test_side_by_side_gives_the_same_in_the_same_order(
    always: None, name: str, layers: list[str], heavy: bool, monkeypatch
) -> None:
    """Parts on three threads; the head with each of them, or for all at once."""
    calls = []
    real = Incremental.side_by_side

    def spied(self: Incremental, *args: object) -> object:
        calls.append(self.heavy)
        return real(self, *args)

    monkeypatch.setattr(Incremental, "side_by_side", spied)
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        torch.manual_seed(3)
        shape = (3, 72, 88)
        net, image = build(getattr(torchvision.models, name)(weights=None), shape)
        boxes = boxes_of(shape, (20, 14), 24)
        check(net, image, layers, [*boxes[1::2], *boxes[::2]])
    finally:
        torch.set_num_threads(before)
    assert calls == [heavy] * len(layers)
