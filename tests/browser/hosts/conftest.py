"""What the tests of all hosts share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page

import zfwidgets as zf
from tests.browser import cdn
from tests.waiting import MILLISECONDS


@pytest.fixture(scope="session")
def engine() -> zf.Engine:
    """The engine of the hosts' pages, once more in this process."""
    return zf.Engine(zf.samples.network(), zf.samples.photos(), cache=False)


@pytest.fixture
def page(lab_context: BrowserContext, root: Path) -> Iterator[Page]:
    """A page that reaches this machine alone; what hosts take from a CDN comes from here."""
    page = lab_context.new_page()
    page.set_default_timeout(MILLISECONDS)
    cdn.serve(page, root)
    yield page
    page.close()
