"""A class's server is killed in mid-lesson: the page says so, and goes on when it is back."""

from __future__ import annotations

import os
import re
from pathlib import Path

from playwright.sync_api import expect

from tests.browser.conftest import Lab
from tests.classroom.test_restart import port_of, server
from tests.waiting import MILLISECONDS

OPEN = """import zfwidgets as zf
explorer = zf.Explorer(zf.connect({url!r}), layer="conv2", channel=3)
explorer"""


def test_a_page_says_that_its_server_is_gone_and_goes_on(lab: Lab) -> None:
    with server() as (process, url):
        notebook = lab.show([OPEN.format(url=url)])
        notebook.expect_settled()
        page = notebook.page
        process.kill()
        process.wait()
        page.locator('.zf-layer[data-layer="conv1"]').click()
        said = page.get_by_text(re.compile("The server .* can't be reached")).first
        expect(said).to_be_visible(timeout=MILLISECONDS)
        patches = page.locator(".zf-patches").get_by_text(re.compile("can't be reached"))
        expect(patches.first).to_be_visible(timeout=MILLISECONDS)
        if shots := os.environ.get("ZFWIDGETS_SHOTS"):
            page.screenshot(path=Path(shots) / "server_gone.png")
        with server(port_of(url)):
            expect(said).to_be_hidden(timeout=MILLISECONDS)
            notebook.expect_settled()
            expect(page.locator(".zf-error")).to_have_count(0)
            if shots:
                page.screenshot(path=Path(shots) / "server_back.png")
