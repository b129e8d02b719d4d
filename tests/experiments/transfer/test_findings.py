"""Sentences on a transfer are what its numbers say, ties and confounds among them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import zfwidgets as zf
from zfwidgets.experiments.transfer.records.accuracies import (
    BiasRecord,
    CurveRecord,
    FeatureShape,
    LayersRecord,
    TransferRecord,
)
from zfwidgets.experiments.transfer.records.precision import LabelsRecord
from zfwidgets.experiments.transfer.widget_parts import about_bias
from zfwidgets.language.words import Words

SHAPE = FeatureShape("high", (8, 3, 3), (3, 3))


def layers(*means: float, spread: float = 0.0, grids: tuple[int, ...] = ()) -> LayersRecord:
    """Two splits around each mean."""
    values = np.array([[mean - spread, mean + spread] for mean in means], np.float32)
    shapes = tuple(
        FeatureShape(f"layer{n}", (8, 6, 6), (grid, grid))
        for n, grid in enumerate(grids or [3] * len(means))
    )
    return LayersRecord(shapes, {"svm": values}, 5, 5, tuple("abcd"), 0, {})


def bias(accuracy: list[float], distance: list[float]) -> BiasRecord:
    classes = tuple(f"class{n}" for n in range(len(accuracy)))
    numbers = np.arange(len(accuracy))
    return BiasRecord(
        classes,
        np.array(accuracy, np.float32)[:, None],
        np.array(distance, np.float32),
        1.0,
        numbers,
        numbers,
        numbers,
        9,
        SHAPE,
        "svm",
        5,
        0,
    )


def curve(features: list[float], scratch: list[float]) -> CurveRecord:
    found = {
        "pretrained": np.array(features, np.float32)[:, None],
        "from scratch": np.array(scratch, np.float32)[:, None],
    }
    return CurveRecord(np.array([1, 4]), found, SHAPE, "svm", 5, tuple("abcd"), 0)


@pytest.mark.parametrize(
    ("means", "spread", "best", "verdict"),
    [
        ((0.25, 0.5, 0.75), 0.0, "layer2", "It rises up to the best, one of the last, as in the"),
        ((0.25, 0.75, 0.5), 0.0, "layer1", "It rises up to the best, one of the last, as in the"),
        ((0.25, 0.9, 0.5, 0.4), 0.0, "layer1", "It rises up to the best and falls above it, unli"),
        ((0.25, 0.5, 0.4, 0.75), 0.0, "layer3", "It doesn't rise from layer to layer, unlike"),
        ((0.25, 0.5, 0.4, 0.75), 0.05, "layer3", "It rises up to the best, but for steps within"),
        ((0.75, 0.5, 0.25), 0.0, "layer0", "It doesn't rise from layer to layer, unlike"),
        ((0.25, 0.75, 0.75), 0.0, "layer1, layer2", "It rises up to the best, one of the last"),
    ],
)
def test_whether_accuracy_rises_from_layer_to_layer(means, spread, best, verdict) -> None:
    (text,) = TransferRecord(layers(*means, spread=spread)).findings
    start = f"By linear SVM {best} is best ({max(means):.1%}); layer0 has {means[0]:.1%}"
    assert text.startswith(start)
    assert f"guessing 25%. {verdict}" in text


def test_layers_that_are_averaged_to_other_grids_are_said_to_be() -> None:
    *_, text = TransferRecord(layers(0.25, 0.5, grids=(3, 1))).findings
    assert text.startswith("Layers are averaged to 3 x 3, 1 x 1 places, so that none has more")
    assert "than 72 numbers" in text
    assert "can't be told apart" in text
    assert len(TransferRecord(layers(0.25, 0.5, grids=(3, 3))).findings) == 1


def test_few_images() -> None:
    (text,) = TransferRecord(curve=curve([0.5, 0.9], [0.25, 0.6])).findings
    assert text == (
        "Features with 4 of each class tell 90% right; from scratch 4 of each class give 60%."
    )
    (text,) = TransferRecord(curve=curve([0.3, 0.4], [0.25, 0.6])).findings
    assert "more than features with as many (40%)" in text
    _, text = TransferRecord(curve=curve([0.5, 0.9], [0.25, 0.26])).findings
    assert "hardly better than guessing (25%)" in text


def test_classes_that_tie_are_counted_and_leave_the_correlation_without_meaning() -> None:
    record = bias([1, 1, 1, 1, 0.5], [1.0, 1.1, 1.2, 1.3, 0.9])
    assert record.tied == 4
    best, rank = TransferRecord(bias=record).findings
    assert best == "Told best: 4 of 5 classes alike (100%); worst: class4 (50%)."
    assert "It says nothing, whatever its sign: 4 of 5 classes" in rank
    assert "4 of 5 classes are told equally well" in about_bias(record, Words("en"))
    (alike,) = TransferRecord(bias=bias([0.5] * 3, [1, 2, 3])).findings
    assert alike == "All 3 classes are told equally well (50%)."


@pytest.mark.parametrize(("distance", "how"), [([1, 2, 3, 4], "better"), ([4, 3, 2, 1], "worse")])
def test_the_sign_of_the_correlation_is_put_in_words(distance, how) -> None:
    record = bias([0.25, 0.5, 0.5, 1], distance)
    best, rank = TransferRecord(bias=record).findings
    assert best == "Told best: class3 (100%); worst: class0 (25%)."
    assert rank.endswith(f"the farther a class, the {how} it is told.")
    assert "equally well" not in about_bias(record, Words("en"))


def test_classes_that_random_order_finds_as_well_are_named() -> None:
    record = LabelsRecord(
        tuple("abc"),
        np.array([[0.9], [0.22], [np.nan]], np.float32),
        np.array([0.25, 0.2, 0.5], np.float32),
        SHAPE,
        30,
        20,
    )
    about, poor = record.findings
    assert "Mean average precision 0.56 over 2 classes, in random order 0.2" in about
    assert "30 pictures to learn from, 20 to test, 1 times" in about
    assert poor == "Hardly better than random order: b (0.22, random 0.20)."
    assert "spread" not in record.to_frame()
    twice = replace(record, precision=np.repeat(record.precision, 2, 1))
    assert twice.to_frame()["spread"].tolist()[:2] == [0, 0]
    assert len(replace(record, precision=np.array([[0.9], [0.5], [0.9]], np.float32)).findings) == 1
    assert replace(record, precision=np.full((3, 1), np.nan, np.float32)).findings == ()


def test_the_recorded_transfer_says_where_it_cant_tell() -> None:
    texts = zf.experiments.recorded("transfer").result.findings
    assert any("It says nothing, whatever its sign" in text for text in texts)
    assert any("4 x 4, 2 x 2, 1 x 1" in text for text in texts)
