"""Models that are wrapped, compiled, called otherwise, or that change themselves."""

from __future__ import annotations

import random
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tests.engine.projection.hard_networks import (
    Call,
    between,
    conv_net,
    images,
    met,
    project,
    seeded,
)
from zfwidgets.engine.local import LocalEngine
from zfwidgets.engine.network.network import Network
from zfwidgets.errors import UnsupportedModel
from zfwidgets.records import Unit


def compiled_inside() -> nn.Module:
    model = conv_net()
    model[1] = torch.compile(model[1])
    return model


def compiled_in_place() -> nn.Module:
    model = conv_net()
    model.compile()
    model[0].compile()
    return model


def parallel_inside() -> nn.Module:
    model = conv_net()
    model[0] = nn.DataParallel(model[0])
    return model


WRAPPED: dict[str, Callable[[], nn.Module]] = {
    "compiled": lambda: torch.compile(conv_net()),
    "compiled inside": compiled_inside,
    "compiled in place": compiled_in_place,
    "parallel": lambda: nn.DataParallel(conv_net()),
    "parallel inside": parallel_inside,
    "compiled and parallel": lambda: torch.compile(nn.DataParallel(conv_net())),
    "traced with fx": lambda: torch.fx.symbolic_trace(conv_net()),
    "exported": lambda: torch.export.unflatten(torch.export.export(conv_net(), (images()[:1],))),
    "channels last": lambda: conv_net().to(memory_format=torch.channels_last),
    "scripted inside": lambda: between(torch.jit.script(nn.Sequential(nn.ReLU()))),
}


@pytest.mark.parametrize("name", list(WRAPPED))
def test_wrapped_models_are_the_same(name: str) -> None:
    model = WRAPPED[name]()
    batch = images() if name != "exported" else images(count=1)
    expected, _ = project(conv_net(), "2", batch)
    layers = [layer.name for layer in Network(model, batch[0]).layers]
    assert layers == (["0", "2"] if name == "scripted inside" else ["0", "1", "2"])
    pixels, operations = project(model, "2", batch)
    torch.testing.assert_close(pixels, expected, rtol=1e-5, atol=1e-6)
    assert met(operations, "relu").count == 1


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: torch.jit.script(conv_net()), "TorchScript.*Pass the original"),
        (lambda: torch.jit.trace(conv_net(), images()), "TorchScript.*Pass the original"),
        (lambda: torch.export.export(conv_net(), (images()[:1],)), "unflatten"),
        (lambda: torch.export.export(conv_net(), (images()[:1],)).module(), "unflatten"),
        (lambda: conv_net().half(), r"0\.weight is float16.*\.float\(\)"),
        (lambda: conv_net().double(), r"0\.weight is float64"),
        (lambda: conv_net().bfloat16(), r"0\.weight is bfloat16"),
        (lambda: nn.Sequential(nn.LazyConv2d(4, 3)), "isn't initialised yet"),
        (lambda: between(Call(lambda x: x + torch.rand(()))), "'1' draws random numbers"),
        (lambda: between(nn.AdaptiveMaxPool2d(2)), "failed in layer '2'"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_cannot_be_seen_through_is_refused(build: Callable[[], object], message: str) -> None:
    with pytest.raises(UnsupportedModel, match=message):
        Network(build(), images()[0])


def test_a_graph_that_is_cut_is_refused_at_the_layer() -> None:
    def cut(x: Tensor) -> Tensor:
        with torch.no_grad():
            return x * 2

    for function in (cut, lambda x: x.detach(), lambda x: x.data * 1):
        with pytest.raises(UnsupportedModel, match="Layer '2' isn't connected to the pixels"):
            project(between(Call(function)), "2", images())


class Table(nn.Module):
    """Computes a part of itself from constants alone, as Swin v2 its relative positions."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("places", torch.ones(1, 5, 2))
        self.bias = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Flatten(), nn.Linear(15, 4))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.bias(self.places)[:, :, None, None]


def test_layers_that_do_not_depend_on_the_image_are_not_listed() -> None:
    engine = LocalEngine(between(Table()), list(images()), cache=False)
    assert [layer.name for layer in engine.layers] == ["0", "1", "2"]
    (note,) = (note for note in engine.info.notes if "don't depend on the image" in note)
    assert "1.bias.3" in note
    assert engine.index(progress=False).images_seen == 2


class Keywords(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = seeded(nn.Conv2d(3, 4, 3), nn.ReLU())
        self.head = seeded(nn.Linear(4, 6))

    def forward(self, *, pixel_values: Tensor, scale: float) -> dict[str, Tensor]:
        features = self.body(pixel_values) * scale
        return {"features": features, "logits": self.head(features.amax((2, 3)))}


def test_keywords_and_several_outputs_through_an_adapter() -> None:
    model, batch = Keywords(), list(images())
    with pytest.raises(UnsupportedModel, match=r"forward failed.*TypeError"):
        LocalEngine(model, batch, cache=False)
    engine = LocalEngine(
        model,
        batch,
        cache=False,
        forward=lambda model, batch: model(pixel_values=batch, scale=2.0)["logits"],
    )
    expected = model(pixel_values=torch.stack(batch), scale=2.0)["logits"][1]
    np.testing.assert_allclose(engine.predict(1).logits, expected.detach(), rtol=1e-5, atol=1e-5)
    assert len(engine.info.labels) == 6
    assert engine.project(Unit("body.1", 2), 0).status == "paper"
    plain = LocalEngine(
        model, batch, cache=False, forward=lambda m, b: m(pixel_values=b, scale=2.0)
    )
    with pytest.raises(UnsupportedModel, match=r"no tensor.*forward=lambda"):
        plain.predict(0)
    assert plain.project(Unit("body.1", 2), 0).status == "paper"
    assert plain.info.fingerprint != engine.info.fingerprint


class Changing(nn.Module):
    def __init__(self, how: str) -> None:
        super().__init__()
        self.how, self.count = how, 0
        self.register_buffer("calls", torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        self.count += 1
        if self.how == "python":
            return x * (1 + self.count)
        if self.how == "buffer":
            self.calls += 1
            return x + self.calls
        if self.how == "random":
            return x * random.random()
        self.calls += 1
        return x * 1


@pytest.mark.parametrize("how", ["python", "buffer", "random"])
def test_models_that_change_themselves_are_named(how: str) -> None:
    before = random.getstate()
    with pytest.raises(UnsupportedModel, match=r"Layer '1' gives another output.*changes itself"):
        Network(between(Changing(how)), images()[0])
    if how != "random":
        assert random.getstate() == before


def test_counting_calls_is_only_noted() -> None:
    engine = LocalEngine(between(Changing("harmless")), list(images()), cache=False)
    assert any("1.calls changes with every forward pass" in note for note in engine.info.notes)
