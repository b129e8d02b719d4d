"""A channel's sanity number is the experiment's, and nothing of the engine changes."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import zfwidgets as zf
from zfwidgets.errors import InactiveUnit, InputError
from zfwidgets.experiments import sanity_check


@pytest.fixture(scope="module")
def engine():
    torch.manual_seed(3)
    model = nn.Sequential(
        nn.Conv2d(3, 6, 3), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(6, 5, 3), nn.BatchNorm2d(5), nn.ReLU(), nn.Flatten(), nn.LazyLinear(4),
    )  # fmt: skip
    pictures = torch.rand(7, 3, 14, 18)
    model(pictures[:1])
    with torch.no_grad():
        model[4].bias[2] = -1e6  # a dead channel
    return zf.Engine(model.eval(), list(pictures), transform=None, cache=False)


@pytest.mark.parametrize(("layer", "own"), [("1", 1), ("3", 1), ("5", 2)])
def test_it_is_a_step_of_the_cascade_and_its_end(engine, layer, own):
    channel = int(engine.channels(layer).strongest.argmax())
    steps = list(sanity_check(engine, (layer, channel), seed=4, progress=False).steps)
    number = engine.sanity_number(layer, channel, seed=4)
    names = tuple(step.module for step in steps[1:])
    assert number.modules == names
    assert number.own == names[:own]
    # Behind a batch norm these are the norm and the convolution.
    assert number.rank == steps[own].similarity.rank
    assert number.rank_all == steps[-1].similarity.rank
    unit = number.activation.unit
    there = engine.responses(number.activation.image, layer).maps[:, unit.row, unit.col]
    assert len(number.others) == min(8, int((there > 0).sum()) - 1)
    assert number.depends in ("hardly", "partly", "clearly")


def test_the_engine_and_the_random_state_stay_as_they_were(engine):
    channel = int(engine.channels("5").strongest.argmax())
    top = engine.top("5", channel, 1)
    picture = engine.project_all(top.activations)[0].pixels
    state = torch.get_rng_state()
    engine.sanity_number("5", channel)
    assert torch.equal(torch.get_rng_state(), state)
    assert (engine.project_all(top.activations)[0].pixels == picture).all()


def test_what_has_no_number_says_why(engine):
    with pytest.raises(InactiveUnit, match="isn't active"):
        engine.sanity_number("5", 2)
    with pytest.raises(InputError, match="guided"):
        engine.sanity_number("5", 1, "upwards")
