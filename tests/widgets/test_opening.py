"""The unit on which widgets open: one that sees a part of the photo, and stands out."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

import zfwidgets as zf
from tests.widgets import numpy_engine
from zfwidgets.errors import NotStored
from zfwidgets.records import LayerInfo, ReceptiveField
from zfwidgets.widgets.setting.opening import opening_channel, opening_layer, opening_unit

ROWS, COLUMNS = numpy_engine.ROWS, numpy_engine.COLUMNS


@pytest.fixture
def engine():
    return numpy_engine.NumpyEngine().built()


def layer(name: str, role: str, size: tuple[int, int], reach: str = "exact") -> LayerInfo:
    field = ReceptiveField(size, (1, 1), (0, 0), (ROWS, COLUMNS), reach)
    return LayerInfo(name, "Module", role, (3, 4, 5), field)


@pytest.mark.parametrize(
    ("fields", "opens"),
    [
        # 24 rows x 32 columns: 8 rows and 10 columns are a third
        ([("a", "block", (3, 3)), ("b", "block", (8, 8)), ("c", "block", (8, 11))], "b"),
        ([("a", "block", (3, 3)), ("b", "block", (9, 8)), ("d", "conv", (5, 5))], "a"),
        ([("a", "conv", (3, 3)), ("b", "conv", (8, 10)), ("c", "rectifier", (8, 10))], "b"),
        ([("a", "block", (20, 20)), ("b", "block", (24, 32))], "a"),
        ([("a", "linear", (24, 32)), ("b", "linear", (24, 32))], "a"),
    ],
)
def test_the_layer_is_the_deepest_that_sees_a_third_at_most(engine, monkeypatch, fields, opens):
    monkeypatch.setattr(engine, "layers", tuple(layer(*one) for one in fields))
    assert opening_layer(engine).name == opens


def test_a_layer_that_sees_everything_is_not_small(engine, monkeypatch):
    layers = (layer("a", "block", (3, 3)), layer("b", "block", (3, 3), "global"))
    monkeypatch.setattr(engine, "layers", layers)
    assert opening_layer(engine).name == "a"


def test_the_channel_stands_out_most_among_those_with_nine_photos(engine):
    """Against all activations, read one by one."""
    rectifier = engine.layer("relu1")
    images = range(len(engine.info.images))
    maps = np.stack([engine.forward(engine.input(image))["relu1"] for image in images])
    largest = maps.max((0, 2, 3))
    firing = (maps.max((2, 3)) > 0).sum(0)
    shares = np.where(firing >= 9, largest / np.maximum(maps.mean((0, 2, 3)), 1e-9), -1)
    assert (shares > 0).sum() > 1
    assert opening_channel(engine, rectifier) == shares.argmax()


def test_without_an_index_or_its_numbers_it_is_the_first(engine, monkeypatch):
    fresh = numpy_engine.NumpyEngine()
    assert not fresh.indexed
    assert opening_channel(fresh, fresh.layer("relu1")) == 0

    def nothing(name):
        raise NotStored("not in this report")

    monkeypatch.setattr(engine, "channels", nothing)
    assert opening_channel(engine, engine.layer("relu1")) == 0


def test_dead_channels_and_means_of_zero_never_win(engine, monkeypatch):
    known = engine.channels("relu1")
    count = len(known.mean)
    dead = dataclasses.replace(
        known,
        mean=np.zeros(count, np.float32),
        silent=np.ones(count, np.float32),
        strongest=np.zeros(count, np.float32),
    )
    monkeypatch.setattr(engine, "channels", lambda name: dead)
    assert opening_channel(engine, engine.layer("relu1")) == 0


def test_an_explorer_opens_there(engine):
    explorer = zf.Explorer(engine)
    assert explorer.selection.unit == opening_unit(engine)
