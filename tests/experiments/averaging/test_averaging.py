"""Ten crops and several models against loops written out."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import TensorDataset
from torchvision.transforms.v2 import functional as F

from zfwidgets.errors import InputError
from zfwidgets.experiments import average_models, average_models_steps
from zfwidgets.experiments.ablation.intervals import wilson
from zfwidgets.experiments.averaging.measuring import ten_crops
from zfwidgets.records import Progress

ROWS, COLUMNS, CROP = 14, 19, (9, 12)


def network(seed: int, classes: int = 7) -> nn.Sequential:
    generator = torch.Generator().manual_seed(seed)
    model = nn.Sequential(
        nn.Conv2d(3, 5, 3), nn.ReLU(), nn.Dropout(0.5), nn.Flatten(), nn.Linear(5 * 7 * 10, classes)
    )
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.3)
    return model.train()


def pictures(number: int = 37) -> TensorDataset:
    generator = torch.Generator().manual_seed(1)
    labels = torch.arange(number) % 7
    pixels = torch.randn(number, 3, ROWS, COLUMNS, generator=generator)
    return TensorDataset(pixels, labels)


MODELS = {"a": network(1), "b": network(2), "c": network(3)}


@pytest.fixture(scope="module")
def found():
    return average_models(MODELS, pictures(), crop=CROP, progress=False)


def test_crops_are_torchvisions():
    images = pictures().tensors[0][:2]
    plain = F.ten_crop(images, list(CROP))
    crops = ten_crops(images, CROP)
    assert crops.shape == (10, 2, 3, *CROP)
    # torchvision cuts out of the mirrored picture, and rounds the centre's place upwards.
    for ours, theirs in ((0, 0), (1, 1), (2, 2), (3, 3), (5, 6), (6, 5), (7, 8), (8, 7)):
        assert torch.equal(crops[ours], plain[theirs])
    assert torch.equal(crops[4], images[..., 2:11, 3:15])
    assert torch.equal(crops[9], crops[4].flip(-1))


def plain_errors(names: list[str], crops: int) -> tuple[float, float]:
    """Softmax by hand, picture by picture."""
    wrong = wrong_5 = 0
    pixels, labels = pictures().tensors
    for image, label in zip(pixels, labels.tolist(), strict=True):
        total = np.zeros(7)
        for name in names:
            cut = ten_crops(image[None], CROP)[:, 0]
            for crop in [cut[4]] if crops == 1 else cut:
                with torch.no_grad():
                    logits = network_of(name)(crop[None])[0].double().tolist()
                powers = [math.exp(value) for value in logits]
                total += np.array(powers) / sum(powers) / crops / len(names)
        rank = sum(value > total[label] for value in total)
        wrong += rank >= 1
        wrong_5 += rank >= 5
    return wrong / len(labels), wrong_5 / len(labels)


def network_of(name: str) -> nn.Module:
    return network({"a": 1, "b": 2, "c": 3}[name]).eval()


@pytest.mark.parametrize("crops", [1, 10])
@pytest.mark.parametrize("names", [["b"], ["a", "b", "c"]])
def test_errors_are_those_of_a_plain_loop(found, names, crops):
    row = found.row(tuple(names), crops)
    assert (row.error, row.error_5) == pytest.approx(plain_errors(names, crops))
    assert row.images == 37
    assert row.interval == wilson(row.error, 37)


def test_rows_and_frame(found):
    assert [(row.models, row.crops) for row in found.rows] == [
        *[((name,), crops) for name in MODELS for crops in (1, 10)],
        (("a", "b", "c"), 1),
        (("a", "b", "c"), 10),
    ]
    frame = found.to_frame()
    assert frame["models"].tolist()[-1] == "a, b, c"
    assert found.complete
    with pytest.raises(InputError, match=r"no row of d with 10 crops: there is a \(1\); a \(10\)"):
        found.row("d")


def test_modes_and_random_state_stay(found):
    assert all(model.training and model[2].training for model in MODELS.values())
    before = torch.get_rng_state()
    again = average_models(MODELS, pictures(), crop=CROP, progress=False)
    assert again == found
    assert torch.equal(before, torch.get_rng_state())


def test_steps_grow():
    steps = [*average_models_steps(network(1), pictures(), crop=CROP)]
    assert [(s.done, s.total) for s in steps if isinstance(s, Progress)] == [
        (16, 37),
        (32, 37),
        (37, 37),
    ]
    tables = [step for step in steps if not isinstance(step, Progress)]
    assert [one.rows[0].images for one in tables] == [16, 32, 37]
    assert [one.complete for one in tables] == [False, False, True]


def test_bad_input():
    with pytest.raises(InputError, match="Crops of 20 x 20 pixels don't fit into pictures of 14"):
        average_models(network(1), pictures(), crop=20, progress=False)
    with pytest.raises(InputError, match="There are no models"):
        average_models({}, pictures(), crop=CROP, progress=False)
    with pytest.raises(InputError, match="Model 'few': Sequential has 5 outputs, the data has 7"):
        average_models({"few": network(1, 5)}, pictures(), crop=CROP, progress=False)
    both = {"a": network(1), "more": network(1, 9)}
    with pytest.raises(InputError, match="Models give 7 and 9 class scores"):
        average_models(both, pictures(), crop=CROP, progress=False)
