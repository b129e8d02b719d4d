"""Models that are hard to see through: exact, or named, never silent."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tests.engine.projection.hard_networks import (
    COLUMNS,
    ROWS,
    Squeeze,
    between,
    images,
    met,
    project,
    seeded,
)
from zfwidgets.engine.local import LocalEngine
from zfwidgets.engine.network.modes import computing
from zfwidgets.engine.network.network import Network
from zfwidgets.engine.projection import deconv
from zfwidgets.engine.projection.rules import RULES
from zfwidgets.errors import UnsupportedModel


@pytest.mark.parametrize("mode", ["zeros", "reflect", "replicate", "circular"])
def test_padding_modes_are_adjoint(mode: str) -> None:
    """<A x, y> = <x, A' y> for a linear network, whatever it pads with."""
    conv = seeded(nn.Conv2d(3, 4, (3, 5), padding=(1, 2), padding_mode=mode, bias=False))
    pixels, operations = project(conv, "0", images())
    values = torch.stack([conv(image[None]).max() for image in images()]).detach()
    # the projection is value * A' e, so its product with the image is value squared
    products = (pixels * images()).sum((1, 2, 3))
    torch.testing.assert_close(products, values**2, rtol=1e-4, atol=1e-4)
    assert "unknown" not in {o.status for o in operations}


def test_fractional_pools_with_given_samples_have_switches() -> None:
    pool = nn.FractionalMaxPool2d(2, output_size=(5, 6), _random_samples=torch.rand(1, 4, 2))
    network = Network(between(pool), images()[0])
    with computing(network.device, grad=True):
        found = deconv.project(
            network, images(count=1), "2", [(0, 1, 1)], RULES["deconvnet"], keep_switches=True
        )
    assert [s.shape for s in found.switches] == [(1, 4, 5, 6)]
    assert found.near_ties is None  # not known of such pools
    with pytest.raises(UnsupportedModel, match="draws random numbers"):
        Network(between(nn.FractionalMaxPool2d(2, output_size=(5, 6))), images()[0])


@pytest.mark.parametrize("expanded", [False, True])
def test_gates_are_frozen_like_switches(expanded: bool) -> None:
    pixels, operations = project(between(Squeeze(expanded)), "2", images())
    assert met(operations, "gate").note.endswith("no signal goes into it")
    assert not any(o.name in ("relu", "sigmoid", "average") for o in operations)
    expected, with_cut = project(between(Squeeze(expanded, frozen=True)), "2", images())
    torch.testing.assert_close(pixels, expected)
    assert met(with_cut, "product").status == "linearised"
    reached = (pixels[0] != 0).any(0)
    assert reached.sum() == 25, "nothing outside of the receptive field of two 3 x 3 filters"


class Twice(nn.Module):
    """One rectifier and one convolution that run twice."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.again = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(4, 4, 3, padding=1)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        x = self.relu(self.first(x))
        return self.relu(self.again(self.relu(self.again(x))))


def test_modules_that_run_twice_are_two_layers() -> None:
    model = Twice()
    model.load_state_dict(
        dict(zip(model.state_dict(), seeded(Twice()).state_dict().values(), strict=True))
    )
    network = Network(model, images()[0])
    names = [layer.name for layer in network.layers]
    assert names == ["first", "relu", "again", "relu@1", "again@1", "relu@2"]
    unrolled = nn.Sequential(model.first, nn.ReLU(), model.again, nn.ReLU(), model.again, nn.ReLU())
    pixels, operations = project(model, "relu@2", images())
    expected, _ = project(unrolled, "5", images())
    torch.testing.assert_close(pixels, expected)
    assert met(operations, "relu").count == 3


class ChannelsLast(nn.Module):
    """As in ConvNeXt and Swin: a part of the layers computes with the channels last."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.norm, self.wide = nn.LayerNorm(4), nn.Linear(4, 7)
        self.gelu, self.narrow, self.tail = nn.GELU(), nn.Linear(7, 4), nn.Conv2d(4, 5, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        y = self.narrow(self.gelu(self.wide(self.norm(x.permute(0, 2, 3, 1)))))
        return self.tail(x + y.permute(0, 3, 1, 2))


def test_channels_are_channels_wherever_the_model_keeps_them() -> None:
    model = seeded(ChannelsLast())
    engine = LocalEngine(model, list(images()), cache=False)
    shapes = {layer.name: layer.shape for layer in engine.layers}
    places = (ROWS - 2, COLUMNS - 2)
    assert shapes["0.conv"] == shapes["0.norm"] == shapes["0.narrow"] == (4, *places)
    assert shapes["0.wide"] == shapes["0.gelu"] == (7, *places)
    assert shapes["0.tail"] == (5, ROWS - 4, COLUMNS - 4)
    outputs: list[Tensor] = []
    model[0].wide.register_forward_hook(lambda m, args, out: outputs.append(out.detach()))
    model(images())
    for channel in range(7):
        maps = outputs[0][..., channel]
        if not len(top := engine.top("0.wide", channel)):
            assert maps.max() <= 0
            continue
        best = top[0]
        assert best.value == pytest.approx(float(maps.max()), rel=1e-5)
        assert maps[best.image, best.unit.row, best.unit.col] == maps.max()
        assert engine.project_all([best])[0].pixels.shape == (ROWS, COLUMNS, 3)


@pytest.mark.parametrize(("channels", "rows", "columns"), [(1, 9, 12), (4, 12, 9), (2, 3, 3)])
def test_any_number_of_channels_and_tiny_images(channels: int, rows: int, columns: int) -> None:
    model = seeded(nn.Conv2d(channels, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 3, (2, 3)))
    batch = images(channels, rows, columns)
    engine = LocalEngine(model, list(batch), cache=False)
    top = next(top for channel in range(3) if len(top := engine.top("2", channel)))
    for projection in engine.project_all(top.activations):
        assert projection.pixels.shape == (rows, columns, channels)
        assert projection.crop().shape[:2] == (
            projection.activation.box.height,
            projection.activation.box.width,
        )
        assert np.abs(projection.pixels).max() > 0
    assert engine.photo(0).shape == (rows, columns, 3)
