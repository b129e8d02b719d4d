"""An engine without torch, all of whose numbers can be computed anew beside it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import ipywidgets
import pytest

import zfwidgets as zf
from tests.unbuilt import stand_in
from tests.widgets import numpy_engine


@pytest.fixture(autouse=True)
def built(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    stand_in(monkeypatch, tmp_path)


@pytest.fixture(autouse=True)
def closed_afterwards() -> Iterator[None]:
    yield
    ipywidgets.Widget.close_all()


@pytest.fixture(scope="session")
def engine():
    """Its index is built; tests change nothing of it."""
    return numpy_engine.NumpyEngine(images=24).built()


@pytest.fixture
def explorer(engine):
    return zf.Explorer(engine, layer="conv2", channel=3)
