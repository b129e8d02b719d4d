"""An Explorer in each host's real page shows the engine's pixels, and can be used."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, expect

import zfwidgets as zf
from tests.browser import cdn
from tests.browser.conftest import Lab
from tests.browser.hosts.pixels import patch, shown
from tests.browser.hosts.serving import CHANNEL, HOSTS, LAYER, Host, choose
from tests.waiting import MILLISECONDS
from zfwidgets.demo.browser import SETTLED

STILL = 'img[alt^="zfwidgets"], .output_jpeg img, .jp-RenderedImage img'
"""Where hosts put the still picture of a widget, which isn't shown beside a live one."""


@pytest.mark.parametrize("host", HOSTS, ids=lambda host: host.name)
def test_an_explorer_shows_the_engines_pixels(
    host: Host, lab: Lab, page: Page, engine: zf.Engine, tmp_path: Path
) -> None:
    host.require()
    with host.serve(lab, tmp_path) as show:
        show(page)
        expect(page.locator(SETTLED)).to_be_visible(timeout=MILLISECONDS)
        np.testing.assert_array_equal(
            shown(page.locator("body"), 0), patch(engine, LAYER, CHANNEL, 0)
        )
        assert page.locator(STILL).filter(visible=True).count() == 0
        errors: list[str] = []  # from now on: hosts have some of their own while they start
        page.on("pageerror", lambda error: errors.append(str(error)))
        choose(page, "features.4", 3)
        expect(page.locator(SETTLED)).to_be_visible(timeout=MILLISECONDS)
        np.testing.assert_array_equal(
            shown(page.locator("body"), 1), patch(engine, "features.4", 3, 1)
        )
        if host.says:
            expect(page.locator("body")).to_contain_text(host.says, timeout=MILLISECONDS)
        if shots := os.environ.get("ZFWIDGETS_SHOTS"):
            page.screenshot(path=Path(shots) / f"host-{host.name}.png")
    assert errors == []


MANY = [host for host in HOSTS if host.name in ("Panel", "Solara", "marimo")]
"""Where one process has the pages of many visitors."""


@pytest.mark.parametrize("host", MANY, ids=lambda host: host.name)
def test_a_second_visitor_has_a_page_of_his_own(
    host: Host, lab: Lab, page: Page, engine: zf.Engine, root: Path, tmp_path: Path
) -> None:
    host.require()
    with host.serve(lab, tmp_path) as show:
        show(page)
        expect(page.locator(SETTLED)).to_be_visible(timeout=MILLISECONDS)
        np.testing.assert_array_equal(
            shown(page.locator("body"), 0), patch(engine, LAYER, CHANNEL, 0)
        )
        with page.context.new_page() as second:
            cdn.serve(second, root)
            show(second)
            expect(second.locator(SETTLED)).to_be_visible(timeout=MILLISECONDS)
            np.testing.assert_array_equal(
                shown(second.locator("body"), 0), patch(engine, LAYER, CHANNEL, 0)
            )
            choose(second, "features.4", 3)
            expect(second.locator(SETTLED)).to_be_visible(timeout=MILLISECONDS)
            np.testing.assert_array_equal(
                shown(second.locator("body"), 1), patch(engine, "features.4", 3, 1)
            )
        expect(page.locator(".zf-patches h3")).to_contain_text(f"{LAYER} : {CHANNEL}")
