"""What pages of published notebooks load from elsewhere, answered from this machine."""

from __future__ import annotations

import importlib.metadata
import re
from pathlib import Path

from playwright.sync_api import Page, Route

LOCAL = re.compile(r"^https?://(127\.0\.0\.1|localhost)[:/]")


def serve(page: Page, root: Path) -> None:
    """Let a page reach this machine alone, and the scripts that it takes from CDNs from here."""
    modules = root / "js" / "node_modules"
    files = {
        "require.min.js": modules / "requirejs" / "require.js",
        "embed-amd.js": modules / "@jupyter-widgets" / "html-manager" / "dist" / "embed-amd.js",
        "anywidget": anywidget(),
    }

    def answer(route: Route) -> None:
        url = route.request.url
        path = next((file for part, file in files.items() if part in url), None)
        if LOCAL.match(url):
            route.continue_()
        elif path:
            route.fulfill(path=path, content_type="text/javascript")
        else:
            route.abort()

    page.route(re.compile("^https?://"), answer)


def anywidget() -> Path:
    """Its extension of pages, as a distribution installs it."""
    files = importlib.metadata.files("anywidget") or ()
    end = ("nbextensions", "anywidget", "index.js")
    return Path(next(one for one in files if one.parts[-3:] == end).locate())
