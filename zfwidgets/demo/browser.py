"""Pages in a real, headless Chromium: which one, started how, and a picture of the Explorer."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from ..errors import MissingDependency, ZfError

CHROMIUM_ARGUMENTS = (
    "--no-sandbox",  # containers and root have none; the pages are our own
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
SECONDS = 600
"""How long the Explorer may take until everything that was asked for is painted."""
SETTLED = '.zf-explorer[data-zf-settled="true"]'

_PROGRAMS = (
    "chromium",
    "chromium-browser",
    "google-chrome-stable",
    "google-chrome",
    "chrome",
    "msedge",
    "microsoft-edge",
)
_PLACES = {
    "darwin": (
        "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
        "/Applications/Chromium.app/Contents/MacOS/Chromium",
        "/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
    ),
    "win32": (
        r"%ProgramFiles%\Google\Chrome\Application\chrome.exe",
        r"%ProgramFiles(x86)%\Google\Chrome\Application\chrome.exe",
        r"%LocalAppData%\Google\Chrome\Application\chrome.exe",
        r"%ProgramFiles(x86)%\Microsoft\Edge\Application\msedge.exe",
    ),
}
_INSTALL = {
    "darwin": "`brew install --cask chromium`",
    "win32": "`winget install Google.Chrome`",
}


class PageError(ZfError, RuntimeError):
    """The page didn't show what it was to show."""


def find_chromium() -> str | None:
    """Path of a Chromium, Chrome or Edge on this machine, or None."""
    for name in _PROGRAMS:
        if path := shutil.which(name):
            return path
    for place in map(os.path.expandvars, _PLACES.get(sys.platform, ())):
        if Path(place).is_file():
            return place
    return None


def require_browser() -> str:
    """Path of a browser that playwright can drive; MissingDependency says what is to install."""
    if importlib.util.find_spec("playwright") is None:
        raise MissingDependency("Driving a browser needs playwright: `pip install playwright`.")
    path = find_chromium()
    if path is None:
        command = _INSTALL.get(sys.platform, "`sudo apt-get install chromium fonts-dejavu-core`")
        raise MissingDependency(
            f"No Chromium or Chrome was found on this machine; {command} installs one."
        )
    return path


def shoot(url: str, image: Path, *, chromium: str, say: Callable[[str], None]) -> None:
    """Open a notebook in JupyterLab, wait for the Explorer to settle, take its picture, save.

    Parameters
    ----------
    url : str
        Page of a JupyterLab that exposes its application.
    image : Path
        PNG to write, two device pixels a CSS pixel.
    chromium : str
        Browser to start.
    say : callable
        Told about progress.
    """
    from playwright.sync_api import Error, TimeoutError, sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium, args=list(CHROMIUM_ARGUMENTS)
        )
        try:
            page = browser.new_page(viewport={"width": 1720, "height": 1400}, device_scale_factor=2)
            problems: list[str] = []
            page.on("pageerror", lambda error: problems.append(str(error)))
            page.goto(url)
            explorer = page.locator(SETTLED).first
            try:
                explorer.wait_for(timeout=SECONDS * 1000)
            except TimeoutError:
                failed = image.with_name("failed.png")
                page.screenshot(path=failed)
                raise PageError(
                    f"The Explorer didn't settle within {SECONDS} s: no element matches "
                    f"{SETTLED}. The page is in {failed}; its errors: {problems or 'none'}."
                ) from None
            explorer.scroll_into_view_if_needed()
            explorer.screenshot(path=image, animations="disabled")
            say("the Explorer has settled")
            # What JupyterLab saves is what a reader of the file finds, late pictures included.
            page.evaluate("window.jupyterapp.commands.execute('docmanager:save')")
        except Error as error:
            raise PageError(f"The browser failed: {error}") from error
        finally:
            browser.close()
