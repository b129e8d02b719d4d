"""Which modules are drawn anew, and how."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import zfwidgets as zf
from tests.experiments.sanity.plain import LAYER, Pictures, chain, make_engine
from zfwidgets.engine.network.network import Network
from zfwidgets.engine.projection.sanity.randomise import Stage, stages_below
from zfwidgets.errors import UnsupportedModel
from zfwidgets.experiments import sanity_check
from zfwidgets.records import Unit


class Branches(nn.Module):
    """Two branches concatenated, a module that runs twice, a parameter of the model's own."""

    def __init__(self) -> None:
        super().__init__()
        self.top = nn.Conv2d(8, 3, 1)
        self.right = nn.Conv2d(4, 4, 3, padding=1)
        self.left = nn.Conv2d(4, 4, 1)
        self.norm = nn.BatchNorm2d(4, affine=False)
        self.twice = nn.Conv2d(4, 4, 3, padding=1)
        self.first = nn.utils.parametrizations.weight_norm(nn.Conv2d(3, 4, 3))
        self.gain = nn.Parameter(torch.tensor([1.5, 0.5, -1.0, 2.0]))
        self.side = nn.Conv2d(3, 3, 1)
        self.out = nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        self.side(x)
        x = torch.relu(self.first(x)) * self.gain[:, None, None]
        x = torch.relu(self.twice(x))
        x = torch.relu(self.norm(self.twice(x)))
        x = torch.cat([self.left(x), self.right(x)], 1)
        return self.top(torch.relu(x)).mean((2, 3))


def stages(layer: str, channel: int) -> tuple[Stage, ...]:
    with torch.random.fork_rng():
        torch.manual_seed(2)
        model = Branches().eval()
    image = Pictures()[0]
    network = Network(model, image)
    return stages_below(network, image, Unit(layer, channel, 3, 4))


def test_only_modules_below_the_unit_count_from_the_top_down() -> None:
    below = ["norm", "twice", "Branches", "first"]
    assert [stage.name for stage in stages("left", 1)] == ["left", *below]
    assert [stage.name for stage in stages("right", 1)] == ["right", *below]
    assert [stage.name for stage in stages("twice", 0)] == below[1:]
    assert [stage.name for stage in stages("first", 0)] == ["first"]


def test_a_branch_that_only_feeds_other_channels_is_left_out() -> None:
    class Joined(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.left, self.right = nn.Conv2d(3, 4, 1), nn.Conv2d(3, 4, 3, padding=1)

        def forward(self, x: Tensor) -> Tensor:
            return torch.relu(torch.cat([self.left(x), self.right(x)], 1))

    image = Pictures()[0]
    with torch.random.fork_rng():
        torch.manual_seed(2)
        model = nn.Sequential(Joined(), nn.AdaptiveAvgPool2d(1), nn.Flatten()).eval()
    network = Network(model, image)
    for channel, name in ((1, "0.left"), (6, "0.right")):
        found = stages_below(network.twin(image), image, Unit("0", channel, 30, 3))
        assert [stage.name for stage in found] == [name]


def test_a_silent_unit_has_the_same_modules(engine: zf.Engine) -> None:
    """Whether a path is active in this image doesn't matter: after randomising it may be."""
    image = Pictures()[1]
    network = engine.session.network.twin(image)
    outputs: list[Tensor] = []
    network.run(image[None], lambda _, output: outputs.append(output.clone()), only=LAYER)
    channel, row, col = (int(i) for i in (outputs[0][0] <= 0).nonzero()[0])
    found = stages_below(network, image, Unit(LAYER, channel, row, col))
    assert [stage.name for stage in found] == ["7", "4", "1", "0"]


def test_random_parameters_keep_mean_and_spread_and_nothing_else() -> None:
    for stage in stages("left", 1):
        (*_, part) = stage.parts
        before = {name: tensor.clone() for name, tensor in part.state_dict().items()}
        count = stage.parameters
        stage.randomise_(torch.Generator().manual_seed(0))
        assert stage.parameters == count
        for name, tensor in part.named_parameters(recurse=False):
            was = before[name]
            assert not torch.equal(was, tensor)
            if tensor.numel() > 100:
                assert tensor.std() == pytest.approx(float(was.std()), rel=0.3)
                together = torch.stack([was.flatten(), tensor.flatten()])
                assert abs(float(torch.corrcoef(together)[0, 1])) < 0.3


def test_a_batch_norms_channels_are_permuted_whole() -> None:
    norm = nn.BatchNorm2d(7)
    for number, tensor in enumerate((norm.weight, norm.bias, norm.running_mean, norm.running_var)):
        tensor.data.copy_(torch.arange(7) + 10 * number)
    Stage("norm", (norm,)).randomise_(torch.Generator().manual_seed(1))
    assert sorted(norm.weight.tolist()) == list(range(7))
    assert norm.weight.tolist() != list(range(7))
    assert torch.equal(norm.bias, norm.weight + 10)
    assert torch.equal(norm.running_var, norm.running_mean + 10)
    assert torch.equal(norm.running_mean, norm.weight + 20)


class Between(nn.Module):
    """A network whose middle is the caller's code, with a branch of its own to cut off."""

    def __init__(self, middle: Callable[[Between, Tensor], Tensor]) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(7)
        self.first, self.side = nn.Conv2d(3, 5, 3), nn.Conv2d(5, 5, 1)
        self.last, self.out = nn.Conv2d(5, 4, 3), nn.ReLU()
        self.middle = middle
        with torch.no_grad():
            for parameter in self.parameters():
                parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.3)
        self.eval()

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.last(self.middle(self, self.first(x))))


@pytest.mark.parametrize(
    ("middle", "operation"),
    [
        (lambda net, x: x.relu() + net.side(x).detach(), "cut"),
        (lambda net, x: x.relu() + (x > 0).float(), "cut"),
        (lambda net, x: torch.cumsum(x, 2), "Cumsum"),
    ],
    ids=["detach", "comparison", "unknown operation"],
)
def test_what_the_picture_lacks_is_named_at_every_step(
    middle: Callable[[Between, Tensor], Tensor], operation: str
) -> None:
    engine = make_engine(Between(middle))
    result = sanity_check(engine, ("out", 1), progress=False)
    projected = engine.project(Unit("out", 1), result.activation.image)
    assert result.modules == ("last", "first"), "what is cut off isn't on the way"
    for step in result.steps:
        assert step.operations == projected.operations
        assert f"{operation}: " in step.note
        assert "the picture lacks what goes through" in step.note or operation == "Cumsum"
    assert result.to_frame()["note"].str.contains(f"{operation}: ").sum() == 3


def without_gradients(net: Between, x: Tensor) -> Tensor:
    with torch.no_grad():
        return net.side(x).relu()


def test_a_graph_that_is_cut_before_the_unit_is_refused() -> None:
    with pytest.raises(UnsupportedModel, match=r"'out' isn't connected to the pixels.*no_grad"):
        sanity_check(make_engine(Between(without_gradients)), ("out", 1), progress=False)


@pytest.mark.parametrize("rule", ["deconvnet", "guided", "gradient"])
@pytest.mark.parametrize(
    "middle",
    [
        lambda net, x: x * (x > 0),
        lambda net, x: torch.where(x > 0, x, 0.0),
        lambda net, x: x.masked_fill(x < 0, 0),
    ],
    ids=["product", "where", "masked_fill"],
)
def test_rectifiers_are_such_at_every_step_however_spelled(
    middle: Callable[[Between, Tensor], Tensor], rule: str
) -> None:
    """Else steps would obey another rule than the picture that they are compared with."""
    plain = make_engine(Between(lambda net, x: x.relu()))
    expected = sanity_check(plain, ("out", 1), rule=rule, progress=False)
    result = sanity_check(make_engine(Between(middle)), ("out", 1), rule=rule, progress=False)
    assert result.modules == expected.modules == ("last", "first")
    for step, other in zip(result.steps, expected.steps, strict=True):
        np.testing.assert_allclose(step.pixels, other.pixels, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(result.control("same photo"), expected.control("same photo"))


def test_a_model_that_needs_an_adapter_keeps_it() -> None:
    class Keywords(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body = chain()

        def forward(self, *, pixels: Tensor) -> Tensor:
            return self.body(pixels)

    engine = zf.Engine(
        Keywords(),
        Pictures(),
        cache=False,
        denormalize=([0.5] * 3, [0.25] * 3),
        forward=lambda model, batch: model(pixels=batch),
    )
    result = sanity_check(engine, (f"body.{LAYER}", 2), 1, progress=False)
    expected = sanity_check(make_engine(), (LAYER, 2), 1, progress=False)
    np.testing.assert_array_equal(result.curve(), expected.curve())
