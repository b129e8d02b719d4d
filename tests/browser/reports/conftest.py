"""A small network's report with the network inside, for all that opens it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser

import zfwidgets as zf
from tests import portable_networks
from tests.browser.reports.alive_page import CHANNEL, LAYER, Alive
from zfwidgets.widgets.bundle import STATIC


@pytest.fixture(scope="session")
def alive_engine() -> Any:
    if not (STATIC / "report_alive.js").exists():
        pytest.fail("The JavaScript isn't built: run `python js/hatch_build.py`.")
    engine = portable_networks.engine("SqueezeNet")
    engine.index(progress=False)
    return engine


@pytest.fixture(scope="session")
def alive_report(alive_engine: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("report") / "alive.html"
    explorer = zf.Explorer(alive_engine, layer=LAYER, channel=CHANNEL, stride=9, patch=(12, 15))
    layers = ["features.0", "features.3", LAYER, "features.6"]
    zf.save_report(
        explorer, path, layers=layers, images=[0], alive=True, precision="float32",
        # Within a budget, what is left would be filled with projections: here they are computed.
        budget=None, licence="CC0, drawn for a test", progress=False,
    )  # fmt: skip
    return path


@pytest.fixture(scope="session")
def own_photo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A photo of the reader's own, of another size and shape."""
    rng = np.random.default_rng(8)
    rows, columns = np.mgrid[0:131, 0:90] / 17
    waves = np.stack([np.sin(rows * a + columns) for a in (1.0, 0.6, 1.4)], -1)
    pixels = (120 + 60 * waves + rng.normal(0, 20, waves.shape)).clip(0, 255).astype(np.uint8)
    path = tmp_path_factory.mktemp("own") / "own.png"
    Image.fromarray(pixels).save(path)
    return path


@pytest.fixture
def alive(browser: Browser) -> Iterator[Alive]:
    context = browser.new_context(viewport={"width": 1500, "height": 1200})
    yield Alive(context)
    context.close()
