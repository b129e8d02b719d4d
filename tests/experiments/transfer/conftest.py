"""An engine of a small network."""

from __future__ import annotations

import pytest

import zfwidgets as zf
from tests.experiments.transfer.small import make_engine


@pytest.fixture(scope="module")
def engine() -> zf.Engine:
    return make_engine()
