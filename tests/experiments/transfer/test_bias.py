"""Distances to training images, networks from scratch, and networks drawn anew."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr
from sklearn.linear_model import LogisticRegression
from torch import nn
from torch.utils.data import TensorDataset

import zfwidgets as zf
from tests.experiments.transfer.small import (
    DATA,
    NETWORK,
    OPTIONS,
    accuracy,
    pictures,
    plain_features,
    scaled,
)
from zfwidgets.errors import InputError
from zfwidgets.experiments import (
    transfer_bias,
    transfer_bias_steps,
    transfer_curve,
    transfer_curve_steps,
)
from zfwidgets.experiments.shared.labelled import Labelled
from zfwidgets.experiments.transfer.splits import Plan
from zfwidgets.records import Progress


def test_a_network_from_scratch_that_diverges_is_noted_and_the_others_are_trained(engine):
    built = []

    def build() -> nn.Module:
        built.append(NETWORK.build(1))
        if len(built) == 2:
            with torch.no_grad():
                built[-1].conv1.weight.fill_(float("inf"))
        return built[-1]

    record = transfer_curve(
        engine, DATA, counts=[2, 5], scratch=build, scratch_training={"epochs": 1}, **OPTIONS
    )
    assert np.isnan(record.accuracies["from scratch"]).sum() == 1
    assert np.isnan(record.accuracies["from scratch"][1, 0])
    assert any(
        "From scratch on 5 of each class, split 1: The loss of step 1" in n for n in record.notes
    )
    assert np.isfinite(record.mean("from scratch")).all()


def test_the_curve_is_the_classifiers_on_nested_images(engine):
    record = transfer_curve(engine, DATA, counts=[9, 2], test_images=15, **OPTIONS)
    assert list(record.counts) == [2, 9]
    assert record.shape.layer == "relu3"
    labels = DATA.tensors[1].numpy()
    images = Labelled.of(DATA)
    split = Plan.of(images, 9, 15, 2, 4).split(images, np.arange(90), 1)
    plain = plain_features(engine, DATA.tensors[0])["relu3"]
    for place, count in enumerate((2, 9)):
        train = split.train(count)
        one, other = scaled(plain[train], plain[split.test])
        model = LogisticRegression(C=10, max_iter=2000).fit(one, labels[train])
        wanted = np.mean(accuracy(model, other, labels[split.test]))
        assert record.accuracies["pretrained"][place, 1] == pytest.approx(wanted, abs=0.02)
    assert list(record.to_frame()["images per class"]) == [2, 9]


def test_a_network_from_scratch_sees_the_same_images(engine):
    training = {"epochs": 3, "batch": 8, "rate": 0.02}
    record = transfer_curve(
        engine,
        DATA,
        counts=[3, 10],
        test_images=15,
        scratch=NETWORK,
        scratch_training=training,
        **OPTIONS,
    )
    assert record.complete
    images = Labelled.of(DATA)
    split = Plan.of(images, 10, 15, 2, 4).split(images, np.arange(90), 1)
    train = split.train(10)
    model = NETWORK.build(5)
    pairs = [(DATA.tensors[0][i], int(DATA.tensors[1][i])) for i in train]
    zf.experiments.train(model, pairs, seed=5, progress=False, **training)
    predicted = model.eval()(DATA.tensors[0][split.test]).argmax(1).numpy()
    labels = DATA.tensors[1].numpy()[split.test]
    wanted = np.mean([(predicted[labels == c] == c).mean() for c in range(3)])
    assert record.accuracies["from scratch"][1, 1] == pytest.approx(wanted)


def test_the_same_network_drawn_anew(engine):
    before = copy.deepcopy(engine.session.network.module.state_dict())
    state = torch.get_rng_state()
    record = transfer_curve(
        engine, DATA, counts=[2], scratch="same", scratch_training={"epochs": 1}, **OPTIONS
    )
    assert record.complete
    assert torch.equal(state, torch.get_rng_state())
    after = engine.session.network.module.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
    with pytest.raises(InputError, match=r"gives \(1, 3\) for one image, the data has 5 classes"):
        transfer_curve(engine, pictures(60, 1, classes=5), scratch="same", **OPTIONS)
    with pytest.raises(InputError, match="scratch is a Sequential: expected"):
        transfer_curve(engine, DATA, scratch=NETWORK.build(), **OPTIONS)


def test_bad_counts(engine):
    with pytest.raises(InputError, match="expected numbers of images"):
        transfer_curve(engine, DATA, counts=[0, 3], **OPTIONS)
    with pytest.raises(InputError, match="too few to learn from 40"):
        transfer_curve(engine, DATA, counts=[2, 40], **OPTIONS)
    with pytest.raises(InputError, match="Fewer images than folds: 2 training"):
        transfer_curve(engine, DATA, counts=[2, 9], strength=[1, 2], **OPTIONS)
    default = transfer_curve(engine, DATA, repeats=1, progress=False)
    assert list(default.counts) == [1, 2, 5, 10, 20]


def test_distances_are_those_of_a_plain_search(engine):
    record = transfer_bias(engine, DATA, train_images=8, **OPTIONS)
    trained_on = pictures(30, 1).tensors[0]
    here = plain_features(engine, DATA.tensors[0])["relu3"].astype(np.float64)
    there = plain_features(engine, trained_on)["relu3"].astype(np.float64)
    own = [min(np.linalg.norm(there[i] - there[j]) for j in range(30) if j != i) for i in range(30)]
    assert record.typical == pytest.approx(np.median(own), rel=1e-4)
    wanted = [min(np.linalg.norm(one - other) for other in there) for one in here]
    np.testing.assert_allclose(record.distances * record.typical, wanted, rtol=1e-3)
    nearest = [int(np.argmin([np.linalg.norm(one - other) for other in there])) for one in here]
    assert list(record.nearest) == nearest
    labels = DATA.tensors[1].numpy()
    wanted = [record.distances[labels == c].mean() for c in range(3)]
    np.testing.assert_allclose(record.distance, wanted, rtol=1e-6)
    assert record.training_images == 30
    ranks = spearmanr(record.distance, record.accuracy).statistic
    assert record.rank_correlation == pytest.approx(ranks)
    frame = record.to_frame()
    assert frame["accuracy"].is_monotonic_increasing


def test_what_is_far_away_has_a_larger_distance(engine):
    """Class 2's photos are unlike the training ones, the others are those very photos."""
    pixels, labels = pictures(30, 1).tensors
    strange = torch.cat([pixels, pixels[:10] * 6 + 2])
    data = TensorDataset(strange, torch.cat([labels % 2, torch.full((10,), 2)]))
    record = transfer_bias(engine, data, train_images=5, **OPTIONS)
    assert record.distance[0] == pytest.approx(0, abs=1e-3)
    assert record.distance[2] > 2
    assert list(record.nearest[:30]) == list(range(30))
    assert record.notes[0].startswith(
        "30 of 40 photos are among the training images, or nearly (image 0 is image 0, by their "
    )


def test_distances_in_blocks_are_the_same(engine, monkeypatch):
    whole = transfer_bias(engine, DATA, train_images=5, **OPTIONS)
    monkeypatch.setattr("zfwidgets.experiments.transfer.bias._BLOCK", 7)
    parts = transfer_bias(engine, DATA, train_images=5, **OPTIONS)
    np.testing.assert_array_equal(whole.nearest, parts.nearest)
    np.testing.assert_allclose(whole.distances, parts.distances, rtol=1e-6)


def test_training_images_of_ones_own(engine):
    with pytest.raises(InputError, match="one training image only"):
        list(transfer_bias_steps(engine, DATA, training=[DATA.tensors[0][3]]))
    record = transfer_bias(
        engine, DATA, training=pictures(12, 9), layer="pool1", train_images=5, **OPTIONS
    )
    assert record.training_images == 12
    assert record.shape.layer == "pool1"


def test_curve_steps_tell_how_far_a_network_from_scratch_is(engine):
    told = [
        step.what
        for step in transfer_curve_steps(
            engine, DATA, counts=[2], repeats=1, scratch=NETWORK, scratch_training={"epochs": 2}
        )
        if isinstance(step, Progress)
    ]
    assert any(what.startswith("from scratch, 2 of each class, epoch 1 of 2") for what in told)


def test_layers_with_parameters_that_cannot_be_drawn_anew():
    class Scale(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.factor = nn.Parameter(torch.ones(1))

        def forward(self, pixels: torch.Tensor) -> torch.Tensor:
            return pixels * self.factor

    model = nn.Sequential(Scale(), *NETWORK.build())
    engine = zf.Engine(model, DATA, cache=False, denormalize=([0.5] * 3, [0.5] * 3))
    with pytest.raises(InputError, match="parameters of '0' can't be drawn anew"):
        transfer_curve(engine, DATA, scratch="same", **OPTIONS)
