"""A network's recorded graph as plain operations: what is turned is the network, or is refused."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn
from torchvision.transforms import v2

import zfwidgets as zf
from tests.portable_networks import BUILDERS, SIZE, engine, photos, transform
from zfwidgets.engine.portable.lowering import lowered
from zfwidgets.engine.portable.preparation import UnknownStep, preparation
from zfwidgets.engine.portable.running import Running
from zfwidgets.errors import InputError
from zfwidgets.stepwise import finish


@pytest.mark.parametrize("name", BUILDERS)
def test_each_layer_is_the_networks(name):
    known = engine(name)
    names = [layer.name for layer in known.layers]
    network = lowered(known.session.network, names, output=True)
    run = Running(network)
    image = known.session.tensor(1)
    for layer in names:
        expected = known.responses(1, layer).maps
        found = run(image, network.layers[layer])
        assert found.shape == expected.shape
        np.testing.assert_allclose(found, expected, atol=2e-6 * np.abs(expected).max(), rtol=0)
    scores = run(image, network.output).ravel()
    np.testing.assert_allclose(scores, known.predict(1).logits, atol=1e-5)


def test_the_precision_and_its_cost_are_measured():
    known = engine("SqueezeNet")
    layers = [known.layers[0].name]
    full = finish(known.portable_steps(layers, range(4), "float32"))
    half = finish(known.portable_steps(layers, range(4), "float16"))
    weights = sum(one.numel() for one in known.session.network.module.parameters())
    assert full.network.bytes == 4 * weights
    assert 2 * weights < half.network.bytes < 2.5 * weights
    assert full.tried == half.tried == full.kept == 4
    assert full.largest < 1e-6 < half.largest
    # Independently: the network itself with its filters rounded.
    with torch.no_grad():
        module = known.session.network.module
        for one in module.modules():
            if isinstance(one, nn.Conv2d):
                one.weight.copy_(one.weight.half().float())
        rounded = [torch.softmax(module(known.session.tensor(i)[None])[0], 0) for i in range(4)]
    plain = engine("SqueezeNet")
    exact = [plain.predict(i).probabilities for i in range(4)]
    differs = max(np.abs(r.numpy() - e).max() for r, e in zip(rounded, exact, strict=True))
    assert half.largest == pytest.approx(differs, rel=0.02)


def test_what_half_precision_cannot_hold_stays():
    known = engine("SqueezeNet")
    with torch.no_grad():
        known.session.network.module.classifier[1].weight[0, 0] = 1e5
    network = lowered(known.session.network, [], output=True).in_precision("float16")
    kinds = {array.dtype.name for array in network.arrays if array.size == 7 * 24}
    assert kinds == {"float32"}


class _Odd(nn.Module):
    """A norm over each row by itself, and pixels in between."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(3, 4, 3), nn.LayerNorm(SIZE[1] - 2)
        self.up = nn.Upsample(scale_factor=2, mode="bilinear")
        self.head = nn.Linear(4, 3)

    def forward(self, x):
        return self.head(self.up(self.norm(self.conv(x)).relu()).mean((2, 3)))


def test_what_cannot_be_turned_is_named():
    known = zf.Engine(_Odd().eval(), photos(2), transform(), cache=False)
    with pytest.raises(InputError, match=r"layer 'norm' needs native_layer_norm over") as caught:
        finish(known.portable_steps(["conv"], [0]))
    assert "layer 'up' needs upsample_bilinear2d" in str(caught.value)
    assert "without alive=True" in str(caught.value)


class _Rearranged(nn.Module):
    def __init__(self, *dims: int) -> None:
        super().__init__()
        self.conv, self.act, self.dims = nn.Conv2d(3, 4, 3), nn.Tanh(), dims

    def forward(self, x):
        return self.act(self.conv(x).permute(self.dims)).mean((1, 2, 3))[:, None]


def test_sides_in_any_other_order_are_refused():
    known = zf.Engine(_Rearranged(0, 3, 2, 1).eval(), photos(2), transform(), cache=False)
    with pytest.raises(InputError, match=r"permute of sides as \(0, 3, 2, 1\)"):
        finish(known.portable_steps(["conv"], [0]))


def test_pixels_must_mean_something():
    images = [torch.randn(3, 20, 20) for _ in range(2)]
    known = zf.Engine(nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU()).eval(), images, cache=False)
    with pytest.raises(InputError, match="denormalize"):
        finish(known.portable_steps([known.layers[0].name], [0]))


def test_no_such_precision():
    known = engine("ResNet")
    with pytest.raises(InputError, match="int8, float16, float32"):
        finish(known.portable_steps([known.layers[0].name], [0], "int4"))


@pytest.mark.parametrize(
    ("steps", "named"),
    [
        ([v2.Grayscale(3)], "Grayscale"),
        ([v2.ToImage(), v2.ToDtype(torch.float32, scale=True), v2.Resize(20)], "Resize"),
        ([v2.Resize(20)], "brightness"),
        ([lambda image: image], "torchvision"),
    ],
)
def test_a_transform_that_a_page_does_not_know_is_named(steps, named):
    with pytest.raises(UnknownStep, match=named):
        preparation(v2.Compose(steps), (3, 20, 20))


def test_the_users_model_and_random_state_are_as_before():
    known = engine("MobileNet")
    before = {
        name: value.clone() for name, value in known.session.network.module.state_dict().items()
    }
    state = torch.random.get_rng_state()
    finish(known.portable_steps([layer.name for layer in known.layers], range(2)))
    assert torch.equal(state, torch.random.get_rng_state())
    after = known.session.network.module.state_dict()
    assert all(torch.equal(value, after[name]) for name, value in before.items())
