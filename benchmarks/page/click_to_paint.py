"""From a click in the Explorer to painted pixels, in Chromium against a real JupyterLab.

Two labs run side by side, one with `zfwidgets.server` and one without; the same clicks go to each
in turn, while the other rests, so that whatever else the machine does meets both. The network is
the sample SqueezeNet over the sample photos, its index there, each channel clicked for the first
time (nothing of it is cached or fetched ahead). Times are the page's own, from the click event
until after the frame in which the pixels stand: the nine patches of the chosen channel, all nine
projections, and the photo of a clicked patch. With `--map` an occlusion map is computed meanwhile.

Prints a table and, as its last line, one JSON object.

    python -m benchmarks.page.click_to_paint [--clicks 50] [--map] [--quick]
"""

from __future__ import annotations

import argparse
import random
import statistics
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import nbformat
from playwright.sync_api import Browser, Page

from benchmarks import harness
from benchmarks.page._lab_page import READY, TIMEOUT, chromium
from zfwidgets.demo.browser import SETTLED
from zfwidgets.demo.lab import LabServer

VARIANTS = {"without": (), "with zfwidgets.server": ("zfwidgets.server",)}
LAYERS = ("features.3", "features.6", "features.9", "features.11", "features.4", "features.12")
CLICKS_A_LAYER = 9
SCROLL = """() => {
  document.querySelector(".zf-strip").scrollTop += 66;
  const frame = () => new Promise((done) => requestAnimationFrame(() => done(null)));
  return frame().then(frame);
}"""

SETUP = """import zfwidgets as zf
engine = zf.Engine(zf.samples.network(), zf.samples.photos(), cache=False)
explorer = zf.Explorer(engine, layer="features.7", channel=42, auto={auto})
explorer"""

# Resolves with milliseconds from the next click to what was painted because of it.
WATCH = """(what) => {
  const root = document.querySelector(".zf-explorer");
  const grid = root.querySelector(".zf-patch-grid"), stage = root.querySelector(".zf-stage");
  const cells = [...grid.querySelectorAll(".zf-cell")];
  const wanted = what === "photo" ? ["photo"] : ["patches", "projections"];
  const place = what === "photo" ? stage : grid;
  window.zfPainted = new Promise((resolve, reject) => {
    setTimeout(() => reject(new Error(`no ${wanted} after 60 s`)), 60_000);
    const times = {};
    let start = null, asked = false;
    const painted = (name) => {
      if (name in times) return;
      times[name] = null;
      requestAnimationFrame(() => {
        const { port1, port2 } = new MessageChannel();
        port1.onmessage = () => {
          times[name] = performance.now() - start;
          if (!wanted.every((one) => times[one] > 0)) return;
          observer.disconnect();
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
    """An Explorer in a page of its own, with a kernel and a server of its own."""

    def __init__(self, browser: Browser, server: LabServer, auto: bool) -> None:
        self._server = server
        cell = nbformat.v4.new_code_cell(SETUP.format(auto=auto))
        kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
        notebook = nbformat.v4.new_notebook(cells=[cell], metadata={"kernelspec": kernel})
        nbformat.write(notebook, server.root / "clicks.ipynb")
        self.page: Page = browser.new_page(viewport={"width": 1500, "height": 1100})

    def run(self) -> None:
        """Open the notebook and have its cell run; returns before it has."""
        self.page.goto(self._server.url("lab/tree/clicks.ipynb"))
        self.page.wait_for_function(READY, arg="clicks.ipynb", timeout=TIMEOUT)
        self.page.evaluate(
            "window.jupyterapp.commands.execute('notebook:run-all-cells').then(() => null)"
        )

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


def measure(clicks: int, auto: bool) -> dict[str, Any]:
    """Click through both in turn."""
    times: dict[str, dict[str, list[float]]] = {name: {} for name in VARIANTS}
    chance = random.Random(0)
    with ExitStack() as stack:
        browser = chromium(stack)
        explorers = {}
        for name, extensions in VARIANTS.items():
            root = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            server = LabServer(root, port=0, expose_app=True, extensions=extensions)
            explorers[name] = Explorer(browser, stack.enter_context(server), auto)
            explorers[name].run()
        for explorer in explorers.values():
            explorer.page.locator(".zf-cell[data-image]").first.wait_for(timeout=TIMEOUT)
        seen: set[tuple[str, int]] = set()
        layer = "features.7"
        for turn in range(clicks):
            if turn % CLICKS_A_LAYER == 0:
                layer = LAYERS[turn // CLICKS_A_LAYER % len(LAYERS)]
                selector, what = f'[data-layer="{layer}"]', "unit"
            elif turn % 3 == 2:
                # A photo that isn't shown yet.
                selector = '.zf-cell[data-state="ready"]:not(.zf-chosen) .zf-patch'
                what = "photo"
            else:
                fresh: list[int] = []
                while not fresh:
                    shown = next(iter(explorers.values())).visible()
                    fresh = [one for one in shown if (layer, one) not in seen]
                    for explorer in explorers.values() if not fresh else ():
                        explorer.scroll()
                channel = chance.choice(fresh)
                # Its neighbours are fetched ahead from now on.
                seen |= {(layer, channel + step) for step in (-1, 0, 1)}
                selector, what = f'[data-channel="{channel}"]', "unit"
            for name, explorer in chance.sample(sorted(explorers.items()), len(explorers)):
                for one in explorers.values() if not auto else ():
                    one.rest()
                for thing, value in explorer.click(selector, what).items():
                    times[name].setdefault(thing, []).append(value)
    return {
        name: {
            thing: {
                "median_ms": round(statistics.median(values), 1),
                "p95_ms": round(statistics.quantiles(values, n=20)[-1], 1),
                "n": len(values),
            }
            for thing, values in kinds.items()
        }
        for name, kinds in times.items()
    }


def main() -> None:
    """Measure, and say what came out."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clicks", type=int, default=50)
    parser.add_argument("--map", action="store_true", help="while an occlusion map is computed")
    parser.add_argument("--quick", action="store_true", help="fewer clicks: ends within 60 s")
    options = harness.options(parser)
    result = measure(9 if options.quick else options.clicks, options.map)
    things = ("patches", "projections", "photo")
    print(f"{'median / p95, ms':24}" + "".join(f"{thing:>18}" for thing in things))
    for name, found in result.items():
        cells = (f"{found[t]['median_ms']:.0f} / {found[t]['p95_ms']:.0f}" for t in things)
        print(f"{name:24}" + "".join(f"{cell:>18}" for cell in cells))
    harness.finish(result)


if __name__ == "__main__":
    main()
