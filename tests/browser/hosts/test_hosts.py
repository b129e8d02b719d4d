"""An Explorer in each host's real page shows the engine's pixels, and can be used."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, expect

import zfwidgets as zf
from tests.browser import as_shown
from tests.browser.conftest import Lab, Notebook
from tests.browser.hosts.serving import CHANNEL, HOSTS, LAYER, Host, choose
from tests.waiting import MILLISECONDS
from zfwidgets.demo.browser import SETTLED


def shown(page: Page, rank: int) -> np.ndarray:
    """The pixels of a patch's canvas."""
    expect(page.locator(SETTLED)).to_be_visible(timeout=MILLISECONDS)
    return Notebook.canvas_pixels(page.locator(".zf-cell").nth(rank).locator("canvas").first)


def patch(engine: zf.Engine, layer: str, channel: int, rank: int) -> np.ndarray:
    """A patch of the engine's, cut out the slow way."""
    top = engine.top(layer, channel)
    side = as_shown.side_of(engine.project_all(top.activations))
    photo = engine.photo(top[rank].image)
    return photo[as_shown.window(top[rank], side, photo.shape)]


@pytest.mark.parametrize("host", HOSTS, ids=lambda host: host.name)
def test_an_explorer_shows_the_engines_pixels(
    host: Host, lab: Lab, page: Page, engine: zf.Engine, tmp_path: Path
) -> None:
    host.require()
    with host.serve(lab, tmp_path) as show:
        show(page)
        np.testing.assert_array_equal(shown(page, 0), patch(engine, LAYER, CHANNEL, 0))
        errors: list[str] = []  # from now on: hosts have some of their own while they start
        page.on("pageerror", lambda error: errors.append(str(error)))
        choose(page, "features.4", 3)
        np.testing.assert_array_equal(shown(page, 1), patch(engine, "features.4", 3, 1))
        if host.says:
            expect(page.locator("body")).to_contain_text(host.says, timeout=MILLISECONDS)
        if shots := os.environ.get("ZFWIDGETS_SHOTS"):
            page.screenshot(path=Path(shots) / f"host-{host.name}.png")
    assert errors == []
