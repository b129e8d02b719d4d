"""The docs site, built once for all tests, and pages of it without a network."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from filelock import FileLock
from playwright.sync_api import Browser, Page

import zfwidgets as zf
from tests.conftest import ROOT
from tests.waiting import MILLISECONDS, PROGRAM

BUILD = Path("build", "tests")  # Zensical takes nothing but relative paths below its project
UNITS = {f"{unit.layer}-{unit.channel}": unit for unit in zf.samples.gallery}
"""Channels of the gallery, by their reports."""
SETTLED = ".zf-root[data-zf-settled='true']"


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
    """The site as Material for MkDocs builds it, warnings being errors; one for all processes.

    It has the whole gallery, with small reports, but of the tutorial the cells alone.
    """
    pytest.importorskip("mkdocs", reason="needs what `pip install --group docs` brings")
    base = tmp_path_factory.getbasetemp()
    mark = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "site-is-built"
    with FileLock(f"{mark}.lock"):
        if not mark.exists():
            run(".ci/site", "--quick", "--out", ROOT / BUILD / "site")
            run("-m", "mkdocs", "build", "--strict")
            mark.touch()
    return ROOT / BUILD / "html"


@pytest.fixture
def offline(browser: Browser, site: Path) -> Iterator[Page]:
    """A page without a network, of which it is an error to ask for one."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.set_default_timeout(MILLISECONDS)
    context.set_offline(True)
    page = context.new_page()
    asked: list[str] = []
    page.on("request", lambda one: asked.append(one.url))
    yield page
    context.close()
    assert [url for url in asked if not re.match("file:|data:|blob:", url)] == []
