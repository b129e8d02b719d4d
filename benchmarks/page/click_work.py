"""What a page does for a click on a channel that was fetched ahead, by its main thread's clock.

One JupyterLab, Chromium, the sample SqueezeNet over the sample photos, as in
`benchmarks.page.click_to_paint`. Two channels beside each other are clicked in turn, by a script,
when all has come to rest: milliseconds that the page's main thread computes, which other work on
the machine makes little longer, from the click until patches and projections are painted; and of
the clock until they are drawn, before the frame, and painted. With ``--beside-tree`` another
checkout, whose JavaScript is built, is clicked in turns with this one.

Prints a table and, as its last line, one JSON object.

    python -m benchmarks.page.click_work [--clicks 20] [--beside-tree PATH]
"""

from __future__ import annotations

import argparse
import random
import statistics
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from playwright.sync_api import CDPSession

from benchmarks import harness
from benchmarks.page._clicking import WATCH, Explorer
from benchmarks.page._lab_page import chromium, lab

LAYERS = ("features.6", "features.11")
"""Of small patches, and of such as are nearly the whole photo."""
PARTS = {
    "computed": "TaskDuration",
    "script": "ScriptDuration",
    "layout": "LayoutDuration",
    "style": "RecalcStyleDuration",
}
NAMES = (*PARTS, "drawn", "painted")
AFTER = 150
"""Milliseconds after which all that a click has the browser draw is drawn."""
FIRST = """import sys
sys.path.insert(0, {tree!r})
import zfwidgets
assert zfwidgets.__file__.startswith({tree!r}), zfwidgets.__file__"""
CLICK = """(channel) => {
  document.querySelector(`.zf-strip [data-channel="${channel}"]`).click();
  return window.zfPainted.then((painted) => ({
    drawn: Math.max(...Object.values(window.zfDrawn)),
    painted: Math.max(...Object.values(painted)),
  }));
}"""


class Clicked:
    """An Explorer of a checkout, and the clock of its page's main thread."""

    def __init__(self, stack: ExitStack, browser: Any, tree: Path) -> None:
        self.explorer = Explorer(browser, lab(stack), False, FIRST.format(tree=str(tree)))
        self.explorer.run()
        self.explorer.wait()
        page = self.explorer.page
        self._clock: CDPSession = page.context.new_cdp_session(page)
        self._clock.send("Performance.enable", {"timeDomain": "threadTicks"})
        self._processes = browser.new_browser_cdp_session()
        self.found: dict[str, list[dict[str, float]]] = {layer: [] for layer in LAYERS}

    def _now(self) -> dict[str, float]:
        metrics = self._clock.send("Performance.getMetrics")["metrics"]
        return {one["name"]: 1e3 * one["value"] for one in metrics}

    def _drawing(self) -> float:
        """Milliseconds computed so far by the process that draws all pages."""
        found = self._processes.send("SystemInfo.getProcessInfo")["processInfo"]
        return 1e3 * float(next(one["cpuTime"] for one in found if one["type"] == "GPU"))

    def click(self, channel: int) -> dict[str, float]:
        """Click on a channel; milliseconds of each kind."""
        page = self.explorer.page
        page.evaluate(WATCH, "unit")
        drawing, before = self._drawing(), self._now()
        times: dict[str, float] = page.evaluate(CLICK, channel)
        after = self._now()
        page.wait_for_timeout(AFTER)
        drawing = self._drawing() - drawing
        parts = {part: after[of] - before[of] for part, of in PARTS.items()}
        return {**parts, **times, "drawing": drawing}


def measure(clicks: int, trees: list[Path]) -> dict[str, Any]:
    """Click in all checkouts in turn."""
    with ExitStack() as stack:
        browser = chromium(stack)
        chance = random.Random(0)
        every = [Clicked(stack, browser, tree) for tree in trees]

        def rest() -> None:
            for one in every:
                one.explorer.rest()
                one.explorer.page.wait_for_timeout(200)  # what is read ahead

        for layer in LAYERS:
            for one in every:
                rest()
                one.explorer.click(f'[data-layer="{layer}"]', "unit")
            first = every[0].explorer.visible()[4]
            for turn in range(-2, clicks):  # the first of each isn't fetched ahead
                for one in chance.sample(every, len(every)):
                    rest()
                    took = one.click(first + turn % 2)
                    if turn >= 0:
                        one.found[layer].append(took)
    return {
        str(tree): {
            layer: {
                part: {
                    "median": statistics.median(took[part] for took in found),
                    "least": min(took[part] for took in found),
                }
                for part in NAMES
            }
            | {"drawing": {"mean": statistics.mean(took["drawing"] for took in found)}}
            for layer, found in one.found.items()
        }
        for tree, one in zip(trees, every, strict=True)
    }


def main() -> None:
    """Measure, and say what came out."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clicks", type=int, default=20, help="clicks in each layer")
    parser.add_argument("--beside-tree", type=Path, help="another checkout, clicked in turns")
    options = harness.options(parser)
    trees = [harness.ROOT, *([options.beside_tree.resolve()] if options.beside_tree else [])]
    result = measure(options.clicks, trees)
    titles = (*NAMES, "drawing (mean)")
    print(f"{'median / least, ms':44}" + "".join(f"{name:>16}" for name in titles))
    for tree, layers in result.items():
        for layer, parts in layers.items():
            cells = [f"{parts[p]['median']:.1f} / {parts[p]['least']:.1f}" for p in NAMES]
            cells.append(f"{parts['drawing']['mean']:.1f}")
            print(f"{f'{layer}, {tree}':44}" + "".join(f"{cell:>16}" for cell in cells))
    harness.finish(result)


if __name__ == "__main__":
    main()
