"""Winograd's convolution gives what the plain sum gives, and rounds no worse."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
import torchvision
from torch import Tensor, nn

from zfwidgets.engine.network.network import Network
from zfwidgets.engine.occlusion import winograd
from zfwidgets.engine.occlusion.baselines import Paint
from zfwidgets.engine.occlusion.scoring import Scorer
from zfwidgets.engine.occlusion.winograd import (
    Part,
    WinogradFilters,
    convolve,
    toom_cook,
    transform,
)
from zfwidgets.records import Box

from .test_incremental import always, any_precision, boxes_of, build, check, windowed  # noqa: F401


@pytest.fixture
def everywhere(monkeypatch) -> list[int]:
    """Take it also where it doesn't pay; numbers of parts that were filtered so."""
    monkeypatch.setattr(winograd, "OVERHEAD", 0)
    monkeypatch.setattr(winograd, "LEAST_TILES", 1)
    counts: list[int] = []

    def spied(parts: list[Part], filters: Tensor) -> list[Tensor]:
        counts.append(len(parts))
        return convolve(parts, filters)

    monkeypatch.setattr("zfwidgets.engine.occlusion.winograd.convolve", spied)
    return counts


@pytest.mark.parametrize(("out", "kernel"), [(2, 3), (4, 3), (3, 2)])
def test_the_matrices_make_a_correlation_of_exact_numbers(out: int, kernel: int) -> None:
    """In fractions, for every input and filter that has a single one: so for all."""
    tile = out + kernel - 1
    points = [Fraction(n, 2) for n in (0, 1, -1, 3, -3, 5)][: tile - 1]
    a, g, b = (np.array(m, dtype=object) for m in toom_cook(out, kernel, points))
    for x in np.eye(tile, dtype=int):
        for filters in np.eye(kernel, dtype=int):
            expected = [sum(filters[k] * x[i + k] for k in range(kernel)) for i in range(out)]
            assert (a @ ((g @ filters) * (b @ x)) == expected).all()


def plain(maps: Tensor, weight: Tensor, size: tuple[int, int], before: tuple[int, int]) -> Tensor:
    """The same from maps with many zeros all around."""
    around = F.pad(maps, (20, 20, 20, 20))
    top, left = (20 - n for n in before)
    window = around[..., top : top + size[0] + 2, left : left + size[1] + 2]
    return F.conv2d(window, weight)


def test_parts_of_all_kinds_equal_the_plain_sum(monkeypatch) -> None:
    """Sizes that aren't multiples of a tile, zeros in front, and rows that no output reads."""
    monkeypatch.setattr(winograd, "AT_ONCE", 7)  # so that parts are split, and share products
    generator = torch.Generator().manual_seed(4)
    weight = torch.randn(5, 3, 3, 3, dtype=torch.float64, generator=generator)
    cases = [
        ((3, 3, 6, 9), (6, 9), (1, 1)),
        ((1, 3, 7, 2), (9, 4), (2, 2)),
        ((4, 3, 8, 11), (3, 5), (-2, 1)),
        ((2, 3, 1, 1), (5, 3), (2, 0)),
        ((5, 3, 9, 4), (4, 8), (-3, -1)),
    ]
    maps = [torch.randn(shape, dtype=torch.float64, generator=generator) for shape, *_ in cases]
    parts = [Part(x, size, before) for x, (_, size, before) in zip(maps, cases, strict=True)]
    for part, found in zip(parts, convolve(parts, transform(weight)), strict=True):
        expected = plain(part.maps, weight, part.size, part.before)
        assert found.shape == expected.shape
        assert torch.allclose(found, expected, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("channels", [(64, 96), (512, 128)])
def test_it_rounds_about_as_little_as_the_convolution_it_stands_for(
    channels: tuple[int, int],
) -> None:
    generator = torch.Generator().manual_seed(5)
    inputs, outputs = channels
    weight = torch.randn(outputs, inputs, 3, 3, generator=generator) / inputs**0.5
    maps = torch.randn(6, inputs, 13, 10, generator=generator).relu()
    part = Part(maps, (13, 10), (1, 1))
    exact = plain(maps.double(), weight.double(), part.size, part.before)
    (found,) = convolve([part], transform(weight))
    last = [x.contiguous(memory_format=torch.channels_last) for x in (maps, weight)]
    usual = F.conv2d(*last, padding=1)
    errors = [float((x.double() - exact).square().mean().sqrt()) for x in (found, usual)]
    assert errors[0] <= 3 * errors[1]
    assert errors[0] <= 3e-6 * float(exact.square().mean().sqrt())


@pytest.mark.parametrize(
    ("name", "layers"),
    [("alexnet", ["features.10"]), ("resnet18", ["layer2.0.relu@1"]), ("vgg11_bn", ["features.8"])],
)
def test_maps_are_those_of_full_passes(
    always: None,  # noqa: F811
    any_precision: None,  # noqa: F811
    everywhere: list[int],
    name: str,
    layers: list[str],
) -> None:
    torch.manual_seed(3)
    shape = (3, 72, 88)
    net, image = build(getattr(torchvision.models, name)(weights=None), shape)
    windowed(check(net, image, layers, boxes_of(shape, (20, 14), 24)))
    assert everywhere


def test_no_more_is_kept_than_may_be_and_the_plain_way_is_left(
    always: None,  # noqa: F811
    any_precision: None,  # noqa: F811
    everywhere: list[int],
    monkeypatch,
) -> None:
    torch.manual_seed(6)
    body = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Conv2d(8, 9, 3, padding=1))
    net, image = build(nn.Sequential(body, nn.Flatten(), nn.Linear(9 * 18 * 28, 4)), (3, 20, 30))
    first, second = (node for node in net.graph.nodes if node.name == "convolution")
    monkeypatch.setattr(winograd, "MOST_BYTES", 8 * 36 * 8 * 9)
    kept = WinogradFilters()
    assert kept.of(first) is not None
    assert kept.of(second) is None
    assert kept.of(first) is kept.of(first)
    scorer = Scorer(net, image, Paint(torch.zeros(3, 1, 1, dtype=torch.float64)), transformed=kept)
    boxes = [Box(row, col, 5, 7) for row in (0, 8, 15) for col in (0, 11, 23)]
    scorer.prepare(boxes, check=False)
    found = scorer(boxes).logits
    assert len(everywhere) == 1  # of two convolutions
    covered = torch.stack([image.clone() for _ in boxes])
    for one, box in zip(covered, boxes, strict=True):
        one[:, box.top : box.bottom, box.left : box.right] = 0
    with torch.no_grad():
        assert np.allclose(found, net(covered), rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize(
    "options", [{"stride": 2}, {"dilation": 2}, {"groups": 2}, {"kernel_size": (3, 1)}]
)
def test_other_convolutions_are_left_alone(options: dict[str, Any]) -> None:
    layer = nn.Conv2d(4, 6, **{"kernel_size": 3, **options})
    net = Network(nn.Sequential(nn.Conv2d(3, 4, 3), layer).eval(), torch.rand(3, 15, 11), "cpu")
    first, second = (node for node in net.graph.nodes if node.name == "convolution")
    assert winograd.applies(first)
    assert not winograd.applies(second)
