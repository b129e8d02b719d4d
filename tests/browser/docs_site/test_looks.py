"""Each page of the docs site looks as it did, some in the dark too: ``ZFWIDGETS_BASELINES=write``.

A baseline is the first screen of a page at half its size. It is written in letters of ours, so that
it is the same whatever fonts a machine has. Words of a line may change; where lines move, or a
panel, the pictures are to be written anew, and looked at. What doesn't look like its baseline is
left in ``test-results``: the baseline, the page, and where they differ.
"""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps
from playwright.sync_api import Browser, Frame, Page

from tests.browser.docs_site.conftest import SETTLED, UNITS
from tests.conftest import ROOT
from tests.waiting import MILLISECONDS

BASELINES = Path(__file__).with_name("baselines")
SMALLER = 2
"""Pixels of a page, each way, that are one of a baseline."""
BITS = 4
"""Of each colour, which a baseline keeps."""
VISIBLE = 40
"""Levels from which on two pixels differ."""
TOO_MANY = 0.005
"""The share of a page's pixels that may differ."""
BLOCK = 10
"""Pixels of a baseline, each way, over which the next is a mean."""
ELSEWHERE = 40.0
"""Levels by which any one place may differ: a button that isn't there differs by more."""

LETTERS = ROOT / "zfwidgets" / "drawing" / "data" / "letters.ttf"
STYLE = """\
@font-face {{ font-family: test-letters; src: url(data:font/ttf;base64,{letters}) }}
* {{ font-family: test-letters !important; scrollbar-width: none !important }}"""


def written_pages() -> list[str]:
    """Those that ``mkdocs.yml`` lists, as they are called on the site."""
    nav = (ROOT / "mkdocs.yml").read_text("utf-8").partition("\nnav:\n")[2].partition("\n\n")[0]
    return [re.sub(r"README$", "index", page) for page in re.findall(r": (\S+)\.md$", nav, re.M)]


REPORTS = [f"gallery/units/{report}" for report in UNITS]
PAGES = [*written_pages(), *REPORTS]
DARK = ["index", "api/engine", "docs/troubleshooting", "gallery/gallery", REPORTS[0]]
"""Pages that are looked at in the dark, too: one of each kind."""
LOOKS = [*((page, "light") for page in PAGES), *((page, "dark") for page in DARK)]


def test_no_page_lacks_its_baselines(site: Path) -> None:
    built = {path.relative_to(site).with_suffix("").as_posix() for path in site.rglob("*.html")}
    assert built - {"404"} == set(PAGES)
    kept = {path.name for path in BASELINES.iterdir()}
    assert kept == {baseline(*look).name for look in LOOKS}


@pytest.fixture
def screen(browser: Browser, site: Path, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A page in this scheme. It doesn't make the search ready, which takes most of the time."""
    context = browser.new_context(
        viewport={"width": 1280, "height": 900},
        color_scheme=request.param,
        reduced_motion="reduce",
        bypass_csp=True,  # a report allows no letters but its own
    )
    context.set_default_timeout(MILLISECONDS)
    context.set_offline(True)
    page = context.new_page()
    page.route("**/search/search_index.js*", lambda route: route.abort())
    yield page
    context.close()


@pytest.mark.parametrize(("name", "screen"), LOOKS, indirect=["screen"])
def test_pages_look_as_they_did(
    screen: Page, site: Path, name: str, request: pytest.FixtureRequest, output_path: str
) -> None:
    screen.goto((site / f"{name}.html").as_uri())
    letters = base64.b64encode(LETTERS.read_bytes()).decode()
    for frame in frames(screen):
        frame.add_style_tag(content=STYLE.format(letters=letters))
        frame.evaluate("() => document.fonts.ready.then(() => null)")
        if name in REPORTS or frame is not screen.main_frame:
            frame.locator(SETTLED).first.wait_for()
    assert_looks_like(screen, name, request.node.callspec.params["screen"], Path(output_path))


def frames(page: Page) -> list[Frame]:
    """The page's own, and the first live report on it: others load when they are seen."""
    first = page.locator(".zf-frame").first
    inside = first.element_handle().content_frame() if first.count() else None
    return [page.main_frame, *([inside] if inside else [])]


def assert_looks_like(page: Page, name: str, scheme: str, out: Path) -> None:
    shot = Image.open(BytesIO(page.screenshot(animations="disabled"))).convert("RGB")
    found = ImageOps.posterize(shot.reduce(SMALLER), BITS)
    file = baseline(name, scheme)
    if os.environ.get("ZFWIDGETS_BASELINES") == "write":
        file.parent.mkdir(exist_ok=True)
        found.save(file, lossless=True, quality=100, method=6)
    expected = Image.open(file).convert("RGB")
    assert expected.size == found.size
    differences = np.abs(np.asarray(expected, float) - np.asarray(found, float)).max(-1)
    share = (differences > VISIBLE).mean()
    places = np.abs(blocks(expected) - blocks(found)).mean(-1).max()
    if share <= TOO_MANY and places <= ELSEWHERE:
        return
    where = Image.fromarray(np.uint8(255 * (differences > VISIBLE)))
    out.mkdir(parents=True, exist_ok=True)
    for what, picture in {"baseline": expected, "page": found, "differences": where}.items():
        picture.save(out / f"{file.stem}.{what}.png")
    pytest.fail(
        f"{name}, {scheme}: {share:.1%} of its pixels differ (at most {TOO_MANY:.1%}), one place "
        f"by {places:.0f} levels (at most {ELSEWHERE:.0f}). Look at {out}; if it is as it should "
        "be, write it anew: ZFWIDGETS_BASELINES=write."
    )


def baseline(name: str, scheme: str) -> Path:
    return BASELINES / f"{name.replace('/', '-')}-{scheme}.webp"


def blocks(picture: Image.Image) -> np.ndarray:
    return np.asarray(picture.reduce(BLOCK), float)
