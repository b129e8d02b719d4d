"""Fixtures that all tests share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
EXTRA_DATA = Path(os.environ.get("ZFWIDGETS_TEST_DATA", ROOT.parent / "shared" / "data"))


def pytest_configure(config: pytest.Config) -> None:
    """Hide GPUs from all tests but theirs, ``-m gpu``: what others compare with is on the CPU."""
    if config.getoption("markexpr") != "gpu":
        os.environ["CUDA_VISIBLE_DEVICES"] = ""


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
