"""Ablation: variants and their trainings."""

from __future__ import annotations

from contextlib import closing

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import TensorDataset

import zfwidgets as zf
from tests.experiments.small_variants import BASE, COLUMNS, ROWS, images
from zfwidgets.errors import InputError
from zfwidgets.experiments import AblationTable, ablate, train
from zfwidgets.experiments.ablation import (
    Architecture,
    ablation_steps,
    conv,
    fc,
    paper_variants,
)
from zfwidgets.experiments.ablation import trained as trained_variant
from zfwidgets.experiments.ablation.intervals import newcombe, wilson
from zfwidgets.records import Progress

# ---------------------------------------------------------------- variants


def by_hand(convs: list[tuple[int, int]], features: int, units: int) -> int:
    weights = sum(9 * before * after + after for before, after in convs)
    return weights + features * units + units + units * 3 + 3


def test_parameters_are_those_counted_by_hand():
    # 12 x 17, pooled with ceil to 6 x 8, conv3 without padding 4 x 6
    assert BASE.parameters == by_hand([(3, 5), (5, 5), (5, 7)], 7 * 4 * 6, 11)
    assert BASE.without("conv2").parameters == by_hand([(3, 5), (5, 7)], 7 * 4 * 6, 11)
    assert BASE.without("conv3").parameters == by_hand([(3, 5), (5, 5)], 5 * 6 * 8, 11)
    wider = BASE.widths(conv2=9, fc4=20)
    assert wider.parameters == by_hand([(3, 5), (5, 9), (9, 7)], 7 * 4 * 6, 20)
    assert wider.without("conv1").title == "conv2 9, fc4 20, without conv1"
    assert BASE.title == "", "the base stays as it is"
    for variant in (BASE, wider, BASE.without("fc4", "conv1")):
        model = variant.build()
        assert sum(p.numel() for p in model.parameters()) == variant.parameters
        assert model.eval()(torch.zeros(2, 3, ROWS, COLUMNS)).shape == (2, 3)


def test_a_layer_goes_with_its_rectifier_and_dropout():
    assert list(dict(BASE.without("fc4").build().named_children())) == [
        *("conv1", "relu1", "pool1", "conv2", "relu2", "conv3", "relu3", "flatten", "fc5")
    ]


def test_seeds_decide_and_random_numbers_stay():
    before = torch.get_rng_state()
    one, same, other = BASE.build(1), BASE.build(1), BASE.build(2)
    assert BASE.parameters == BASE.without("conv2").widths(conv1=5).parameters + 5 * 5 * 9 + 5
    assert torch.equal(before, torch.get_rng_state())
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), same.parameters(), strict=True))
    assert not torch.equal(one[0].weight, other[0].weight)
    assert not any(p.any() for n, p in one.named_parameters() if n.endswith("bias"))


def test_the_papers_network_is_read_from_its_model():
    model = zf.models.zfnet_small(7, size=(64, 72))
    base = Architecture.of(model, (3, 64, 72))
    built = base.build()
    assert {n: p.shape for n, p in built.named_parameters()} == {
        n: p.shape for n, p in model.named_parameters()
    }
    assert list(dict(built.named_children())) == list(dict(model.named_children()))
    built.load_state_dict(model.state_dict())
    pixels = torch.randn(2, 3, 64, 72, generator=torch.Generator().manual_seed(1))
    assert torch.equal(built.eval()(pixels), model.eval()(pixels))
    variants = paper_variants(base)
    assert len(variants) == 9
    assert variants["as it is"] is base
    names = variants["without conv3, conv4, fc6, fc7"].names
    assert [n for n in names if n[0] in "cf"] == ["conv1", "conv2", "conv5", "fc8"]
    assert variants["fc6 512, fc7 512"].parameters > base.parameters
    both = variants["conv3 128, conv4 256, conv5 128, fc6 512, fc7 512"]  # the table's last row
    heads = {
        name: sum(p.numel() for p in one.build().fc7.parameters())
        for name, one in (("both", both), ("base", base))
    }
    assert heads == {"both": 512 * 513, "base": 256 * 257}


def test_batch_norm_follows_its_channels():
    base = Architecture([conv("a", 4, 3, norm=nn.BatchNorm2d), fc("b", 2)], (3, 6, 7))
    again = Architecture.of(base.build(), (3, 6, 7))
    assert again.parameters == base.parameters
    wide = again.widths({"a": 9})
    assert wide.build()[1].num_features == 9


def test_units_that_do_not_exist_in_a_variant():
    with pytest.raises(InputError, match=r"no layer 'conv9'. Nearest names: conv\d"):
        BASE.without("conv9")
    with pytest.raises(InputError, match=r"no layer 'conv2'.*its layers are conv1, pool1, conv3"):
        BASE.without("conv2").widths(conv2=8)
    with pytest.raises(InputError, match="'fc5' is the last layer"):
        BASE.without("fc5")
    with pytest.raises(InputError, match="number of classes"):
        BASE.widths(fc5=4)
    with pytest.raises(InputError, match="'pool1' has no width"):
        BASE.widths(pool1=4)
    with pytest.raises(InputError, match=r"conv3 is to be 0 wide"):
        BASE.widths(conv3=0)
    with pytest.raises(InputError, match=r"'conv3' of layer 'conv3' can't be built on maps"):
        Architecture(BASE.layers, (3, 3, 4)).build()
    with pytest.raises(InputError, match="Two layers are called 'a'"):
        Architecture([conv("a", 2, 3), fc("a", 2)], (3, 5, 5))
    with pytest.raises(InputError, match=r"isn't a torch.nn.Sequential"):
        Architecture.of(nn.Linear(2, 2), (3, 5, 5))
    with pytest.raises(InputError, match="no layer 'conv4'"):
        paper_variants(BASE)


# ---------------------------------------------------------------- trained variants

TRAINING = {"epochs": 2, "batch": 16, "rate": 0.02, "seed": 3}
VARIANTS = {
    "as it is": BASE,
    "no conv2": BASE.without("conv2"),
    "own": lambda: nn.Sequential(nn.Flatten(), nn.Linear(3 * ROWS * COLUMNS, 3)),
}


def test_each_row_is_a_training_by_itself():
    data, held_out = images(), images(30, seed=1)
    table = ablate(VARIANTS, data, validation=held_out, progress=False, **TRAINING)
    assert table.complete
    for name in ("as it is", "no conv2"):
        model = VARIANTS[name].build(3)
        alone = train(model, data, validation=held_out, progress=False, **TRAINING)
        row = table[name]
        np.testing.assert_array_equal(row.training.losses, alone.losses)
        assert row.train_error == alone.train_error[-1]
        model.eval()
        wrong = (model(held_out.tensors[0]).argmax(1) != held_out.tensors[1]).float().mean()
        assert row.validation_error == pytest.approx(float(wrong))
    assert table["own"].parameters == 3 * 3 * ROWS * COLUMNS + 3
    frame = table.to_frame()
    assert list(frame["variant"]) == list(VARIANTS)
    assert list(frame["epochs"]) == [2, 2, 2]


def test_variants_are_gone_on_with(tmp_path):
    data = images()
    whole = ablate(VARIANTS, data, progress=False, **TRAINING)
    with closing(ablation_steps(VARIANTS, data, folder=tmp_path, **TRAINING)) as steps:
        for step in steps:
            if isinstance(step, Progress) and step.done == 8:  # in the second variant
                break
    assert step.total == 3 * 6
    stopped = AblationTable.load(tmp_path)
    assert [row.training is not None for row in stopped.rows] == [True, True, False]
    assert stopped.rows[1].training.steps == 2
    told = [
        step.done
        for step in ablation_steps(VARIANTS, data, folder=tmp_path, **TRAINING)
        if isinstance(step, Progress)
    ]
    assert min(told) == 6 + 3, "what is done isn't done again"
    for one, other in zip(whole.rows, AblationTable.load(tmp_path).rows, strict=True):
        np.testing.assert_array_equal(one.training.losses, other.training.losses)
        np.testing.assert_array_equal(one.training.train_error, other.training.train_error)
        assert (one.name, one.parameters) == (other.name, other.parameters)


def test_a_trained_variant_is_given_back(tmp_path):
    data = images()
    table = ablate(VARIANTS, data, folder=tmp_path, progress=False, **TRAINING)
    model = trained_variant(VARIANTS, tmp_path, "no conv2")
    wrong = (model(data.tensors[0]).argmax(1) != data.tensors[1]).float().mean()
    assert table["no conv2"].train_error == pytest.approx(float(wrong))
    assert not model.training
    with pytest.raises(InputError, match="no variant 'x'"):
        trained_variant(VARIANTS, tmp_path, "x")
    with pytest.raises(InputError, match="holds the training of another network"):
        trained_variant({"as it is": VARIANTS["own"]}, tmp_path, "as it is")
    with pytest.raises(InputError, match="can't be read as a zfwidgets training"):
        trained_variant(VARIANTS, tmp_path / "elsewhere", "own")


def test_the_time_is_shared_by_the_variants():
    table = ablate(VARIANTS, images(), seconds=0.0, progress=False, **TRAINING)
    assert [row.training.steps for row in table.rows] == [1, 1, 1]
    assert "were over" in table.rows[0].note
    assert not table.complete


class Interrupts(nn.Module):
    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        if self.training:
            import _thread

            _thread.interrupt_main()
        return pixels


def test_an_interrupt_keeps_the_table():
    interrupting = lambda: nn.Sequential(Interrupts(), *BASE.build(0))  # noqa: E731
    variants = {"first": BASE, "second": interrupting, "third": BASE}
    with pytest.warns(UserWarning, match="1 of 3 variants are trained to the end"):
        table = ablate(variants, images(), progress=False, **TRAINING)
    assert table.rows[0].training.complete
    assert table.rows[1].training.steps == 1
    assert table.rows[2].training is None
    assert np.isnan(table.rows[2].train_error)


def test_a_variant_that_diverges_is_named_and_the_others_are_trained():
    def broken() -> nn.Module:
        model = BASE.build(0)
        with torch.no_grad():
            model[0].bias[1] = float("inf")
        return model

    table = ablate({"bad": broken, "good": BASE}, images(), progress=False, **TRAINING)
    assert "loss of step 1" in table["bad"].note
    assert table["good"].training.complete


def test_bad_variants_and_data():
    one = TensorDataset(images().tensors[0], torch.ones(48, dtype=torch.int64))
    with pytest.raises(InputError, match="one class only"):
        ablate(VARIANTS, one, progress=False, **TRAINING)
    with pytest.raises(InputError, match="'model' is a Sequential: expected an Architecture"):
        ablate({"model": BASE.build()}, images(), progress=False, **TRAINING)
    with pytest.raises(InputError, match="'string' built a str"):
        ablate({"string": lambda: "model"}, images(), progress=False, **TRAINING)
    with pytest.raises(InputError, match="There are no variants"):
        ablate({}, images(), progress=False, **TRAINING)
    few = {"fine": lambda: nn.Sequential(nn.Flatten(), nn.Linear(612, 5)), "few": BASE}
    with pytest.raises(InputError, match=r"Variant 'few': .*3 outputs, the data has 5 classes"):
        next(ablation_steps(few, images(classes=5), **TRAINING))  # not when the first is trained
    small = {"fine": BASE, "small": lambda: nn.Sequential(nn.Flatten(), nn.Linear(600, 3))}
    with pytest.raises(
        InputError, match=r"'small' can't be shown a picture of shape \(3, 12, 17\)"
    ):
        next(ablation_steps(small, images(), **TRAINING))
    with pytest.raises(TypeError, match="'epoch'"):
        next(ablation_steps([BASE], images(), epoch=3))
    with pytest.raises(InputError, match="no variant 'x'"):
        ablate([BASE], images(), progress=False, **TRAINING)["x"]


def test_intervals_are_wilsons_and_newcombes():
    stats = pytest.importorskip("scipy.stats")
    for wrong, number in ((0, 30), (7, 30), (15, 48), (240, 240)):
        wanted = stats.binomtest(wrong, number).proportion_ci(method="wilson")
        assert wilson(wrong / number, number) == pytest.approx((wanted.low, wanted.high))
    # Newcombe (1998), table II, method 10
    assert newcombe(56 / 70, 70, 48 / 80, 80) == pytest.approx((0.0524, 0.3339), abs=5e-5)
    assert newcombe(9 / 10, 10, 3 / 10, 10) == pytest.approx((0.1705, 0.8090), abs=5e-5)
    assert np.isnan(wilson(float("nan"), 30)).all()
    assert np.isnan(wilson(0.5, 0)).all()


def test_a_table_says_what_so_many_images_can_tell():
    table = ablate(VARIANTS, images(), validation=images(30, 1), progress=False, **TRAINING)
    one, other = table["own"], table["as it is"]
    assert one.validation_interval == wilson(one.validation_error, 30)
    difference, low, high = table.difference("own", "as it is")
    assert difference == one.validation_error - other.validation_error
    assert (low, high) == newcombe(one.validation_error, 30, other.validation_error, 30)
    table = ablate([BASE], images(), progress=False, **TRAINING)
    assert np.isnan(table.rows[0].validation_interval).all()
