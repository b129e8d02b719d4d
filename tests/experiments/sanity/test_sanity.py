"""The sanity check against a slow plain computation, and what it leaves untouched."""

from __future__ import annotations

import copy
import random
import sys
from collections.abc import Callable

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy.stats import rankdata
from torch import Tensor, nn

import zfwidgets as zf
from tests.experiments.small import RandomPictures
from zfwidgets.engine.network.network import Network
from zfwidgets.engine.sanity.randomise import Stage, stages_below
from zfwidgets.errors import (
    InactiveUnit,
    InputError,
    MissingDependency,
    UnknownLayer,
    UnsupportedModel,
)
from zfwidgets.experiments import compare, sanity_check
from zfwidgets.experiments.sanity.check import sanity_steps
from zfwidgets.records import Unit

LAYER = "8"


class Pictures(RandomPictures):
    number, coarse, size = 6, (10, 7), (40, 28)


def chain() -> nn.Sequential:
    """Convolutions, a batch norm with lively statistics, two pools, and a layer above the unit."""
    generator = torch.Generator().manual_seed(11)
    model = nn.Sequential(
        nn.Conv2d(3, 6, 5, stride=1, padding=2),
        nn.BatchNorm2d(6),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(6, 8, 3),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(8, 10, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(10, 4, 1),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
    )
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            spread = 0.5 if name.startswith("1.") else 0.25
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * spread)
        model[1].running_mean.copy_(torch.randn(6, generator=generator) * 0.2)
        model[1].running_var.copy_(torch.rand(6, generator=generator) + 0.5)
    return model.eval()


def make_engine(model: nn.Module | None = None, number: int = 6) -> zf.Engine:
    return zf.Engine(
        chain() if model is None else model,
        Pictures(number),
        cache=False,
        denormalize=([0.5] * 3, [0.25] * 3),
    )


@pytest.fixture
def engine() -> zf.Engine:
    return make_engine()


# ---------------------------------------------------------------- the plain computation


def plain_projection(model: nn.Sequential, image: Tensor, unit: Unit, start: float) -> Tensor:
    """The deconvnet written out, in float64: (3, rows, columns)."""
    model = copy.deepcopy(model).double()
    signal = image[None].double()
    shapes, switches = [], {}
    for number, module in enumerate(model[: int(unit.layer) + 1]):
        shapes.append(signal.shape)
        if isinstance(module, nn.MaxPool2d):
            signal, switches[number] = F.max_pool2d(signal, 2, return_indices=True)
        else:
            signal = module(signal)
    down = torch.zeros_like(signal)
    down[0, unit.channel, unit.row, unit.col] = start
    for number in range(int(unit.layer), -1, -1):
        module = model[number]
        if isinstance(module, nn.ReLU):
            down = down.relu()
        elif isinstance(module, nn.MaxPool2d):
            down = F.max_unpool2d(down, switches[number], 2, output_size=shapes[number][2:])
        elif isinstance(module, nn.BatchNorm2d):
            scale = module.weight / (module.running_var + module.eps).sqrt()
            down = down * scale[:, None, None]
        else:
            down = F.conv_transpose2d(down, module.weight, None, module.stride, module.padding)
    return down[0].detach()


def plain_randomised(model: nn.Sequential, seed: int) -> list[tuple[str, nn.Sequential]]:
    """The network after each step of the cascade."""
    generator = torch.Generator().manual_seed(seed)
    model, after = copy.deepcopy(model), []
    for name in ("7", "4", "1", "0"):
        module = model[int(name)]
        with torch.no_grad():
            if name == "1":
                order = torch.randperm(6, generator=generator)
                for tensor in (
                    module.weight,
                    module.bias,
                    module.running_mean,
                    module.running_var,
                ):
                    tensor.copy_(tensor[order])
            else:
                for tensor in (module.weight, module.bias):
                    numbers = torch.randn(tensor.shape, generator=generator)
                    tensor.copy_(numbers * tensor.std(correction=0) + tensor.mean())
        after.append((name, copy.deepcopy(model)))
    return after


def plain_rank(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.corrcoef(rankdata(a.ravel()), rankdata(b.ravel()))[0, 1])


def plain_ssim(a: np.ndarray, b: np.ndarray) -> float:
    """Wang et al. (2004) with a uniform window of 7 x 7, one window after the other."""
    a, b = a / np.abs(a).max() + 1, b / np.abs(b).max() + 1
    first, second = (0.01 * 2) ** 2, (0.03 * 2) ** 2
    found = []
    for channel in range(a.shape[2]):
        for row in range(a.shape[0] - 6):
            for col in range(a.shape[1] - 6):
                x = a[row : row + 7, col : col + 7, channel].ravel()
                y = b[row : row + 7, col : col + 7, channel].ravel()
                (vx, both), (_, vy) = np.cov(x, y)
                found.append(
                    (2 * x.mean() * y.mean() + first)
                    * (2 * both + second)
                    / ((x.mean() ** 2 + y.mean() ** 2 + first) * (vx + vy + second))
                )
    return float(np.mean(found))


@pytest.mark.parametrize("channel", range(10))
def test_every_step_equals_a_plain_computation(engine: zf.Engine, channel: int) -> None:
    result = sanity_check(engine, (LAYER, channel), seed=3, progress=False)
    model, unit = chain(), result.activation.unit
    image = Pictures()[result.activation.image]
    networks = [("", model), *plain_randomised(model, 3)]
    assert result.complete
    assert result.modules == ("7", "4", "1", "0")
    assert [step.module for step in result.steps] == [name for name, _ in networks]
    box, start = result.box, result.activation.value
    reference = box.cut(plain_projection(model, image, unit, start).permute(1, 2, 0).numpy())
    for step, (_, network) in zip(result.steps, networks, strict=True):
        picture = plain_projection(network, image, unit, start).permute(1, 2, 0).numpy()
        outside = picture.copy()
        outside[box.top : box.bottom, box.left : box.right] = 0
        assert not outside.any(), "the box holds the whole projection"
        picture = box.cut(picture)
        np.testing.assert_allclose(step.pixels, picture, atol=1e-5 * np.abs(picture).max())
        own = network[:9](image[None])[0, channel, unit.row, unit.col]
        assert step.value == pytest.approx(float(own.detach()), rel=1e-4, abs=1e-6)
        alike = step.similarity
        assert alike.rank == pytest.approx(plain_rank(reference, picture), abs=2e-3)
        absolute = plain_rank(np.abs(reference), np.abs(picture))
        assert alike.rank_absolute == pytest.approx(absolute, abs=2e-3)
        assert alike.ssim == pytest.approx(plain_ssim(reference, picture), abs=1e-4)
        assert ("isn't active" in step.note) == (step.value <= 0)


def test_silenced_units_are_among_those_compared(engine: zf.Engine) -> None:
    """Else the test above wouldn't see that a silenced unit starts like the trained one."""
    notes = set()
    for channel in range(10):
        result = sanity_check(engine, (LAYER, channel), seed=3, controls=0, progress=False)
        notes |= {step.note for step in result.steps}
    assert {"", "the unit isn't active in this network; started from its trained activation"} <= (
        notes
    )


@pytest.mark.parametrize("rule", ["deconvnet", "guided", "gradient"])
def test_the_first_step_is_the_engines_projection(engine: zf.Engine, rule: str) -> None:
    result = sanity_check(engine, Unit(LAYER, 2), 1, rule, controls=0, progress=False)
    projection = engine.project(Unit(LAYER, 2), 1, rule)
    assert result.activation == projection.activation
    np.testing.assert_array_equal(result.steps[0].pixels, result.box.cut(projection.pixels))
    assert result.curve().dtype == np.float32
    assert result.curve()[0] == 1


def test_controls_are_projections_of_unrelated_active_units(engine: zf.Engine) -> None:
    result = sanity_check(engine, (LAYER, 2), 1, controls=4, progress=False)
    unit = result.activation.unit
    assert {control.kind for control in result.controls} == {"same photo", "other photo"}
    for control in result.controls:
        assert control.unit.channel != unit.channel
        assert (control.unit.row, control.unit.col) == (unit.row, unit.col)
        assert (control.image == 1) == (control.kind == "same photo")
        other = engine.project(control.unit, control.image)  # raises if it isn't active
        alike = compare(result.steps[0].pixels, result.box.cut(other.pixels))
        assert control.similarity.rank == pytest.approx(alike.rank, abs=2e-3)
        assert control.similarity.ssim == pytest.approx(alike.ssim, abs=1e-4)
    images = [control.image for control in result.controls if control.kind == "other photo"]
    assert len(set(images)) == len(images)


def test_one_photo_has_no_other_photos() -> None:
    result = sanity_check(make_engine(number=1), (LAYER, 2), 0, progress=False)
    assert len(result.control("other photo")) == 0
    assert len(result.control("same photo")) > 0


# ---------------------------------------------------------------- what stays as it is


def test_model_engine_and_random_states_stay_as_they_are() -> None:
    model = chain()
    called = []
    model[4].register_forward_hook(lambda *_: called.append(1))
    model.train()
    engine = make_engine(model)
    list(engine.index_steps())
    mine = copy.deepcopy(model.state_dict())
    engines = copy.deepcopy(engine.session.network.module.state_dict())
    before = engine.project(Unit(LAYER, 2), 1).pixels
    gradients = [p.requires_grad for p in model.parameters()]
    torch.manual_seed(1)
    np.random.seed(1)  # noqa: NPY002
    random.seed(1)
    states = torch.get_rng_state(), np.random.get_state()[1].copy(), random.getstate()  # noqa: NPY002
    sanity_check(engine, (LAYER, 2), progress=False)
    assert torch.equal(states[0], torch.get_rng_state())
    assert (states[1] == np.random.get_state()[1]).all()  # noqa: NPY002
    assert states[2] == random.getstate()
    for kept, now in (
        (mine, model.state_dict()),
        (engines, engine.session.network.module.state_dict()),
    ):
        assert kept.keys() == now.keys()
        assert all(torch.equal(kept[name], now[name]) for name in kept)
    assert model.training
    assert [p.requires_grad for p in model.parameters()] == gradients
    assert all(p.grad is None for p in model.parameters())
    assert not any(p.requires_grad for p in engine.session.network.module.parameters())
    assert called == []
    np.testing.assert_array_equal(engine.project(Unit(LAYER, 2), 1).pixels, before)


def test_the_seed_decides(engine: zf.Engine) -> None:
    first, again, other = (
        sanity_check(engine, (LAYER, 2), 1, seed=seed, progress=False) for seed in (4, 4, 5)
    )
    for one, two in zip(first.steps, again.steps, strict=True):
        np.testing.assert_array_equal(one.pixels, two.pixels)
    assert first.controls == again.controls
    assert (first.steps[-1].pixels != other.steps[-1].pixels).any()


def test_an_interrupt_keeps_the_modules_that_are_done(
    engine: zf.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = sanity_check(engine, (LAYER, 2), 1, progress=False)
    done, original = [], Stage.randomise_

    def randomise(self: Stage, generator: torch.Generator) -> None:
        done.append(self.name)
        if len(done) == 3:
            raise KeyboardInterrupt
        original(self, generator)

    monkeypatch.setattr(Stage, "randomise_", randomise)
    with pytest.warns(UserWarning, match=f"2 of {len(whole.modules)} modules randomised"):
        found = sanity_check(engine, (LAYER, 2), 1, progress=False)
    assert not found.complete
    assert found.controls == whole.controls
    for one, other in zip(found.steps, whole.steps[:3], strict=True):
        np.testing.assert_array_equal(one.pixels, other.pixels)


def test_steps_can_be_left_at_any_time(engine: zf.Engine) -> None:
    steps = sanity_steps(engine, Unit(LAYER, 2), 1, "deconvnet", seed=0)
    result = next(steps)
    assert len(result.steps) == 1
    assert not result.complete
    steps.close()
    assert engine.project(Unit(LAYER, 2), 1).pixels.any(), "the engine isn't locked"


# ---------------------------------------------------------------- which modules, and how


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


# ---------------------------------------------------------------- what the model's code hides


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


# ---------------------------------------------------------------- similarity and records


def test_similarity_sees_no_scale_but_sees_sign() -> None:
    picture = np.random.default_rng(0).normal(size=(11, 8, 3)).astype(np.float32)
    same, flipped = compare(picture, picture * 700), compare(picture, -picture)
    assert (same.rank, same.rank_absolute, same.ssim) == pytest.approx((1, 1, 1))
    assert flipped.rank == pytest.approx(-1)
    assert flipped.rank_absolute == pytest.approx(1)
    assert flipped.ssim < 0


def test_what_cannot_be_compared_is_nan() -> None:
    picture = np.random.default_rng(0).normal(size=(11, 8, 3)).astype(np.float32)
    empty = compare(picture, np.zeros_like(picture))
    assert np.isnan([empty.rank, empty.rank_absolute, empty.ssim]).all()
    thin = compare(picture[:, :2], picture[:, :2])
    assert thin.rank == pytest.approx(1)
    assert np.isnan(thin.ssim)
    with pytest.raises(InputError, match=r"\(11, 8, 3\) and \(8, 11, 3\)"):
        compare(picture, picture.transpose(1, 0, 2))


def test_a_table_and_a_sheet(engine: zf.Engine) -> None:
    result = sanity_check(engine, (LAYER, 2), 1, controls=2, progress=False)
    frame = result.to_frame()
    assert len(frame) == 5 + len(result.controls)
    assert frame["module"].tolist()[:5] == ["(trained)", "7", "4", "1", "0"]
    assert frame["parameters"].tolist()[1:5] == [730, 440, 24, 456]
    np.testing.assert_allclose(frame["rank"][:5], result.curve("rank"), rtol=1e-6)
    sheet = result.to_pil(columns=3, size=50)
    assert sheet.width == 3 * 58
    with pytest.raises(InputError, match="Unknown measure 'mse'"):
        result.curve("mse")
    with pytest.raises(InputError, match="Unknown kind"):
        result.control("photo")


# ---------------------------------------------------------------- bad input


def test_missing_packages_are_named(engine: zf.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("scipy.stats", "skimage.metrics"):
        with monkeypatch.context() as patch:
            patch.setitem(sys.modules, name, None)
            with pytest.raises(MissingDependency, match=r"pip install 'zfwidgets\[sanity\]'"):
                sanity_check(engine, (LAYER, 2), 1, progress=False)


def test_bad_arguments_are_named(engine: zf.Engine) -> None:
    def check(*arguments: object, **more: object) -> None:
        sanity_check(*arguments, progress=False, **more)

    with pytest.raises(UnknownLayer, match="no layer 'conv9'"):
        check(engine, ("conv9", 0))
    with pytest.raises(InputError, match="channels 0 to 9, got 10"):
        check(engine, (LAYER, 10))
    with pytest.raises(InputError, match="Unknown rule 'lrp'"):
        check(engine, (LAYER, 0), rule="lrp")
    with pytest.raises(InputError, match=r"expected a zf\.Engine, got str"):
        check("engine", (LAYER, 0))
    with pytest.raises(InputError, match=r"Expected a Unit or \(layer, channel\)"):
        check(engine, LAYER)
    with pytest.raises(InputError, match="controls is -1"):
        check(engine, (LAYER, 0), controls=-1)


def test_a_channel_that_is_never_active_is_named() -> None:
    model = chain()
    with torch.no_grad():
        model[7].weight[3] = 0
        model[7].bias[3] = -1
    engine = make_engine(model)
    with pytest.raises(InactiveUnit, match=r"Channel 3 of layer '8' isn't active in any of the 6"):
        sanity_check(engine, (LAYER, 3), progress=False)
    with pytest.raises(InactiveUnit):
        sanity_check(engine, (LAYER, 3), 0, progress=False)
