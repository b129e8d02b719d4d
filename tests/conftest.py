"""Fixtures that all tests share."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
EXTRA_DATA = Path(os.environ.get("ZFWIDGETS_TEST_DATA", ROOT.parent / "shared" / "data"))


def pytest_configure(config: pytest.Config) -> None:
    """Give all tests the same ground, wherever they are run."""
    if config.getoption("markexpr") != "gpu":  # what the others compare with is on the CPU
        os.environ["CUDA_VISIBLE_DEVICES"] = ""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as for what a script runs with "&"
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def root() -> Path:
    """Root of the checkout."""
    return ROOT


@pytest.fixture(scope="session")
def extra_data() -> Path:
    """Folder of larger data that isn't part of the repository (``ZFWIDGETS_TEST_DATA``)."""
    if not EXTRA_DATA.is_dir():
        pytest.skip(f"no extra test data in {EXTRA_DATA}; set ZFWIDGETS_TEST_DATA to its folder")
    return EXTRA_DATA
