"""Whether memory stays flat in an hour of use: random clicks in Chromium against a real JupyterLab.

Plays what a person might do, drawn by a seed: layers, channels, patches, photos, rules, menus,
buttons, keys, a dragged occluder, scrolling. The numbers are taken after the first acts, in the
middle and at the end, each after a garbage collection in page and kernel. With ``--reruns`` the
cell is also run again every minute, which makes a new Explorer in the place of the old one.

Prints what it counts (`_page_memory.Gauge`) every tenth of the time and, as its last line, one JSON
object.

    python -m benchmarks.page.long_use [--minutes 60] [--seed 0] [--reruns]
"""

from __future__ import annotations

import argparse
import json
import random
import time
from contextlib import ExitStack
from typing import Any

import nbformat
from playwright.sync_api import Error, Page

from benchmarks import harness
from benchmarks.page._lab_page import READY, TIMEOUT, chromium, lab
from benchmarks.page._page_memory import Gauge
from zfwidgets.demo.browser import SETTLED

CELLS = (
    "import zfwidgets as zf\n"
    "engine = zf.Engine(zf.samples.network(), zf.samples.photos(), cache=False)",
    "explorer = zf.Explorer(engine, layer='features.7', channel=42, auto=False)\nexplorer",
)
ACT_MS = 8000
"""Longest that one act may take; what can't be clicked by then is left."""
WARM_UP = 40
"""Acts before the first numbers."""

LAYER, CHANNEL, PATCH = "[data-layer]", ".zf-tile[data-channel]", '.zf-cell[data-state="ready"]'
PHOTO = ".zf-thumb"
BUTTON = "button:not([disabled]):not(.zf-thumb):not(.zf-tile)"
# What leaves the widget: file dialogs, downloads, the whole screen, the camera.
LEAVES = ("own photo", "photo of your own", "camera", "full screen", "save", "png", "csv", "npz")

RERUN = """() => {
  window.jupyterapp.shell.currentWidget.content.activeCellIndex = 1;
  return window.jupyterapp.commands.execute("notebook:run-cell").then(() => null);
}"""


class User:
    """Somebody who clicks about in an Explorer."""

    def __init__(self, page: Page, seed: int) -> None:
        self.page = page
        self.chance = random.Random(seed)
        self.acts = 0
        self.missed = 0

    def act(self) -> None:
        """Do one thing, and wait a moment as a person does."""
        what, weights = zip(*self.ACTS, strict=True)
        (one,) = self.chance.choices(what, weights)
        try:
            one(self)
        except Error:  # hidden, or gone in the meantime
            self.missed += 1
        self.acts += 1
        self.page.keyboard.press("Escape")
        self.page.wait_for_timeout(self.chance.choice((20, 100, 400)))

    def _one_of(self, selector: str) -> Any:
        found = self.page.locator(f".zf-explorer {selector}:visible")
        return found.nth(self.chance.randrange(max(1, found.count())))

    def _click(self, selector: str) -> None:
        self._one_of(selector).click(timeout=ACT_MS)

    def layer(self) -> None:
        """Choose a layer."""
        self._click(LAYER)

    def channel(self) -> None:
        """Choose a channel."""
        self._click(CHANNEL)

    def patch(self) -> None:
        """Click on a patch."""
        self._click(f"{PATCH} .zf-patch")

    def photo(self) -> None:
        """Choose a photo."""
        self._click(PHOTO)

    def walk(self) -> None:
        """Walk along by the arrow keys."""
        strip = self.page.locator(".zf-strip").first
        key = self.chance.choice(("ArrowRight", "ArrowLeft", "ArrowDown", "ArrowUp"))
        for _ in range(self.chance.randrange(1, 6)):
            strip.press(key, timeout=ACT_MS)

    def button(self) -> None:
        """Press any button."""
        button = self._one_of(BUTTON)
        label = f"{button.inner_text(timeout=ACT_MS)} {button.get_attribute('aria-label') or ''} "
        label += button.get_attribute("title") or ""
        if not any(word in label.lower() for word in LEAVES):
            button.click(timeout=ACT_MS)

    def menu(self) -> None:
        """Choose from a menu."""
        menu = self._one_of("select")
        options = menu.locator("option:not([disabled])")
        number = self.chance.randrange(max(1, options.count()))
        menu.select_option(options.nth(number).get_attribute("value"), timeout=ACT_MS)

    def fold(self) -> None:
        """Open or close what is folded."""
        self._click("summary")

    def drag(self) -> None:
        """Drag over the photo: the occluder, if it is met."""
        stage = self.page.locator(".zf-explorer .zf-stage").first
        stage.scroll_into_view_if_needed(timeout=ACT_MS)
        box = stage.bounding_box()
        if box is None:
            return
        points = [
            (box["x"] + box["width"] * self.chance.random(), box["y"] + box["height"] * y)
            for y in (self.chance.random(), self.chance.random())
        ]
        self.page.mouse.move(*points[0])
        self.page.mouse.down()
        self.page.mouse.move(*points[1], steps=8)
        self.page.mouse.up()

    def look(self) -> None:
        """Move the mouse over something, and scroll."""
        self._one_of(self.chance.choice((CHANNEL, PATCH, PHOTO))).hover(timeout=ACT_MS)
        self.page.mouse.wheel(0, self.chance.choice((-300, 300)))

    ACTS = (
        (layer, 3), (channel, 6), (patch, 4), (photo, 4), (walk, 4), (button, 3), (menu, 2),
        (fold, 1), (drag, 4), (look, 3),
    )  # fmt: skip


def use(minutes: float, seed: int, reruns: bool) -> dict[str, Any]:
    """Use an Explorer for some minutes."""
    with ExitStack() as stack:
        server = lab(stack)
        cells = [nbformat.v4.new_code_cell(cell) for cell in CELLS]
        kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
        notebook = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})
        nbformat.write(notebook, server.root / "use.ipynb")
        browser = chromium(stack)
        page = browser.new_page(viewport={"width": 1500, "height": 1100})
        page.set_default_timeout(TIMEOUT)
        problems: list[str] = []
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.goto(server.url("lab/tree/use.ipynb"))
        page.wait_for_function(READY, arg="use.ipynb")
        page.evaluate(
            "window.jupyterapp.commands.execute('notebook:run-all-cells').then(() => null)"
        )
        page.locator(SETTLED).wait_for(timeout=10 * TIMEOUT)
        gauge, user = Gauge(page, page.context.new_cdp_session(page)), User(page, seed)
        for _ in range(WARM_UP):
            user.act()
        counted = [gauge.read()]
        print(json.dumps({"minute": 0, **counted[0]}), flush=True)
        began = last_run = time.monotonic()
        for tenth in range(1, 11):
            while time.monotonic() < began + 6 * minutes * tenth:
                user.act()
                if reruns and time.monotonic() > last_run + 60:
                    page.evaluate(RERUN)
                    last_run = time.monotonic()
            counted.append(gauge.read())
            minute = round((time.monotonic() - began) / 60, 1)
            print(json.dumps({"minute": minute, "acts": user.acts, **counted[-1]}), flush=True)
        page.locator(SETTLED).first.wait_for(timeout=10 * TIMEOUT)
        return {
            "minutes": minutes,
            "acts": user.acts,
            "missed": user.missed,
            "errors": problems,
            "start": counted[0],
            "middle": counted[5],
            "end": counted[10],
        }


def main() -> None:
    """Play, and say what came out."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--reruns", action="store_true", help="run the cell again every minute")
    options = harness.options(parser)
    harness.finish(use(options.minutes, options.seed, options.reruns))


if __name__ == "__main__":
    main()
