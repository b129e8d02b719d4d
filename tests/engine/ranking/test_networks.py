"""Of real architectures every layer's top is what plain hooks on the user's model give."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import torch
import torchvision
from torch import Tensor, nn

import zfwidgets as zf
from zfwidgets.engine.network.network import Network
from zfwidgets.engine.ranking.aliases import Aliases

SIZE = (3, 64, 96)


class Reused(nn.Module):
    """One ReLU for all: of a convolution, of its output after something was added, of itself."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(3, 6, 3), nn.Conv2d(6, 6, 3, padding=1)
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        x = self.relu(self.first(x))
        out = self.second(x)
        out += x
        return self.relu(self.relu(out)).mean((2, 3))


class Branching(nn.Module):
    """Branches side by side: rectified or not, one twice, of branches, and changed afterwards."""

    def __init__(self) -> None:
        super().__init__()
        self.left, self.right = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(3, 5, 1)
        self.relu = nn.ReLU(inplace=True)
        self.pool = nn.MaxPool2d(3, 1, 1)
        self.joined, self.twice, self.again = Joining(), Joining(), Joining()
        self.shifted = Joining(0.5)

    def forward(self, x: Tensor) -> Tensor:
        left, right, pool = self.relu(self.left(x)), self.right(x), self.pool(x)
        joined = self.joined(left, right, pool)
        twice = self.twice(joined, right, joined)
        again = self.again(self.relu(right), twice)
        return self.shifted(pool, again).mean((2, 3))


class Joining(nn.Module):
    def __init__(self, more: float = 0) -> None:
        super().__init__()
        self.more = more

    def forward(self, *parts: Tensor) -> Tensor:
        joined = torch.cat(parts, -3)
        return joined + self.more if self.more else joined


class Faint(nn.Module):
    """Activations next to nothing: subnormal numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.pool = nn.MaxPool2d(2)

    def forward(self, x: Tensor) -> Tensor:
        return self.pool(x * 1e-41).mean((2, 3))


NETWORKS = {
    "reused": Reused,
    "faint": Faint,
    "branching": Branching,
    "resnet18": lambda: torchvision.models.resnet18(weights=None),
    "squeezenet1_1": lambda: torchvision.models.squeezenet1_1(weights=None),
    "mobilenet_v2": lambda: torchvision.models.mobilenet_v2(weights=None),
}


def hooked(model: nn.Module, batch: Tensor) -> dict[str, Tensor]:
    """Each module's outputs, copied as they come; "@n" for the n-th call more."""
    calls: Counter[str] = Counter()
    seen: dict[str, Tensor] = {}

    def keep(path: str, output: Tensor) -> None:
        seen[f"{path}@{calls[path]}" if calls[path] else path] = output.clone()
        calls[path] += 1

    handles = [
        module.register_forward_hook(lambda _, __, output, path=path: keep(path, output))
        for path, module in model.named_modules()
    ]
    with torch.no_grad():
        model(batch)
    for handle in handles:
        handle.remove()
    return seen


@pytest.mark.parametrize("name", NETWORKS)
def test_every_layer_equals_plain_hooks(name: str) -> None:
    torch.manual_seed(0)
    model = NETWORKS[name]().eval()
    images = list(torch.randn(20, *SIZE))
    made = zf.Engine(model, images, transform=None, cache=False, device="cpu")
    index = made.index(progress=False)
    parts = [
        hooked(model, torch.stack([images[i] for i in index.plan.batch(number)]))
        for number in range(len(index.plan))
    ]
    assert len(parts) > 1
    for layer, found in index.layers.items():
        maps = torch.cat([part[layer] for part in parts])
        maps = maps.reshape(*maps.shape[:2], -1)
        largest = maps.amax(2).numpy()
        order = np.argsort(-largest, 0, kind="stable")[: found.values.shape[1]].T
        values = np.take_along_axis(largest.T, order, 1)
        places = np.take_along_axis(maps.numpy().argmax(2).T, order, 1)
        there, columns = values > 0, made.layer(layer).shape[-1]
        ours = found.rows * columns + found.cols
        np.testing.assert_array_equal(found.values, np.where(there, values, 0), layer)
        np.testing.assert_array_equal(found.images, np.where(there, order, -1), layer)
        np.testing.assert_array_equal(ours[there], places[there], layer)
        np.testing.assert_allclose(found.silent, (largest <= 0).mean(0), rtol=1e-6, err_msg=layer)
        np.testing.assert_allclose(
            found.mean, maps.double().mean((0, 2)), rtol=1e-5, atol=1e-6, err_msg=layer
        )
        np.testing.assert_allclose(
            found.zeros, (maps <= 0).double().mean((0, 2)), rtol=1e-6, err_msg=layer
        )


class Swapping(nn.Module):
    """What is joined depends on how often it was called."""

    def __init__(self) -> None:
        super().__init__()
        self.left, self.right, self.joined = nn.Conv2d(3, 4, 3), nn.Conv2d(3, 4, 3), Joining()
        self.swapped = False

    def forward(self, x: Tensor) -> Tensor:
        parts = self.left(x), self.right(x)
        joined: Tensor = self.joined(*(reversed(parts) if self.swapped else parts))
        return joined.mean((2, 3))


def test_concatenations_are_compared_in_every_batch() -> None:
    torch.manual_seed(0)
    images = list(torch.randn(4, *SIZE))
    made = zf.Engine(Swapping().eval(), images, transform=None, cache=False, device="cpu")
    made.session.network.module.swapped = True
    with pytest.raises(zf.errors.UnsupportedModel, match=r"'joined' gets something else"):
        made.index(progress=False)


def test_of_concatenations_no_maxima_are_sought() -> None:
    torch.manual_seed(0)
    net = Network(torchvision.models.squeezenet1_1(weights=None).eval(), torch.randn(SIZE), "cpu")
    found = Aliases(net)
    fires = [f"features.{number}" for number in (3, 4, 6, 7, 9, 10, 11, 12)]
    assert list(found.joined) == fires
    assert not set(fires) & set(found.own_span)
    expand = found.own_span["features.9.expand3x3"]
    assert (found.source[found.span["features.9"]][192:] == np.r_[expand]).all()
