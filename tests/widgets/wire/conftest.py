"""A source of the NumPy engine's records, and jobs."""

from __future__ import annotations

import pytest

from tests.widgets.wire.heard import LONG
from zfwidgets.widgets.wire.jobs import Jobs
from zfwidgets.widgets.wire.source import Source


@pytest.fixture
def source(indexed):
    return Source(indexed)


@pytest.fixture
def jobs():
    jobs = Jobs(heartbeat=LONG, pause=0)
    yield jobs
    jobs.stop()
