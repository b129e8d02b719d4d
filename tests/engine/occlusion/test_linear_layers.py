"""Linear layers over many positions give what PyTorch's own way gives, and the plain product."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from zfwidgets.engine.network.graph.graph import Node
from zfwidgets.engine.network.modes import computing
from zfwidgets.engine.network.network import Network
from zfwidgets.engine.occlusion import linear_layers, scoring
from zfwidgets.engine.occlusion.baselines import Paint, cover
from zfwidgets.engine.occlusion.linear_layers import LinearLayers
from zfwidgets.engine.occlusion.scoring import Scorer
from zfwidgets.records import Box


class Matrices(nn.Module):
    """Linear layers with and without a bias; ``others``: and products that are none."""

    def __init__(self, *, others: bool) -> None:
        super().__init__()
        self.others = others
        self.conv = nn.Conv2d(3, 4, 3)
        self.first, self.second = nn.Linear(4 * 10 * 6, 70), nn.Linear(70, 9, bias=False)
        self.fixed = nn.Parameter(torch.randn(9, 9))

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(self.first(torch.relu(self.conv(x)).flatten(1)))
        x = self.second(x)
        if not self.others:
            return x
        x = torch.addmm(x, torch.ones(len(x), 9), self.fixed)
        return torch.addmm(self.fixed[0], x, self.fixed, beta=0.5)


@pytest.fixture(autouse=True)
def small_ones_too(monkeypatch) -> None:
    monkeypatch.setattr(linear_layers, "LEAST_WEIGHTS", 1)


def build(*, others: bool = True) -> Network:
    torch.manual_seed(2)
    return Network(Matrices(others=others).eval(), torch.randn(3, 12, 8), "cpu")


def products(network: Network) -> list[Node]:
    return [node for node in network.graph.nodes if node.name in ("addmm", "mm")]


@pytest.mark.skipif(not torch.backends.mkldnn.is_available(), reason="no oneDNN")
def test_they_are_the_plain_product() -> None:
    network = build()
    first, second, *others = products(network)
    assert len(others) == 2
    layers, generator = LinearLayers(), torch.Generator().manual_seed(1)
    for node, layer in ((first, network.module.first), (second, network.module.second)):
        x = torch.randn(41, layer.in_features, generator=generator)
        with computing(network.device):
            for again in (x, x.flip(0)):  # with what was kept, too
                found = layers.run(node, again)
                assert found is not None
                expected = again.double() @ layer.weight.double().T
                if layer.bias is not None:
                    expected += layer.bias.double()
                assert (found - expected).abs().max() <= 3e-6 * expected.abs().max()
            assert layers.run(node, x[:3]) is None  # to copy the weights wouldn't pay
            assert layers.run(node, x.double()) is None
    assert all(layers.run(node, torch.randn(41, 9)) is None for node in others)


def test_no_more_is_copied_than_may_be(monkeypatch) -> None:
    network = build()
    first, second, *_ = products(network)
    monkeypatch.setattr(linear_layers, "MOST_COPIED", 4 * 70 * 9)
    layers = LinearLayers()
    with computing(network.device):
        assert layers.run(first, torch.randn(41, 240)) is None
        available = torch.backends.mkldnn.is_available()
        assert (layers.run(second, torch.randn(41, 70)) is not None) == available


def test_a_map_is_that_of_full_passes(monkeypatch) -> None:
    network = build(others=False)
    monkeypatch.setattr(scoring, "WORTHWHILE", 0)
    counts = []
    real = LinearLayers.run

    def spied(self: LinearLayers, node: Node, x: Tensor) -> Tensor | None:
        found = real(self, node, x)
        counts.append(0 if found is None else len(found))
        return found

    monkeypatch.setattr(LinearLayers, "run", spied)
    image = torch.randn(3, 12, 8, generator=torch.Generator().manual_seed(3))
    boxes = [Box(row, col, 4, 3) for row in range(8) for col in range(5)]
    baseline = torch.full((3, 1, 1), 0.25)
    scorer = Scorer(network, image, Paint(baseline))
    scorer.prepare(boxes)
    scorer._quicker.took(scoring.SIDE_BY_SIDE, 1e9, 1)  # so that all go together
    found = scorer(boxes)
    assert scorer.note == ""
    assert counts.count(len(boxes)) == (2 if torch.backends.mkldnn.is_available() else 0)
    with computing(network.device):
        expected = network(torch.stack([cover(image, box, baseline) for box in boxes]))
    assert abs(found.logits - expected.numpy()).max() <= 3e-6 * expected.abs().max()
