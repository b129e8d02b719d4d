"""What the tests of all hosts share."""

from __future__ import annotations

import importlib.metadata
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, Route

import zfwidgets as zf
from tests.waiting import MILLISECONDS

LOCAL = re.compile(r"^https?://(127\.0\.0\.1|localhost)[:/]")


@pytest.fixture(scope="session")
def engine() -> zf.Engine:
    """The engine of the hosts' pages, once more in this process."""
    return zf.Engine(zf.samples.network(), zf.samples.photos(), cache=False)


@pytest.fixture
def page(lab_context: BrowserContext) -> Iterator[Page]:
    """A page that reaches this machine alone; what Panel takes from a CDN comes from here."""
    page = lab_context.new_page()
    page.set_default_timeout(MILLISECONDS)
    files = importlib.metadata.files("anywidget") or ()
    anywidget = next(
        one for one in files if one.parts[-3:] == ("nbextensions", "anywidget", "index.js")
    )

    def answer(route: Route) -> None:
        if LOCAL.match(route.request.url):
            route.continue_()
        elif "anywidget" in route.request.url:
            route.fulfill(path=Path(anywidget.locate()), content_type="text/javascript")
        else:
            route.abort()

    page.route(re.compile("^https?://"), answer)
    yield page
    page.close()
