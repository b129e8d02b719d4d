"""Real photos on the sample network, with more to cover with."""

from __future__ import annotations

import pytest

import zfwidgets as zf
from tests.engine.occlusion.plain import BAND
from zfwidgets.engine.local import LocalEngine


@pytest.fixture(scope="module")
def engine() -> LocalEngine:
    baselines = {"sand": [0.5, 0.2, -0.4], "band": BAND.numpy(), "mirror": lambda x: x.flip(2)}
    return LocalEngine(zf.samples.network(), zf.samples.photos(), cache=False, baselines=baselines)
