"""An engine without torch, reports of it, and hostile names."""

from __future__ import annotations

import dataclasses

import ipywidgets
import pytest

import zfwidgets as zf
from tests.unbuilt import stand_in
from tests.widgets import numpy_engine

LAYERS = ("conv1", "relu1", "conv2")
LOOK = {"stride": 4, "patch": (6, 8)}


@pytest.fixture(autouse=True)
def built(monkeypatch, tmp_path_factory):
    stand_in(monkeypatch, tmp_path_factory.mktemp("static"))


@pytest.fixture(autouse=True)
def closed_afterwards():
    yield
    ipywidgets.Widget.close_all()


@pytest.fixture
def engine():
    return numpy_engine.NumpyEngine().built()


@pytest.fixture
def explorer(engine):
    return zf.Explorer(engine, layer="conv2", channel=3, **LOOK)


@pytest.fixture
def save(explorer, tmp_path):
    """Save a report of the explorer; its path."""

    def save(name="report.html", widgets=explorer, **choices):
        choices = {"layers": LAYERS, "images": [2, 5], "progress": False, **choices}
        return zf.save_report(widgets, tmp_path / name, **choices).path

    return save


def renamed(engine, **changes):
    """The engine, as if its info were another."""
    engine.info = dataclasses.replace(engine.info, **changes)
    return engine
