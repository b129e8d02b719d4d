"""The docs site is alive: from disk without a network, and below any path of a static host."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Page, Response, expect

import zfwidgets as zf
from tests.browser import as_shown
from tests.browser.docs_site.conftest import SETTLED, UNITS
from tests.waiting import MILLISECONDS


def test_the_gallerys_frames_are_alive_from_disk(offline: Page, site: Path) -> None:
    offline.goto((site / "gallery/gallery.html").as_uri())
    frame = offline.frame_locator(".zf-frame").first
    frame.locator(SETTLED).first.wait_for()
    report, unit = next(iter(UNITS.items()))
    stored = zf.load_report(site / f"gallery/units/{report}.html")
    top = stored.top(unit.layer, unit.channel)
    assert len(top) == 9
    for rank, activation in enumerate(top, 1):
        canvas = frame.locator(f".zf-cell[data-rank='{rank}'] .zf-picture").first
        found = canvas_pixels(canvas)
        photo = stored.photo(activation.image)  # raises if the report lacks it
        place = as_shown.window(activation, found.shape[0], photo.shape)
        np.testing.assert_array_equal(found, photo[place])
    # The occluder answers too: other probabilities elsewhere.
    classes = frame.locator(".zf-classes").inner_text()
    occluder = frame.locator(".zf-occluder")
    for _ in range(5):
        occluder.press("ArrowRight")
    expect(frame.locator(".zf-classes")).not_to_have_text(classes, use_inner_text=True)


def test_the_search_finds_from_disk(offline: Page, site: Path) -> None:
    search(offline, site.as_uri())


def search(page: Page, address: str) -> None:
    page.goto(f"{address}/index.html")
    page.locator("input[name=query]").fill("occlude")
    page.locator(".md-search-result__link[href*='#zfwidgets.Engine.occlude']").first.click()
    there = re.escape(f"{address}/api/engine.html#zfwidgets.Engine.occlude")
    expect(page).to_have_url(re.compile(there))
    anchor = page.url.partition("#")[2]
    expect(page.locator(f"[id='{anchor}']")).to_be_in_viewport()


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Nothing: what a page didn't get the test hears of from the page."""


@pytest.fixture
def hosted(site: Path, tmp_path: Path) -> Iterator[str]:
    """Where a plain web server has the site, below its root."""
    (tmp_path / "some").mkdir()
    (tmp_path / "some" / "path").symlink_to(site, target_is_directory=True)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=tmp_path))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/some/path"
    server.shutdown()
    server.server_close()


def test_any_static_host_serves_it_below_any_path(page: Page, hosted: str) -> None:
    page.set_default_timeout(MILLISECONDS)
    answers: list[Response] = []
    page.on("response", lambda one: answers.append(one))
    search(page, hosted)
    page.get_by_role("link", name="Gallery", exact=True).first.click()
    expect(page).to_have_url(f"{hosted}/gallery/gallery.html")
    page.frame_locator(".zf-frame").first.locator(SETTLED).first.wait_for()
    asked = {one.url: one.status for one in answers if not one.url.startswith(("data:", "blob:"))}
    assert len(asked) > 10
    assert {url: said for url, said in asked.items() if said >= 400} == {}
    assert [url for url in asked if not url.startswith(f"{hosted}/")] == []


def canvas_pixels(canvas: Any) -> np.ndarray:
    rows, columns, data = canvas.evaluate(
        """canvas => {
          const {width, height} = canvas;
          const {data} = canvas.getContext("2d").getImageData(0, 0, width, height);
          return [height, width, Array.from(data)];
        }"""
    )
    return np.array(data, np.uint8).reshape(rows, columns, 4)[..., :3]


@pytest.mark.parametrize("report", UNITS)
def test_each_report_of_the_gallery_holds_what_its_channel_shows(site: Path, report: str) -> None:
    unit = UNITS[report]
    stored = zf.load_report(site / f"gallery/units/{report}.html")
    top = stored.top(unit.layer, unit.channel)
    assert len(top) == 9
    for activation in top:  # each raises if the report lacks it
        assert stored.photo(activation.image).shape == (224, 224, 3)
        assert not stored.project(activation.unit, activation.image).blank
    occluder = zf.Explorer(stored, auto=False).occluder
    assert (occluder["height"], occluder["width"]) == (48, 48)
