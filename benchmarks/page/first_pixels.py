"""From running a cell that makes an Explorer to its pixels, in Chromium against a real JupyterLab.

Each round opens a fresh page with a kernel of its own for each of two checkouts in turn, so that
whatever else the machine does meets both, and runs a cell that makes an Explorer twice: the page
has its code not yet the first time. Times are the page's own, from the command until after the
frame in which the view's root stands, and until the first patch is painted; and the bytes of all
messages that its kernel has sent meanwhile.

Prints a line each and, as its last line, one JSON object: medians in ms and kB.

    python -m benchmarks.page.first_pixels [--rounds 8] [--against FOLDER]

``--against`` names another checkout, built, whose numbers stand beside this one's.
"""

from __future__ import annotations

import argparse
import json
import statistics
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import nbformat
from playwright.sync_api import Browser

from benchmarks import harness
from benchmarks.page._lab_page import READY, TIMEOUT, chromium, execute, lab
from zfwidgets.demo.browser import SETTLED
from zfwidgets.demo.lab import LabServer

SETUP = """import sys
sys.path.insert(0, {checkout!r})
import zfwidgets as zf
engine = zf.Engine(zf.samples.network(), zf.samples.photos(), cache=False)
engine.index()"""
MAKE = "explorer = zf.Explorer(engine, layer='features.7', channel=42, auto=False)\nexplorer"
RUN = """() => {
  for (const old of document.querySelectorAll(".zf-explorer")) old.dataset.old = "";
  const { content } = window.jupyterapp.shell.currentWidget;
  content.activeCellIndex = 1;
  const start = performance.now();
  const found = {};
  const painted = new Promise((resolve) => {
    const look = () => {
      const root = document.querySelector(".zf-explorer:not([data-old])");
      if (root) found.view ??= performance.now() - start;
      if (root?.querySelector(".zf-cell[data-state='ready']")) {
        found.patch = performance.now() - start;
        resolve(found);
      } else requestAnimationFrame(look);
    };
    look();
  });
  window.jupyterapp.commands.execute("notebook:run-cell");
  return painted;
}"""


def once(browser: Browser, server: LabServer, checkout: Path, path: str) -> list[dict[str, float]]:
    """What a fresh page and a kernel take for the first run of the cell, and for the second."""
    cells = [SETUP.format(checkout=str(checkout)), MAKE]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(cell) for cell in cells], metadata={"kernelspec": kernel}
    )
    nbformat.write(notebook, server.root / path)
    page = browser.new_page(viewport={"width": 1500, "height": 1100})
    page.set_default_timeout(TIMEOUT)
    received = [0]

    def take(data: Any) -> None:
        received[0] += len(data)

    page.on("websocket", lambda socket: socket.on("framereceived", take))
    page.goto(server.url(f"lab/workspaces/{path.partition('.')[0]}/tree/{path}"))
    page.wait_for_function(READY, arg=path)
    execute(page, cells[0])
    found = []
    for _ in range(2):
        received[0] = 0
        times = page.evaluate(RUN)
        page.locator(f"{SETTLED}:not([data-old])").first.wait_for()
        page.wait_for_function(READY, arg=path)
        found.append({**times, "kb": received[0] / 1000})
    page.close()
    for one in server.request("GET", "api/sessions"):
        server.request("DELETE", f"api/sessions/{one['id']}")
    return found


def measure(rounds: int, checkouts: dict[str, Path]) -> dict[str, Any]:
    """Run all rounds; medians by checkout and run."""
    found: dict[str, list[list[dict[str, float]]]] = {name: [] for name in checkouts}
    with ExitStack() as stack:
        server = lab(stack)
        browser = chromium(stack)
        for number in range(rounds + 1):  # the first fills everybody's caches
            for name, checkout in checkouts.items():
                runs = once(browser, server, checkout, f"{name}-{number}.ipynb")
                print(json.dumps({name: runs}), flush=True)
                if number:
                    found[name].append(runs)
    return {
        name: {
            run: {
                what: round(statistics.median(one[place][what] for one in all_runs), 1)
                for what in ("view", "patch", "kb")
            }
            for place, run in enumerate(("first run", "second run"))
        }
        for name, all_runs in found.items()
    }


def main() -> None:
    """Measure, and say what came out."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--against", type=Path, metavar="FOLDER", help="another checkout, built")
    options = harness.options(parser)
    checkouts = {"this": harness.ROOT}
    if options.against:
        checkouts["that"] = options.against.resolve()
    harness.finish({"rounds": options.rounds, **measure(options.rounds, checkouts)})


if __name__ == "__main__":
    main()
