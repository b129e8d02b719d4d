"""The sample network on the photos that the package ships."""

from __future__ import annotations

import pytest

import zfwidgets as zf
from zfwidgets.engine.local import LocalEngine


@pytest.fixture(scope="module")
def engine() -> LocalEngine:
    return LocalEngine(zf.samples.network(), zf.samples.photos(), cache=False)
