"""Models that are hard to see through: exact, or named, never silent."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from zfwidgets.engine.local import LocalEngine
from zfwidgets.engine.network.modes import computing
from zfwidgets.engine.network.network import Network
from zfwidgets.engine.occlusion.incremental import Incremental
from zfwidgets.engine.projection import deconv
from zfwidgets.engine.projection.rules import RULES
from zfwidgets.engine.projection.units import GraphProjector
from zfwidgets.errors import InputError, UnsupportedModel
from zfwidgets.records import Operation, RuleInfo, Unit, weakest

ROWS, COLUMNS = 11, 14


class Call(nn.Module):
    """A function as a layer."""

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x)


def images(channels: int = 3, rows: int = ROWS, columns: int = COLUMNS, count: int = 2) -> Tensor:
    generator = torch.Generator().manual_seed(9)
    return torch.randn(count, channels, rows, columns, generator=generator)


def seeded(*layers: nn.Module) -> nn.Sequential:
    """The layers with weights that depend on their shapes and order only."""
    model = nn.Sequential(*layers)
    generator = torch.Generator().manual_seed(4)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.4)
        for buffer in model.buffers():
            if buffer.is_floating_point():
                buffer.copy_(torch.rand(buffer.shape, generator=generator) + 0.5)
    return model.eval()


def between(middle: nn.Module, channels: int = 4) -> nn.Sequential:
    """A layer between two convolutions."""
    return seeded(nn.Conv2d(3, 4, 3), middle, nn.Conv2d(channels, 5, 3))


def project(
    model: nn.Module, layer: str, batch: Tensor, rule: str = "deconvnet"
) -> tuple[Tensor, tuple[Operation, ...]]:
    """Projections of the strongest unit of each image, and what was met on the way."""
    network = Network(model, batch[0])
    outputs: list[Tensor] = []
    with computing(network.device):
        network.run(batch, lambda _, out: outputs.append(out.clone()), only=layer)
    maps = outputs[0].reshape(*outputs[0].shape[:2], -1)
    columns = outputs[0].shape[3] if outputs[0].dim() == 4 else 1
    units = []
    for image in maps:
        channel, place = divmod(int(image.argmax()), image.shape[1])
        units.append((channel, *divmod(place, columns)))
    with computing(network.device, grad=True):
        found = deconv.project(network, batch, layer, units, RULES[rule])
    return found.pixels, found.operations


def met(operations: tuple[Operation, ...], name: str) -> Operation:
    (found,) = (o for o in operations if o.name == name)
    return found


class OwnRectifier(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.clamp(min=0)

    @staticmethod
    def backward(ctx, signal):
        return signal * (ctx.saved_tensors[0] > 0)


class Relu(OwnRectifier):
    """Its node is called ReluBackward: not PyTorch's all the same."""


def assign(x: Tensor) -> Tensor:
    x = x.clone()
    x[x < 0] = 0
    return x


def on_a_part(change: Callable[[Tensor], object]) -> Call:
    """Changes two of the channels in place, through a view."""

    def function(x: Tensor) -> Tensor:
        x = x.clone()
        change(x[:, :2])
        return x

    return Call(function)


RECTIFIERS = {
    "nn.ReLU": nn.ReLU(),
    "nn.ReLU in place": nn.ReLU(inplace=True),
    "F.relu": Call(functional.relu),
    "F.relu_": Call(lambda x: functional.relu_(x)),
    "torch.relu": Call(torch.relu),
    "Tensor.relu_": Call(lambda x: x.relu_()),
    "clamp": Call(lambda x: x.clamp(min=0)),
    "clamp_": Call(lambda x: x.clamp_(min=0)),
    "clamp by a tensor": Call(lambda x: x.clamp(min=torch.zeros(()))),
    "clamp_min": Call(lambda x: torch.clamp_min(x, 0)),
    "threshold": nn.Threshold(0, 0),
    "leaky with slope 0": nn.LeakyReLU(0.0),
    "leaky with slope 0 in place": nn.LeakyReLU(0.0, inplace=True),
    "rrelu with slope 0": nn.RReLU(0.0, 0.0),
    "hardtanh with a far end": nn.Hardtanh(0, 1e6),
    "maximum": Call(lambda x: torch.maximum(x, torch.zeros(()))),
    "maximum, turned": Call(lambda x: torch.maximum(torch.zeros_like(x), x)),
    "fmax": Call(lambda x: torch.fmax(x, torch.zeros(()))),
    "where": Call(lambda x: torch.where(x > 0, x, 0.0)),
    "where, turned": Call(lambda x: torch.where(x <= 0, torch.zeros_like(x), x)),
    "times a comparison": Call(lambda x: x * (x > 0)),
    "a comparison times": Call(lambda x: (x >= 0).float() * x),
    "mul_": Call(lambda x: x.mul_(x > 0)),
    "masked_fill": Call(lambda x: x.masked_fill(x < 0, 0)),
    "masked_fill_": Call(lambda x: x.masked_fill_(x <= 0, 0.0)),
    "assignment": Call(assign),
    "scripted": torch.jit.script(nn.ReLU()),
    "traced": torch.jit.trace(nn.ReLU(), torch.zeros(2)),
}


@pytest.mark.parametrize("rule", list(RULES))
@pytest.mark.parametrize("name", list(RECTIFIERS))
def test_a_rectifier_is_one_however_it_is_spelled(name: str, rule: str) -> None:
    expected, _ = project(between(nn.ReLU()), "2", images(), rule)
    pixels, operations = project(between(RECTIFIERS[name]), "2", images(), rule)
    assert met(operations, "relu").count == 1
    assert weakest(operations) == "paper"
    torch.testing.assert_close(pixels, expected, rtol=1e-5, atol=1e-6)


def test_relu6_lets_signal_through_above_its_bound() -> None:
    model = seeded(nn.Conv2d(3, 4, 3), nn.ReLU6(), nn.Conv2d(4, 5, 3))
    with torch.no_grad():
        model[0].weight *= 20
    _, operations = project(model, "2", images())
    assert met(operations, "relu").note.startswith("clamped 0 to 6")
    expected, _ = project(model, "2", images())
    network = Network(model, images()[0])
    forward = deconv.record(network, images(), "2")
    leaf, output = forward.leaf, forward.output
    with torch.no_grad():
        hidden = model[0](images())
    assert (hidden > 6).any()
    # the strongest unit, written out: transposed filters around a rectified signal
    for number, image in enumerate(output.detach()):
        seed = torch.zeros_like(image)
        place = np.unravel_index(int(image.argmax()), image.shape)
        seed[place] = image[place]
        signal = functional.conv_transpose2d(seed[None], model[2].weight).relu()
        pixels = functional.conv_transpose2d(signal, model[0].weight)[0]
        torch.testing.assert_close(expected[number], pixels, rtol=1e-4, atol=1e-4)
    assert leaf.requires_grad


@pytest.mark.parametrize(
    ("module", "name", "status", "note"),
    [
        (nn.LeakyReLU(0.2), "leaky_relu", "linearised", "slope 0.2: no rectifier"),
        (nn.RReLU(0.1, 0.3), "rrelu", "linearised", "mean slope 0.2: no rectifier"),
        (nn.PReLU(4), "PReLU", "linearised", ""),
        (nn.Hardtanh(), "clamp", "linearised", "-1 to 1: no rectifier"),
        (Call(lambda x: x.clamp(max=1)), "clamp", "linearised", r"\.\.\. to 1"),
        (Call(lambda x: x.clamp(min=x.mean())), "clamp", "linearised", "depend on the image"),
        (Call(lambda x: torch.maximum(x, x.flip(1))), "maximum", "linearised", "two signals"),
        (Call(lambda x: x.where(x > 0.5, 0.0)), "selection", "linearised", "comparison"),
        (Call(lambda x: x * (x > -0.5)), "product", "linearised", "cut off from it"),
        (Call(lambda x: (x + x.abs()) / 2), "abs", "linearised", ""),
        (Call(lambda x: x * x.sigmoid()), "product", "linearised", "two signals"),
        (Call(torch.sign), "sign", "linearised", "no signal goes below"),
        (Call(OwnRectifier.apply), "OwnRectifier", "unknown", "own autograd.Function"),
        (Call(Relu.apply), "Relu", "unknown", "own autograd.Function"),
        (Call(lambda x: x + x.detach()), "cut", "unknown", "add.*the picture lacks"),
        (Call(lambda x: x + x.data), "cut", "unknown", "add.*the picture lacks"),
        (Call(lambda x: x + (x > 0).float()), "cut", "unknown", "comparison"),
        (
            Call(lambda x: x / (1 + 0 * x.max().item())),
            "value read",
            "linearised",
            "held as in this",
        ),
        (Call(lambda x: x if x.sum() > -1e9 else 2 * x), "value read", "linearised", "if"),
        (
            Call(lambda x: x / x.detach().norm(dim=1, keepdim=True)),
            "quotient",
            "linearised",
            "held",
        ),
        (nn.LocalResponseNorm(3), "local response normalisation", "paper", "passed by, as in"),
        (nn.GroupNorm(2, 4), "group norm", "linearised", ""),
        (nn.LayerNorm(COLUMNS - 2), "layer norm", "linearised", ""),
        (nn.InstanceNorm2d(4), "batch norm", "linearised", "the image's own statistics"),
        (nn.BatchNorm2d(4), "batch norm", "adjoint", "frozen scale"),
        (nn.Softmax2d(), "softmax", "linearised", ""),
        (nn.AvgPool2d(3, 2, 1, ceil_mode=True), "average", "adjoint", ""),
        (nn.AdaptiveAvgPool2d((4, 5)), "average", "adjoint", ""),
        (nn.AdaptiveMaxPool2d((4, 5)), "max_pool", "paper", ""),
        (nn.MaxPool2d(3, 2, 1, dilation=2, ceil_mode=True), "max_pool", "paper", ""),
        (nn.LPPool2d(2, 2), "power", "linearised", ""),
        (nn.Conv2d(4, 4, 3, padding=1, padding_mode="reflect"), "padding", "adjoint", ""),
        (nn.Conv2d(4, 4, 3, padding=2, padding_mode="replicate"), "padding", "adjoint", ""),
        (nn.Conv2d(4, 4, 3, dilation=2, groups=2), "convolution", "paper", ""),
        (nn.ConvTranspose2d(4, 4, 2, 2), "transposed convolution", "adjoint", ""),
        (nn.Upsample(scale_factor=2), "interpolation", "adjoint", ""),
        (on_a_part(torch.relu_), "relu", "unknown", "through a view"),
        (on_a_part(torch.sigmoid_), "sigmoid", "unknown", "through a view"),
        (on_a_part(lambda part: part.clamp_(min=0.1)), "clamp", "unknown", "through a view"),
        (on_a_part(lambda part: part.mul_(part.flip(2))), "mul", "unknown", "through a view"),
        (Call(lambda x: torch.cumsum(x, 2)), "Cumsum", "unknown", "not in zfwidgets' list"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, nn.Module) else str(value)[:20],
)
def test_what_is_no_rectifier_is_named(
    module: nn.Module, name: str, status: str, note: str
) -> None:
    import re

    pixels, operations = project(between(module), "2", images())
    found = met(operations, name)
    assert found.status == status
    assert re.search(note, found.note)
    assert torch.isfinite(pixels).all()
    order = ["paper", "adjoint", "linearised", "unknown"]
    assert order.index(weakest(operations)) >= order.index(status)


@pytest.mark.parametrize(
    "change",
    [
        lambda part: part.copy_(part.flip(3)),
        lambda part: part.zero_(),
        lambda part: part.add_(part.flip(2)),
        lambda part: part.mul_(0.5),
    ],
)
def test_what_is_linear_may_be_written_through_a_view(change: Callable[[Tensor], object]) -> None:
    _, operations = project(between(on_a_part(change)), "2", images())
    assert weakest(operations) in ("paper", "adjoint")


@pytest.mark.parametrize(
    "module",
    [
        nn.RReLU(0.1, 0.3),
        nn.RReLU(0.1, 0.3, inplace=True),
        Call(lambda x: functional.rrelu(x, 0.1, 0.3)),
    ],
    ids=["module", "in place", "functional"],
)
def test_rrelu_has_its_mean_slope_in_eval_mode(module: nn.Module) -> None:
    """From cones and from whole images alike; in training it draws slopes, and is refused."""
    batch = images()
    engines = [
        LocalEngine(between(layer), list(batch), cache=False)
        for layer in (module, nn.LeakyReLU(0.2))
    ]
    leaky = next(layer for layer in engines[1].layers if layer.name == "1")
    assert (leaky.role, leaky.rectified) == ("rectifier", False)
    for channel in range(5):
        found, expected = (engine.project(Unit("2", channel), 1) for engine in engines)
        np.testing.assert_allclose(found.pixels, expected.pixels, rtol=1e-5, atol=1e-6)
    whole, operations = project(between(module), "2", batch)
    torch.testing.assert_close(whole, project(between(nn.LeakyReLU(0.2)), "2", batch)[0])
    assert weakest(operations) == "linearised"
    assert engines[0].info.notes == engines[1].info.notes
    training = between(Call(lambda x: functional.rrelu(x, training=True)))
    state = torch.get_rng_state()
    with pytest.raises(UnsupportedModel, match=r"'1' draws random numbers.*rrelu"):
        Network(training, batch[0])
    assert torch.equal(state, torch.get_rng_state())


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


class Squeeze(nn.Module):
    """A squeeze-and-excitation block; ``expanded`` as the original implementation spells it."""

    def __init__(self, expanded: bool = False, frozen: bool = False) -> None:
        super().__init__()
        self.expanded, self.frozen = expanded, frozen
        self.down, self.up = nn.Conv2d(4, 2, 1), nn.Conv2d(2, 4, 1)

    def forward(self, x: Tensor) -> Tensor:
        gate = self.up(self.down(x.mean((2, 3), keepdim=True)).relu()).sigmoid()
        gate = gate.detach() if self.frozen else gate
        return x * gate.expand_as(x) if self.expanded else gate * x


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


# How a model comes


def conv_net() -> nn.Sequential:
    return between(nn.ReLU())


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


# Models that are called otherwise


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


# Models that aren't the same twice


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


# What is said of it


def test_explain_says_what_is_on_the_way() -> None:
    model = seeded(
        nn.Conv2d(3, 4, 3), nn.ReLU(), nn.MaxPool2d(2), Squeeze(), nn.Conv2d(4, 5, 2), nn.Sigmoid()
    )
    engine = LocalEngine(model, list(images()), cache=False)
    first = engine.explain("1")
    assert first.status == "paper"
    assert first.same_for_every_image
    assert first.reach == "exact"
    assert "every image gives the same picture" in " ".join(first.sentences)
    assert not engine.explain("1", "guided").same_for_every_image
    last = engine.explain("5")
    assert last.status == "linearised"
    assert [o.name for o in last.linearised] == ["sigmoid", "gate"]
    assert sum(o.count for o in last.pools) == sum(o.count for o in last.rectifiers) == 1
    words = " ".join(last.sentences)
    assert "acts at 1 rectifier." in words
    assert "through 1 max-pool." in words
    assert "gate: one value a channel, frozen like a switch" in words
    assert last.operations == engine.project(Unit("5", 0), 0).operations
    odd = LocalEngine(between(Call(Relu.apply)), list(images()), cache=False).explain("2")
    assert odd.unknown[0].name == "Relu"
    assert any(s.startswith("Not known: Relu") for s in odd.sentences)
    assert odd.to_frame().status.tolist() == ["paper", "unknown"]


def test_explain_says_that_branches_have_fields_of_their_own() -> None:
    class Branches(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.branches = nn.ModuleList([nn.Conv2d(3, 2, 1), nn.Conv2d(3, 2, 3, padding=1)])

        def forward(self, x: Tensor) -> Tensor:
            parts = [branch(x) for branch in self.branches]
            return torch.cat([*parts, parts[0] * x.mean((1, 2, 3), keepdim=True)], 1)

    model = seeded(Branches(), nn.Conv2d(6, 3, 1))
    engine = LocalEngine(model, list(images()), cache=False)
    reaches = [engine.layer("0").field_of(channel).reach for channel in range(6)]
    assert reaches == ["exact"] * 4 + ["gated"] * 2
    assert engine.explain("0").reach == "gated"
    assert "some of which are exact but for gates" in engine.explain("0").sentences[-1]
    assert engine.explain("0.branches.1").sentences[-1] == "The receptive field is exact."


def test_without_pools_every_image_gives_the_same_picture() -> None:
    """What the sentence claims, on two images whose strongest units are the same."""
    network = Network(conv_net(), images()[0])
    with computing(network.device, grad=True):
        output = deconv.record(network, images(), "2").output
        both = (output > 0).all(0).nonzero()
        unit = tuple(both[len(both) // 2].tolist())
        found = deconv.project(network, images(), "2", [unit] * 2, RULES["deconvnet"])
    one, other = found.pixels / found.values[:, None, None, None]
    torch.testing.assert_close(one, other)


# Rules of one's own


class Absolute:
    name, answers, reads_forward = "absolute", "for the test", True

    def __init__(self) -> None:
        self.seen: list[tuple[Tensor, Tensor, Tensor]] = []

    def rectify(self, gradient: Any, signal: Tensor, activation: Any) -> Tensor:
        self.seen.append((gradient, signal, activation))
        return gradient.abs()


def test_a_rule_of_ones_own() -> None:
    rule = Absolute()
    engine = LocalEngine(conv_net(), list(images()), cache=False, rules=[rule])
    assert engine.rules[:3] == ("deconvnet", "guided", "gradient")
    assert engine.rules[-1] == "absolute"
    assert engine.rule("absolute") == RuleInfo("absolute", "absolute", "for the test", True)
    assert engine.rule("deconvnet").title == "deconvnet (paper)"
    by_name = engine.project(Unit("2", 1), 0, rule="absolute")
    rule.seen.clear()
    unit = by_name.activation.unit
    with computing(torch.device("cpu"), grad=True):
        whole = deconv.project(
            engine.session.network, images()[:1], "2", [(1, unit.row, unit.col)], rule
        )
    pixels = whole.pixels[0].permute(1, 2, 0).numpy()
    np.testing.assert_allclose(by_name.pixels, pixels, rtol=1e-5, atol=1e-6)
    assert by_name.rule == "absolute"
    gradient, signal, activation = rule.seen[0]
    torch.testing.assert_close(gradient, signal * (activation > 0))
    hidden = conv_net()[:2](images()[:1])
    torch.testing.assert_close(activation, hidden.detach())
    assert engine.explain("2", rule).rule == "absolute"
    for broken in (object(), Absolute):
        with pytest.raises(InputError, match="is no rule"):
            engine.project(Unit("2", 1), 0, rule=broken)
    with pytest.raises(InputError, match="two rules called 'absolute'"):
        LocalEngine(conv_net(), list(images()), cache=False, rules=[rule, Absolute()])
    with pytest.raises(InputError, match="Unknown rule 'magic': expected one of deconvnet"):
        engine.project(Unit("2", 1), 0, rule="magic")


# Out of memory


def limit(monkeypatch: pytest.MonkeyPatch, most: int) -> list[int]:
    """Let the device run out of memory for batches of more than ``most`` images."""
    run = Network.run
    sizes: list[int] = []

    def limited(self: Network, batch: Tensor, visit: object = None, **kwargs: object) -> object:
        sizes.append(len(batch))
        if len(batch) <= most:
            return run(self, batch, visit, **kwargs)
        if visit is not None and "only" not in kwargs:  # half of the layers have seen the batch
            names = [layer.name for layer in self.layers[: len(self.layers) // 2]]

            def of_half(show: Any) -> Any:
                return show and (lambda name, out: show(name, out) if name in names else None)

            run(self, batch, of_half(visit), **{k: of_half(v) for k, v in kwargs.items()})
        raise torch.OutOfMemoryError("CUDA out of memory")

    cones = GraphProjector.project

    def limited_cones(self: GraphProjector, batch: Tensor, *args: object) -> object:
        sizes.append(len(batch))
        if len(batch) > most:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return cones(self, batch, *args)

    windows = Incremental.measure

    def limited_windows(self: Incremental, boxes: Sequence[Any], *args: object) -> object:
        if len(boxes) > most:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return windows(self, boxes, *args)

    monkeypatch.setattr(Incremental, "measure", limited_windows)
    monkeypatch.setattr(Network, "run", limited)
    monkeypatch.setattr(GraphProjector, "project", limited_cones)
    return sizes


def test_out_of_memory_retries_smaller_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    model = nn.Sequential(conv_net(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    batch = list(images(count=20))
    plain = LocalEngine(model, batch, cache=False)
    top = plain.top("0.2", 1)
    expected = plain.project_all(top.activations)
    heat = plain.occlude(0, 4, 3, baseline=0.0, progress=False)
    assert not any("memory" in note for note in plain.info.notes)

    sizes = limit(monkeypatch, 3)
    engine = LocalEngine(model, batch, cache=False)
    again = engine.top("0.2", 1)
    assert [(a.image, a.unit) for a in again] == [(a.image, a.unit) for a in top]
    for name, part in engine.index().layers.items():
        other = plain.index().layers[name]
        np.testing.assert_allclose(part.mean, other.mean, rtol=1e-4, atol=1e-5)
        np.testing.assert_array_equal(part.silent, other.silent)
        np.testing.assert_array_equal(part.images, other.images)
        assert part.sample.shape == other.sample.shape
    for one, other in zip(engine.project_all(top.activations), expected, strict=True):
        np.testing.assert_allclose(one.pixels, other.pixels, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(
        engine.occlude(0, 4, 3, baseline=0.0, progress=False).logits,
        heat.logits,
        rtol=1e-4,
        atol=1e-5,
    )
    (note,) = (note for note in engine.info.notes if "memory" in note)
    assert "projections: 2 images at a time" in note
    assert "looking at all images: 2 images at a time" in note
    assert "sliding the occluder: 2 images at a time" in note
    before = len(sizes)
    engine.project_all(top.activations)
    assert max(sizes[before:]) == 2, "what fitted is remembered"


def test_not_even_one_image(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = LocalEngine(conv_net(), list(images()), cache=False)
    limit(monkeypatch, 0)
    with pytest.raises(UnsupportedModel, match=r"doesn't hold one image.*another device"):
        engine.index(progress=False)


# NaN on the way down


def test_a_way_down_that_is_not_finite_is_said() -> None:
    engine = LocalEngine(between(Call(lambda x: x.relu().sqrt())), list(images()), cache=False)
    with pytest.raises(UnsupportedModel, match=r"way down from layer '2' gives NaN or infinite"):
        engine.project(Unit("2", 1), 0)
