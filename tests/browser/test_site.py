"""The docs site: built strictly, whole, alive from disk without a network."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import zlib
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import numpy as np
import pytest
from filelock import FileLock
from PIL import Image
from playwright.sync_api import Browser, Page, expect

import zfwidgets as zf
from tests.browser import as_shown
from tests.conftest import ROOT
from tests.waiting import MILLISECONDS, PROGRAM

pytest.importorskip("mkdocs", reason="needs what `pip install --group docs` brings")

BUILD = Path("build", "tests")  # Zensical takes nothing but relative paths below its project
BASELINES = Path(__file__).with_name("baselines")
BLOCK = 20
"""Pixels of a page, each way, of which a baseline keeps the mean: letters differ, pages don't."""
SETTLED = ".zf-root[data-zf-settled='true']"
UNIT = zf.samples.gallery[0]
TOO_MUCH = 2.0
"""Levels by which a page's blocks may differ from its baseline's, on average."""
ELSEWHERE = 40.0
"""Levels by which any one of them may: a picture or a panel that isn't there differs by more."""


def run(*command: object, html: str = "html") -> str:
    environment = {
        **os.environ,
        "ZFWIDGETS_SITE": str(BUILD / "site"),
        "ZFWIDGETS_HTML": str(BUILD / html),
        "NO_MKDOCS_2_WARNING": "1",
        "PYTHONPATH": str(ROOT),
    }
    result = subprocess.run(
        [sys.executable, *map(str, command)],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=PROGRAM,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout + result.stderr


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site as Material for MkDocs builds it, warnings being errors; one for all processes."""
    base = tmp_path_factory.getbasetemp()
    mark = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "site-is-built"
    with FileLock(f"{mark}.lock"):
        if not mark.exists():
            run(".ci/site", "--units", 1, "--no-run", "--out", ROOT / BUILD / "site")
            run("-m", "mkdocs", "build", "--strict")
            mark.touch()
    return ROOT / BUILD / "html"


def inventory(html: Path) -> set[str]:
    """Names that the pages describe, from what Sphinx's and MkDocs' sites offer to others."""
    data = (html / "objects.inv").read_bytes()
    text = zlib.decompress(data.split(b"\n", 4)[4]).decode()
    return {line.split(" ")[0] for line in text.splitlines()}


def public_names() -> set[str]:
    names = set()
    for name in set(zf.__all__) - {"__version__"}:
        value = getattr(zf, name)
        if not isinstance(value, type(zf)):
            names.add(f"zfwidgets.{name}")
        elif name == "errors":
            names |= {f"zfwidgets.errors.{e}" for e, v in vars(value).items() if is_error(v)}
        else:
            names |= {f"zfwidgets.{name}.{part}" for part in value.__all__}
    return names


def is_error(value: object) -> bool:
    return isinstance(value, type) and issubclass(value, zf.errors.ZfError)


class Links(HTMLParser):
    """What a page links to, what it loads, and its anchors."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.anchors: set[str] = {""}
        self.feed(page.read_text("utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        self.anchors |= {found[name] for name in ("id", "name") if name in found}
        if "src" in found:
            self.loads.append(found["src"])
        if tag == "link" and found.get("rel") in ("stylesheet", "icon", "preload"):
            self.loads.append(found["href"])
        elif "href" in found:
            self.links.append(found["href"])


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[Path, Links]:
    # Where a missing page would be is known to nobody, so that 404.html has absolute links.
    paths = (p for p in site.rglob("*.html") if p.parent.name != "units" and p.name != "404.html")
    return {path.resolve(): Links(path) for path in paths}


def test_every_public_name_is_described(site: Path) -> None:
    assert public_names() - inventory(site) == set()


def test_troubleshooting_quotes_what_pages_say(root: Path) -> None:
    text = (root / "docs" / "troubleshooting.md").read_text("utf-8")
    known = json.loads((root / "js" / "src" / "lib" / "language" / "de.json").read_text("utf-8"))
    quoted = [one for one in re.findall(r'"([^"\n]+[.\u2026])"', text) if "..." not in one]
    assert len(quoted) > 5
    assert [one for one in quoted if one not in known] == []


def test_every_link_leads_somewhere(pages: dict[Path, Links]) -> None:
    """Those within the site: no test asks other sites."""
    assert len(pages) > 30
    lost = []
    for page, found in pages.items():
        for link in [*found.links, *found.loads]:
            if re.match(r"(https?|mailto|data|javascript):", link):
                continue
            path, _, anchor = unquote(link).partition("#")
            target = (page.parent / path).resolve() if path else page
            known = pages[target].anchors if target in pages else {"", anchor}
            if not target.exists() or anchor not in known:
                lost.append(f"{page.name}: {link}")
    assert lost == []


def test_pages_load_nothing_from_elsewhere(site: Path, pages: dict[Path, Links]) -> None:
    far = re.compile(r"(https?:)?//")
    for page, found in pages.items():
        assert [one for one in found.loads if far.match(one)] == [], page
    for style in site.rglob("*.css"):
        addresses = re.findall(r"url\(['\"]?([^)'\"]+)", style.read_text("utf-8"))
        assert [one for one in addresses if far.match(one)] == [], style


def test_zensical_builds_the_same_pages(site: Path) -> None:
    pytest.importorskip("zensical", reason="needs what `pip install --group docs` brings")
    run("-m", "zensical", "build", "--strict", "--clean", html="zensical")
    other = ROOT / BUILD / "zensical"

    def built(html: Path) -> set[Path]:
        return {path.relative_to(html) for path in html.rglob("*.html")}

    assert built(other) == built(site)
    assert public_names() - inventory(other) == set()


@pytest.fixture
def offline(browser: Browser, site: Path, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A page without a network, of which it is an error to ask for one."""
    scheme = getattr(request, "param", "light")
    context = browser.new_context(viewport={"width": 1200, "height": 900}, color_scheme=scheme)
    context.set_default_timeout(MILLISECONDS)
    context.set_offline(True)
    page = context.new_page()
    asked: list[str] = []
    page.on("request", lambda one: asked.append(one.url))
    yield page
    context.close()
    assert [url for url in asked if not re.match("file:|data:|blob:", url)] == []


def test_the_gallerys_frames_are_alive_from_disk(offline: Page, site: Path) -> None:
    offline.goto((site / "gallery/gallery.html").as_uri())
    frame = offline.frame_locator(".zf-frame").first
    frame.locator(SETTLED).first.wait_for()
    stored = zf.load_report(site / f"gallery/units/{UNIT.layer}-{UNIT.channel}.html")
    top = stored.top(UNIT.layer, UNIT.channel)
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
    offline.goto((site / "index.html").as_uri())
    offline.locator("input[name=query]").fill("occlude")
    offline.locator(".md-search-result__link", has_text="occlude").first.click()
    expect(offline).to_have_url((site / "api/engine.html").as_uri() + "#zfwidgets.Engine.occlude")
    expect(offline.locator("[id='zfwidgets.Engine.occlude']")).to_be_in_viewport()


def canvas_pixels(canvas: Any) -> np.ndarray:
    rows, columns, data = canvas.evaluate(
        """canvas => {
          const {width, height} = canvas;
          const {data} = canvas.getContext("2d").getImageData(0, 0, width, height);
          return [height, width, Array.from(data)];
        }"""
    )
    return np.array(data, np.uint8).reshape(rows, columns, 4)[..., :3]


@pytest.mark.parametrize("offline", ["light", "dark"], indirect=True)
@pytest.mark.parametrize("name", ["index", "gallery/gallery", "api/engine", "docs/troubleshooting"])
def test_pages_look_as_they_did(
    offline: Page, site: Path, name: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """Baselines are of blocks: ``ZFWIDGETS_BASELINES=write`` writes them anew.

    A text that changes in what is seen first is enough for that.
    """
    scheme = request.node.callspec.params["offline"]
    offline.goto((site / f"{name}.html").as_uri())
    for frame in offline.locator(".zf-frame").all():
        frame.content_frame.locator(SETTLED).first.wait_for()
    offline.evaluate("() => document.fonts.ready.then(() => null)")
    shot = tmp_path / "page.png"
    offline.screenshot(path=shot, animations="disabled")
    found = Image.open(shot).convert("RGB").reduce(BLOCK)
    baseline = BASELINES / f"{name.replace('/', '-')}-{scheme}.png"
    if os.environ.get("ZFWIDGETS_BASELINES") == "write":
        baseline.parent.mkdir(exist_ok=True)
        found.save(baseline)
    expected = np.asarray(Image.open(baseline).convert("RGB"), float)
    differences = np.abs(np.asarray(found, float) - expected).mean(-1)
    off = differences.mean(), differences.max()
    hint = f"Look at {shot}; if it is as it should be: ZFWIDGETS_BASELINES=write"
    assert off[0] < TOO_MUCH, hint
    assert off[1] < ELSEWHERE, hint
