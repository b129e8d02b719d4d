"""An Explorer in each host's real page shows the engine's pixels, and can be used."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import BrowserContext, Page, Route, expect

import zfwidgets as zf
from tests.browser import as_shown
from tests.browser.conftest import Lab, Notebook
from tests.browser.hosts.serving import CHANNEL, HOSTS, LAYER, Host
from tests.waiting import MILLISECONDS
from zfwidgets.demo.browser import SETTLED

LOCAL = re.compile(r"^https?://(127\.0\.0\.1|localhost)[:/]")


@pytest.fixture(scope="module")
def engine() -> zf.Engine:
    """The engine of the hosts' pages, once more in this process."""
    return zf.Engine(zf.samples.network(), zf.samples.photos(), cache=False)


@pytest.fixture
def page(lab_context: BrowserContext) -> Iterator[Page]:
    """A page that reaches this machine alone; what Panel takes from a CDN comes from here."""
    page = lab_context.new_page()
    page.set_default_timeout(MILLISECONDS)
    anywidget = Path(sys.prefix) / "share" / "jupyter" / "nbextensions" / "anywidget" / "index.js"

    def answer(route: Route) -> None:
        if LOCAL.match(route.request.url):
            route.continue_()
        elif "anywidget" in route.request.url:
            route.fulfill(path=anywidget, content_type="text/javascript")
        else:
            route.abort()

    page.route(re.compile("^https?://"), answer)
    yield page
    page.close()


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


def choose(page: Page, layer: str, channel: int) -> None:
    """As a person would: find the layer in the list, then go to the channel."""
    row = page.locator(f'[data-layer="{layer}"]').first
    row.click()
    expect(row).to_have_attribute("aria-selected", "true")
    page.locator(f'.zf-tile[data-channel="{channel}"]').click()
    heading = page.locator(".zf-patches h3")
    expect(heading).to_contain_text(f"{layer} : {channel}", timeout=MILLISECONDS)


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
