"""An engine without torch, all of whose numbers can be computed anew beside it."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path

import ipywidgets
import pytest

import zfwidgets as zf

_path = Path(__file__).parents[1] / "widgets" / "numpy_engine.py"
_spec = importlib.util.spec_from_file_location("numpy_engine", _path)
numpy_engine = sys.modules.setdefault("numpy_engine", importlib.util.module_from_spec(_spec))
if not hasattr(numpy_engine, "NumpyEngine"):
    _spec.loader.exec_module(numpy_engine)

MODULES = ("question", "worksheet", "explorer", "patch_grid", "report", "selection")


@pytest.fixture(autouse=True)
def built(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Python's tests don't need the built JavaScript: any ES module will do."""
    from zfwidgets.widgets import bundle

    for module in MODULES:
        (tmp_path / f"{module}.js").write_text("export default {};")
    monkeypatch.setattr(bundle, "STATIC", tmp_path)


@pytest.fixture(autouse=True)
def closed_afterwards() -> Iterator[None]:
    yield
    ipywidgets.Widget.close_all()


@pytest.fixture(scope="session")
def engine():
    """Its index is built; tests change nothing of it."""
    engine = numpy_engine.NumpyEngine(images=24)
    for _ in engine.index_steps():
        pass
    return engine


@pytest.fixture
def explorer(engine):
    return zf.Explorer(engine, layer="conv2", channel=3)
