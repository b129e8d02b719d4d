"""From a dragged occluder to new bars painted, in Chromium against a real JupyterLab.

The network is the sample SqueezeNet; the occluder is dragged with the mouse, step by step, each to
a place where it hasn't been (nothing of it is cached). Times are the page's own, until after the
frame in which the class bars of that place stand: from the page's hearing of the pointer, just
before it sends the message, and from the pointer's own time stamp (the browser hands moves over
with the next frame). Then the mouse moves without waiting, as a hand does, and what is painted
meanwhile is counted.

Prints a table and, as its last line, one JSON object.

    python -m benchmarks.page.drag_to_paint [--steps 100] [--quick]
"""

from __future__ import annotations

import argparse
import statistics
from contextlib import ExitStack
from typing import Any

import nbformat
from playwright.sync_api import Page

from benchmarks import harness
from benchmarks.page._lab_page import READY, TIMEOUT, chromium, lab
from zfwidgets.demo.browser import SETTLED
from zfwidgets.demo.lab import LabServer

WARM_UP = 5

SETUP = """import zfwidgets as zf
engine = zf.Engine(zf.samples.network(), zf.samples.photos(), cache=False)
explorer = zf.Explorer(engine, layer="features.7", channel=42, auto=False)
explorer"""

# Resolves with milliseconds to painted bars: from the next message, and from its pointer event.
WATCH = """() => {
  const stage = document.querySelector(".zf-stage");
  const bars = document.querySelector(".zf-class-list");
  window.zfPainted = new Promise((resolve, reject) => {
    setTimeout(() => reject(new Error("no bars after 30 s")), 30_000);
    stage.addEventListener("pointermove", (event) => {
      const heard = performance.now();
      const observer = new MutationObserver(() => {
        observer.disconnect();
        requestAnimationFrame(() => {
          const { port1, port2 } = new MessageChannel();
          port1.onmessage = () => {
            const now = performance.now();
            resolve([now - heard, now - event.timeStamp]);
          };
          port2.postMessage(null);  // handled once the frame is done
        });
      });
      observer.observe(bars, { subtree: true, childList: true, characterData: true });
    }, { once: true, capture: true });
  });
}"""

COUNT = """() => {
  const bars = document.querySelector(".zf-class-list");
  const start = performance.now();
  let last = start;
  window.zfGaps = [];
  window.zfObserver = new MutationObserver(() => {
    const now = performance.now();
    window.zfGaps.push(now - last);
    last = now;
  });
  window.zfObserver.observe(bars, { subtree: true, childList: true, characterData: true });
}"""


def places(steps: int, size: tuple[float, float]) -> list[tuple[float, float]]:
    """Distinct places of the pointer, by a walk over the photo in rows."""
    width, height = size
    across = 12
    return [
        (
            width * (0.15 + 0.7 * ((i % across) + 0.31 * (i // across % 3)) / across),
            height * (0.12 + 0.76 * (i // across) / max(1, (steps - 1) // across + 1)),
        )
        for i in range(steps)
    ]


def open_page(page: Page, server: LabServer) -> None:
    """Show the Explorer, settled."""
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    cell = nbformat.v4.new_code_cell(SETUP)
    notebook = nbformat.v4.new_notebook(cells=[cell], metadata={"kernelspec": kernel})
    nbformat.write(notebook, server.root / "drag.ipynb")
    page.goto(server.url("lab/tree/drag.ipynb"))
    page.wait_for_function(READY, arg="drag.ipynb", timeout=TIMEOUT)
    page.evaluate("window.jupyterapp.commands.execute('notebook:run-all-cells').then(() => null)")
    page.locator(".zf-cell[data-image]").first.wait_for(timeout=TIMEOUT)
    page.locator(SETTLED).wait_for(timeout=TIMEOUT)


def measure(steps: int) -> dict[str, Any]:
    """Drag the occluder, one place at a time, then without waiting."""
    with ExitStack() as stack:
        browser = chromium(stack)
        server = lab(stack)
        page = browser.new_page(viewport={"width": 1500, "height": 1100})
        open_page(page, server)
        page.locator(".zf-occluder").scroll_into_view_if_needed()
        stage = page.locator(".zf-stage").bounding_box()
        held = page.locator(".zf-occluder").bounding_box()
        assert stage is not None
        assert held is not None
        page.mouse.move(held["x"] + held["width"] / 2, held["y"] + held["height"] / 2)
        page.mouse.down()
        times = []
        for x, y in places(steps + WARM_UP, (stage["width"], stage["height"])):
            page.evaluate(WATCH)
            page.mouse.move(stage["x"] + x, stage["y"] + y)
            times.append(page.evaluate("window.zfPainted"))
        page.evaluate(COUNT)
        for x, y in places(steps + 1, (stage["width"] * 0.97, stage["height"] * 0.98)):
            page.mouse.move(stage["x"] + x, stage["y"] + y)
        page.locator(SETTLED).wait_for(timeout=TIMEOUT)
        gaps = page.evaluate("(window.zfObserver.disconnect(), window.zfGaps)")
        page.mouse.up()
    return {
        "message_to_bars": summary([since_message for since_message, _ in times[WARM_UP:]]),
        "pointer_to_bars": summary([since_pointer for _, since_pointer in times[WARM_UP:]]),
        "without_waiting": {**summary(gaps), "moves": steps + 1},
    }


def summary(values: list[float]) -> dict[str, float]:
    """Median, 95th percentile and count."""
    return {
        "median_ms": round(statistics.median(values), 1),
        "p95_ms": round(statistics.quantiles(values, n=20)[-1], 1),
        "n": len(values),
    }


def main() -> None:
    """Measure, and say what came out."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--quick", action="store_true", help="fewer steps: ends within 60 s")
    options = harness.options(parser)
    result = measure(25 if options.quick else options.steps)
    print(f"{'':32}{'median, ms':>12}{'p95, ms':>12}{'n':>6}")
    for name, text in (
        ("message_to_bars", "message to painted bars"),
        ("pointer_to_bars", "pointer to painted bars"),
        ("without_waiting", "between bars, never waiting"),
    ):
        found = result[name]
        print(f"{text:32}{found['median_ms']:>12}{found['p95_ms']:>12}{found['n']:>6}")
    harness.finish(result)


if __name__ == "__main__":
    main()
