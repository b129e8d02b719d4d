"""Parts of a trained network switched off."""

from __future__ import annotations

import copy
from contextlib import closing

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import TensorDataset

import zfwidgets as zf
from tests.experiments.small_variants import BASE, images
from zfwidgets.errors import InputError, UnknownLayer
from zfwidgets.experiments import lesion, lesion_steps, train
from zfwidgets.experiments.lesions.measuring import LesionRunner
from zfwidgets.records import Progress


@pytest.fixture(scope="module")
def trained() -> nn.Module:
    model = BASE.build(1)
    train(model, images(200), epochs=12, batch=16, rate=0.03, progress=False)
    return model.eval()


@pytest.fixture(scope="module")
def engine(trained: nn.Module) -> zf.Engine:
    return zf.Engine(trained, images(40, seed=2), cache=False, denormalize=([0.5] * 3, [0.5] * 3))


def without(model: nn.Module, layer: str, channels: list[int]) -> nn.Module:
    """The plain slow way: weights and biases of channels are zero."""
    other = copy.deepcopy(model)
    with torch.no_grad():
        module = getattr(other, layer)
        module.weight[channels] = 0
        module.bias[channels] = 0
    return other


def test_equals_a_network_without_these_weights(engine, trained):
    data = images(70, seed=4)
    off = {"conv1": [3, 1], "relu3": "all", "fc4": 2}
    model = without(without(trained, "conv1", [1, 3]), "conv3", list(range(7)))
    model = without(model, "fc4", [2])
    with torch.no_grad():
        wanted, before = model(data.tensors[0]).numpy(), trained(data.tensors[0]).numpy()
    result = lesion(engine, data, off, progress=False)
    assert result.complete
    assert result.off == {"conv1": (1, 3), "relu3": "all", "fc4": (2,)}
    np.testing.assert_allclose(result.logits, wanted[result.images], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(result.before, before[result.images], rtol=1e-5, atol=1e-6)
    labels = data.tensors[1].numpy()
    assert result.accuracy == pytest.approx((wanted.argmax(1) == labels).mean())
    assert result.accuracy_before == pytest.approx((before.argmax(1) == labels).mean())
    assert result.accuracy_before > 0.9 > 0.6 > result.accuracy
    for c in range(3):
        own = labels == c
        right = [(scores[own].argmax(1) == c).mean() for scores in (wanted, before)]
        found = result.class_accuracies()
        assert [found[0][c], found[1][c]] == pytest.approx(right)
        assert found[2][c] == own.sum()
    worst = result.hurt_most(1)[0]
    frame = result.class_frame()
    assert frame["change"].iloc[0] == pytest.approx(-worst[2])
    assert frame["class"].iloc[0] == worst[1]
    number = int(result.images[5])
    np.testing.assert_allclose(result.prediction(number).logits, wanted[number], rtol=1e-5)
    table = result.to_frame()
    assert len(table) == 70
    assert table["label"].iloc[5] == str(labels[number])


def test_one_channel_of_a_layer_in_between(engine, trained):
    """Off behind the pool: the same as zeros there, put in by hand."""
    data = images(20, seed=5)
    result = lesion(engine, data, {"pool1": [0, 4]}, progress=False)
    with torch.no_grad():
        maps = trained[:3](data.tensors[0])
        maps[:, [0, 4]] = 0
        wanted = trained[3:](maps).numpy()
    np.testing.assert_allclose(result.logits, wanted[result.images], rtol=1e-5, atol=1e-6)


def test_skipping_a_layer_lets_its_input_through(engine, trained):
    data = images(20, seed=5)
    result = lesion(engine, data, {"conv2": "skip"}, progress=False)
    children = dict(trained.named_children())
    with torch.no_grad():
        pixels = data.tensors[0]
        for name, module in children.items():
            pixels = pixels if name == "conv2" else module(pixels)
    np.testing.assert_allclose(result.logits, pixels.numpy()[result.images], rtol=1e-5, atol=1e-6)
    with pytest.raises(InputError, match=r"'conv3' can't be skipped: .*\(5, 6, 8\) .* \(7, 4, 6\)"):
        lesion(engine, data, {"conv3": "skip"}, progress=False)


def test_a_shared_input_is_not_written_to():
    """A rectifier in place gives its input on: switched off, the other branch still has it."""

    class Branches(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 3, 1)
            self.relu = nn.ReLU(inplace=True)

        def forward(self, pixels: torch.Tensor) -> torch.Tensor:
            maps = self.conv(pixels)
            return (2 * self.relu(maps) + maps).mean((2, 3))

    with torch.random.fork_rng():
        torch.manual_seed(1)
        model = Branches().eval()
    data = images(10)
    engine = zf.Engine(model, data, cache=False, denormalize=([0.5] * 3, [0.5] * 3))
    result = lesion(engine, data, {"relu": "all"}, progress=False)
    with torch.no_grad():
        wanted = model.conv(data.tensors[0]).relu().mean((2, 3)).numpy()
    np.testing.assert_allclose(result.logits, wanted[result.images], rtol=1e-5, atol=1e-6)


def test_the_users_network_and_random_numbers_stay(engine, trained):
    before = copy.deepcopy(trained.state_dict())
    copied = copy.deepcopy(engine.session.network.module.state_dict())
    random = torch.get_rng_state()
    lesion(engine, None, {"conv1": "all"}, progress=False)
    assert torch.equal(random, torch.get_rng_state())
    for state, module in ((before, trained), (copied, engine.session.network.module)):
        assert all(torch.equal(state[n], t) for n, t in module.state_dict().items())
        assert not any(m._forward_hooks for m in module.modules())
    again = lesion(engine, None, {}, progress=False)
    np.testing.assert_array_equal(again.logits, again.before)


def test_results_grow_and_stopping_keeps_them(engine):
    data = images(200, seed=6)
    seen = []
    with closing(lesion_steps(engine, data, {"conv1": [0]})) as steps:
        for step in steps:
            if not isinstance(step, Progress):
                seen.append(len(step.images))
            if len(seen) == 3:
                break
    assert seen == [0, 64, 128]


def test_an_interrupt_keeps_the_images_that_are_done(engine, monkeypatch):
    data = images(200, seed=6)
    whole = lesion(engine, data, {"conv1": [0]}, progress=False)
    passes, original = [], LesionRunner._run

    def run(self, *args):
        passes.append(args)
        if len(passes) == 4:  # with all parts and without, of each batch
            raise KeyboardInterrupt
        return original(self, *args)

    monkeypatch.setattr(LesionRunner, "_run", run)
    with pytest.warns(UserWarning, match="64 of 200 images done"):
        found = lesion(engine, data, {"conv1": [0]}, progress=False)
    assert not found.complete
    np.testing.assert_array_equal(found.logits, whole.logits[:64])
    np.testing.assert_array_equal(found.images, whole.images[:64])


def test_what_does_not_exist_is_named(engine):
    with pytest.raises(UnknownLayer, match="'conv7'"):
        lesion(engine, None, {"conv7": "all"}, progress=False)
    with pytest.raises(InputError, match="channels 0 to 4, got 5"):
        lesion(engine, None, {"conv1": [2, 5]}, progress=False)
    with pytest.raises(InputError, match="'half': expected channels"):
        lesion(engine, None, {"conv1": "half"}, progress=False)
    one = TensorDataset(images().tensors[0], torch.ones(48, dtype=torch.int64))
    with pytest.raises(InputError, match="one class only"):
        lesion(engine, one, {}, progress=False)
    with pytest.raises(InputError, match="3 classes, the data 5"):
        lesion(engine, images(classes=5), {}, progress=False)
    unlabelled = zf.Engine(
        engine.session.network.module,
        [images().tensors[0][0]],
        cache=False,
        denormalize=([0.5], [0.5]),
    )
    with pytest.raises(InputError, match="no labels: pass labelled ones"):
        lesion(unlabelled, None, {}, progress=False)
