"""An engine of a small network."""

from __future__ import annotations

import pytest

import zfwidgets as zf
from tests.experiments.sanity.plain import make_engine


@pytest.fixture
def engine() -> zf.Engine:
    return make_engine()
