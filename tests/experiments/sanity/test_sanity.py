"""The sanity check against a slow plain computation, and what it leaves untouched."""

from __future__ import annotations

import copy
import random
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy.stats import rankdata
from torch import Tensor, nn

import zfwidgets as zf
from tests.experiments.sanity.plain import LAYER, Pictures, chain, make_engine
from zfwidgets.engine.projection.sanity.randomise import Stage
from zfwidgets.errors import InactiveUnit, InputError, MissingDependency, UnknownLayer
from zfwidgets.experiments import compare, sanity_check
from zfwidgets.experiments.sanity.check import sanity_steps
from zfwidgets.experiments.sanity.result import SanityControl, SanityResult, SanityStep
from zfwidgets.experiments.sanity.similarity import Similarity
from zfwidgets.records import Activation, Box, Unit


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
        assert ("not active" in step.note) == (step.value <= 0)


def test_silenced_units_are_among_those_compared(engine: zf.Engine) -> None:
    """Else the test above wouldn't see that a silenced unit starts like the trained one."""
    notes = set()
    for channel in range(10):
        result = sanity_check(engine, (LAYER, channel), seed=3, controls=0, progress=False)
        notes |= {step.note for step in result.steps}
    silent = "not active: its trained activation is projected"
    assert {"", silent} <= notes
    assert len(silent) < 50, "pandas shows all of it"


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


# ---------------------------------------------------------------- what is said of it


def found(
    curve: list[float], same: list[float], other: list[float], values: list[float] | None = None
) -> SanityResult:
    """A check with these rank correlations; absolute ones are 0.3 higher in amount."""

    def alike(rank: float) -> Similarity:
        return Similarity(rank, abs(rank) + 0.3, 0.5)

    pixels, unit = np.ones((2, 3, 1), np.float32), Unit("conv", 7, 1, 2)
    names = ["", *(f"m{number}" for number in range(len(curve) - 1))]
    steps = tuple(
        SanityStep(name, 4, value, pixels, alike(rank))
        for name, rank, value in zip(names, curve, values or [5.0] * len(curve), strict=True)
    )
    controls = tuple(
        SanityControl(kind, unit, 0, alike(rank))
        for kind, ranks in (("same photo", same), ("other photo", other))
        for rank in ranks
    )
    box = Box(0, 0, 2, 3)
    activation = Activation(unit, 0, "a", 5.0, box)
    return SanityResult(activation, "deconvnet", 0, box, steps, tuple(names[1:]), controls)


def test_findings_say_what_lies_above_and_below_unrelated_units() -> None:
    own, end = found([1, 0.7, 0.3], [0.6, 0.8], [0.1, 0.2]).findings
    assert own.startswith("With the unit's own module m0 randomised, the rank correlation is 0.70")
    assert "0.60 to 0.80" in own
    assert own.endswith("tells little of which unit it is.")
    assert end.startswith("With all 2 modules randomised it is 0.30, and 0.10 to 0.20 with")
    assert "comes from the photo" in end
    own, end = found([1, 0.4, 0.15], [0.6, 0.8], [0.1, 0.2]).findings
    assert own.endswith("depends on the unit's own weights.")
    assert "exchanged" not in own
    assert end.endswith("nothing of the picture stays without what was learned.")
    (own, _) = found([1, 0.58, 0.1], [0.6], [0.1]).findings
    assert own.endswith("tells little of which unit it is."), "lower by a hair isn't lower"


def test_findings_name_reversals_and_silent_units() -> None:
    own, _, silent = found([1, -0.5, 0.1], [0.6], [0.1], [5.0, 0.0, 0.0]).findings
    assert "below zero: in part the same picture with light and dark exchanged (0.80" in own
    assert silent.startswith("In 2 of 2 randomised networks the unit isn't active.")
    assert found([1], [0.6], [0.1]).findings == (), "of the trained network alone"
    undone = replace(found([1, 0.7, 0.3], [0.6], [0.1]), modules=("m0", "m1", "m2"))
    assert len(undone.findings) == 1, "the end isn't there yet"


def test_the_photo_comes_first_on_the_sheet_if_it_is_given() -> None:
    result = found([1, 0.7, 0.3], [0.6], [0.1])
    photo = np.full((8, 8, 3), (200, 30, 10), np.uint8)
    with_photo, without = result.to_pil(size=80, photo=photo), result.to_pil(size=80)
    assert with_photo.getpixel((40, 40)) == (200, 30, 10)
    assert with_photo.crop((88, 0, 168, 80)).tobytes() == without.crop((0, 0, 80, 80)).tobytes()
