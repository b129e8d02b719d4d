"""Small networks, and maps of an occluder by full passes."""

from __future__ import annotations

import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from zfwidgets.engine.local import LocalEngine
from zfwidgets.records import Box, OcclusionMap, mask_pixels

from ..reference import responses

BAND = torch.linspace(-1, 1, 3 * 224 * 224).reshape(3, 224, 224)


class Small(nn.Module):
    """Rows and columns differ, strides differ, sums, a pool that pads, and a vector at the end."""

    def __init__(self, classes: int = 5) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 6, (3, 5), (1, 2), (1, 2))
        self.pool = nn.MaxPool2d(3, 2, 1)
        self.second = nn.Conv2d(6, 6, 3, padding=1)
        self.relu = nn.ReLU()
        self.classes = nn.Linear(6, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.pool(self.relu(self.first(x)))
        x = self.relu(x + self.second(x))
        return self.classes(x.mean((2, 3)))


def small(model: nn.Module | None = None, **options: object) -> LocalEngine:
    torch.manual_seed(2)
    images = list(torch.rand(3, 3, 44, 68, generator=torch.Generator().manual_seed(1)))
    return LocalEngine(model or Small(), images, cache=False, **options)


def grey() -> Tensor:
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    return ((0.5 - mean) / std).view(3, 1, 1)


def blurred(image: Tensor) -> Tensor:
    """By one kernel of two axes, mirrored at the borders."""
    sigma = min(image.shape[1:]) / 16
    reach = math.ceil(3 * sigma)
    line = torch.exp(-0.5 * (torch.arange(-reach, reach + 1) / sigma) ** 2)
    kernel = torch.outer(line, line)
    kernel = (kernel / kernel.sum()).double()
    padded = F.pad(image[None].double(), [reach] * 4, mode="reflect")
    planes = [F.conv2d(padded[:, c : c + 1], kernel[None, None])[0] for c in range(len(image))]
    return torch.cat(planes).float()


def paint(image: Tensor, baseline: Tensor, box: Box, mask: np.ndarray | None = None) -> Tensor:
    """The image with a baseline over a box that may reach over its border."""
    inside = np.zeros(image.shape[1:], dtype=bool)
    for row in range(box.height):
        for col in range(box.width):
            y, x = box.top + row, box.left + col
            if 0 <= y < image.shape[1] and 0 <= x < image.shape[2]:
                inside[y, x] |= mask is None or bool(mask[row, col])
    return torch.where(torch.from_numpy(inside), baseline.expand(image.shape), image)


def expected(
    engine: LocalEngine, found: OcclusionMap, image: Tensor, baseline: Tensor
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Logits (positions, classes) and what became of the layer, by full forward passes."""
    network = engine.session.network
    mask = None if found.mask is None else mask_pixels(found.mask, *found.size)
    base = image
    for box in found.extra_boxes:
        base = paint(base, baseline, box)
    batch = [image]
    for i, j in np.ndindex(found.grid):
        top = i * found.stride[0] + found.stride[0] // 2 - found.size[0] // 2
        left = j * found.stride[1] + found.stride[1] // 2 - found.size[1] // 2
        batch.append(paint(base, baseline, Box(top, left, *found.size), mask))
    maps: list[Tensor] = []

    def visit(name: str, output: Tensor) -> None:
        if found.features is not None and name == found.features.layer:
            maps.append(output.reshape(-1, *network.layer(name).shape).clone())

    with torch.no_grad():
        outputs = [network.run(one[None], visit) for one in batch]
    measured = {}
    if maps:
        whole = torch.cat(maps)
        measured = {k: v.numpy() for k, v in responses(whole[0], whole[1:]).items()}
    return torch.cat(outputs[1:]).numpy(), measured


def check(engine: LocalEngine, found: OcclusionMap, image: Tensor, baseline: Tensor) -> None:
    """All eight maps, of the predicted class and another, of the strongest channel and another."""
    assert found.complete
    logits, measured = expected(engine, found, image, baseline)
    flat = lambda values: np.asarray(values).reshape(len(logits), *values.shape[2:])  # noqa: E731
    if found.logits is not None:
        assert_near(flat(found.logits), logits)
        for target in (found.target, 1):
            shifted = np.exp(logits.astype(np.float64) - logits.max(1, keepdims=True))
            others = np.delete(shifted, target, 1).sum(1)
            assert_near(flat(found.probability(target)), shifted[:, target] / shifted.sum(1))
            odds = np.log(shifted[:, target]) - np.log(others)
            np.testing.assert_allclose(flat(found.log_odds(target)), odds, rtol=1e-4, atol=1e-3)
            assert_near(flat(found.logit(target)), logits[:, target])
        first, second = np.sort(logits, 1)[:, :-3:-1].T
        clear = first - second > 1e-3 * np.abs(logits).max()
        assert clear.mean() > 0.8
        np.testing.assert_array_equal(flat(found.predicted())[clear], logits.argmax(1)[clear])
    if found.features is None:
        return
    features, units = found.features, np.prod(engine.layer(found.features.layer).shape)
    for name in ("totals", "units", "cosine"):
        assert_near(flat(getattr(features, name)), measured[name])
    # A unit within rounding of zero may fall on either side.
    apart = np.abs(flat(features.hamming) - measured["hamming"])
    assert apart.max() <= max(2e-4, 1.5 / units)
    other = len(features.clean_totals) - 1
    assert_near(flat(found.feature_map(other)), measured["totals"][:, other])
    assert_near(flat(found.unit(other)), measured["units"][:, other])
    strongest = features.clean_totals.argmax()
    assert_near(flat(found.feature_map()), measured["totals"][:, strongest])


def assert_near(found: np.ndarray, wanted: np.ndarray) -> None:
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-4 * np.abs(wanted).max())
