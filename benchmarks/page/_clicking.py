"""An Explorer in a page, clicked, and when the page has painted what was clicked for."""

from __future__ import annotations

from typing import Any

import nbformat
from playwright.sync_api import Browser, Page

from benchmarks.page._lab_page import READY, TIMEOUT
from zfwidgets.demo.browser import SETTLED
from zfwidgets.demo.lab import LabServer

LAYERS = ("features.3", "features.6", "features.9", "features.11", "features.4", "features.12")
FIRST_LAYER = "features.7"
SCROLL = """() => {
  document.querySelector(".zf-strip").scrollTop += 66;
  const frame = () => new Promise((done) => requestAnimationFrame(() => done(null)));
  return frame().then(frame);
}"""

SETUP = """import zfwidgets as zf
engine = zf.Engine(zf.samples.network(), zf.samples.photos(), cache=False)
explorer = zf.Explorer(engine, layer="{layer}", channel=42, auto={auto})
explorer"""

# Resolves with milliseconds from the next click to what was painted because of it. What the page
# had before that frame, and when it was clicked by the clock of all processes, are kept beside it.
WATCH = """(what) => {
  const root = document.querySelector(".zf-explorer");
  const grid = root.querySelector(".zf-patch-grid"), stage = root.querySelector(".zf-stage");
  const cells = [...grid.querySelectorAll(".zf-cell")];
  const wanted = what === "photo" ? ["photo"] : ["patches", "projections"];
  const place = what === "photo" ? stage : grid;
  window.zfPainted = new Promise((resolve, reject) => {
    setTimeout(() => reject(new Error(`no ${wanted} after 60 s`)), 60_000);
    const times = {}, drawn = {};
    let start = null, asked = false;
    const painted = (name) => {
      if (name in times) return;
      times[name] = null;
      drawn[name] = performance.now() - start;
      requestAnimationFrame(() => {
        const { port1, port2 } = new MessageChannel();
        port1.onmessage = () => {
          times[name] = performance.now() - start;
          if (!wanted.every((one) => times[one] > 0)) return;
          observer.disconnect();
          window.zfDrawn = drawn;
          resolve(times);
        };
        port2.postMessage(null);  // handled once the frame is done
      });
    };
    const look = () => {
      if (start === null) return;
      if (place.classList.contains("zf-stale")) { asked = true; return; }
      if (!asked) return;
      if (what === "photo") { painted("photo"); return; }
      if (cells.some((cell) => cell.dataset.state === "waiting")) return;
      painted("patches");
      if (!cells.some((cell) => cell.classList.contains("zf-waits"))) painted("projections");
    };
    const observer = new MutationObserver(look);
    observer.observe(root, {
      subtree: true, attributes: true, attributeFilter: ["class", "data-state"],
    });
    root.addEventListener("click", (event) => {
      start = event.timeStamp;
      window.zfClicked = performance.timeOrigin + start;
      asked = place.classList.contains("zf-stale");
      look();
    }, { once: true, capture: true });
  });
}"""

IDLE = """async () => {
  const { kernel } = window.jupyterapp.shell.currentWidget.sessionContext.session;
  await kernel.requestExecute({ code: "explorer.settle()", store_history: false }).done;
}"""

VISIBLE = """() => {
  const strip = document.querySelector(".zf-strip").getBoundingClientRect();
  return [...document.querySelectorAll(
    ".zf-tile:not(.zf-dead):not([aria-selected=true])"
  )].filter((tile) => {
    const box = tile.getBoundingClientRect();
    return box.top >= strip.top && box.bottom <= strip.bottom;
  }).map((tile) => Number(tile.dataset.channel));
}"""


class Explorer:
    """An Explorer in a page of its own, with a kernel and a server of its own.

    Parameters
    ----------
    first
        Code that the kernel runs before the Explorer is made.
    script
        Script that the page runs before its own.
    """

    def __init__(
        self, browser: Browser, server: LabServer, auto: bool, first: str = "", script: str = ""
    ) -> None:
        self._server = server
        setup = SETUP.format(layer=FIRST_LAYER, auto=auto)
        cell = nbformat.v4.new_code_cell(f"{first}\n{setup}")
        kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
        notebook = nbformat.v4.new_notebook(cells=[cell], metadata={"kernelspec": kernel})
        nbformat.write(notebook, server.root / "clicks.ipynb")
        self.page: Page = browser.new_page(viewport={"width": 1500, "height": 1100})
        self.page.add_init_script(script)

    def run(self) -> None:
        """Open the notebook and have its cell run; returns before it has."""
        self.page.goto(self._server.url("lab/tree/clicks.ipynb"))
        self.page.wait_for_function(READY, arg="clicks.ipynb", timeout=TIMEOUT)
        self.page.evaluate(
            "window.jupyterapp.commands.execute('notebook:run-all-cells').then(() => null)"
        )

    def wait(self) -> None:
        """Wait until the first patches are there."""
        self.page.locator(".zf-cell[data-image]").first.wait_for(timeout=TIMEOUT)

    def rest(self) -> None:
        """Wait until all is painted, and what was fetched ahead is there: the kernel idles."""
        self.page.locator(SETTLED).wait_for(timeout=TIMEOUT)
        self.page.evaluate(IDLE)

    def visible(self) -> list[int]:
        """Channels whose thumbnails are in sight."""
        return [int(channel) for channel in self.page.evaluate(VISIBLE)]

    def scroll(self) -> None:
        """Bring the next row of channels into sight."""
        self.page.evaluate(SCROLL)

    def click(self, selector: str, what: str) -> dict[str, float]:
        """Click with the mouse; milliseconds until each thing was painted."""
        self.page.evaluate(WATCH, what)
        self.page.locator(selector).first.click()
        times: dict[str, float] = self.page.evaluate("window.zfPainted")
        return times


class Channels:
    """Channels to click on: such as nothing has been fetched of, and those beside them.

    Parameters
    ----------
    chance
        What chooses among those in sight.
    """

    def __init__(self, chance: Any) -> None:
        self._chance = chance
        self._seen: set[tuple[str, int]] = set()

    def fresh(self, layer: str, explorers: list[Explorer]) -> int:
        """A channel never seen, in sight of all; none is fetched ahead that lies near it later."""
        while True:
            shown = explorers[0].visible()
            fresh = [one for one in shown if (layer, one) not in self._seen]
            if fresh:
                break
            for explorer in explorers:
                explorer.scroll()
        channel = int(self._chance.choice(fresh))
        # Its neighbours are fetched ahead from now on, and theirs once one of them is clicked.
        self._seen |= {(layer, channel + step) for step in range(-3, 4)}
        return channel

    @staticmethod
    def beside(channel: int, explorers: list[Explorer]) -> int | None:
        """A neighbour of a channel, whose answers have been fetched ahead; None if none is seen."""
        shown = explorers[0].visible()
        return next((one for one in (channel + 1, channel - 1) if one in shown), None)
