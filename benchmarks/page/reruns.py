"""What the page of JupyterLab keeps of a cell that is run again, and whose it is.

A cell that makes a widget is run again and again, in a notebook of its own each: an Explorer; an
Explorer that is closed before; an experiment; an anywidget with a module of one line that shows a
dot and knows nothing of ours, and one whose module holds the code of all our widgets, as each of
ours would without `zfwidgets.widgets.bundle`. What the one line leaves, any anywidget leaves.

Prints a line each and, as its last line, one JSON object: MB of the page's JavaScript heap a run,
after garbage collections, and nodes and listeners of its documents.

    python -m benchmarks.page.reruns [--runs 20] [--snapshot]

``--snapshot`` also says which kinds of objects of the heap grew (by CDP's HeapProfiler).
"""

from __future__ import annotations

import argparse
import collections
import json
from contextlib import ExitStack
from typing import Any

import nbformat
from playwright.sync_api import CDPSession, Page

from benchmarks import harness
from benchmarks.page._lab_page import READY, TIMEOUT, chromium, lab
from benchmarks.page._page_memory import Gauge
from zfwidgets.demo.browser import SETTLED

SETUP = """import anywidget
import zfwidgets as zf
from zfwidgets.widgets.bundle import esm
engine = zf.Engine(zf.samples.network(), zf.samples.photos(), cache=False)
explorer = zf.Explorer(engine, layer='features.7', channel=42, auto=False)
ONE_LINE = "export default { render({ el }) { el.textContent = '.'; el.dataset.dot = ''; } };"
LARGE = esm("widgets").replace("export default (", "const make = (", 1) + ONE_LINE
assert LARGE.count("export default") == 1 and len(LARGE) > 100_000
class Large(anywidget.AnyWidget):
    _esm = LARGE
class Small(anywidget.AnyWidget):
    _esm = ONE_LINE"""
EXPERIMENT = "quiz = zf.Quiz(engine, layer='features.7', questions=1)\nquiz"
MAKE = "explorer = zf.Explorer(engine, layer='features.7', channel=42, auto=False)\nexplorer"
CELLS = {
    "explorer": (MAKE, SETTLED),
    "explorer, closed before": (f"explorer.close()\n{MAKE}", SETTLED),
    "quiz": (EXPERIMENT, ".zf-quiz-board"),
    "one line": ("Small()", "[data-dot]"),
    "all code in each": ("Large()", "[data-dot]"),
}
WARM_UP = 5
"""Runs before the first numbers."""
RUN = """(number) => {
  window.jupyterapp.shell.currentWidget.content.activeCellIndex = number;
  return window.jupyterapp.commands.execute("notebook:run-cell").then(() => null);
}"""


def rerun(page: Page, path: str, number: int, shown: str, times: int) -> None:
    """Run a cell so many times, waiting each time for what it shows."""
    for _ in range(times):
        page.evaluate(RUN, number)
        page.wait_for_function(READY, arg=path)
        page.locator(shown).first.wait_for()


def heap(session: CDPSession) -> collections.Counter[str]:
    """Bytes of the heap by kind: node's type and name, strings by length."""
    parts: list[str] = []

    def take(event: Any) -> None:
        parts.append(event["chunk"])

    session.on("HeapProfiler.addHeapSnapshotChunk", take)
    session.send("HeapProfiler.takeHeapSnapshot", {"reportProgress": False})
    session.remove_listener("HeapProfiler.addHeapSnapshotChunk", take)
    snapshot = json.loads("".join(parts))
    meta, strings, nodes = snapshot["snapshot"]["meta"], snapshot["strings"], snapshot["nodes"]
    fields = meta["node_fields"]
    kinds, width = meta["node_types"][0], len(fields)
    at = {name: fields.index(name) for name in ("type", "name", "self_size")}
    found: collections.Counter[str] = collections.Counter()
    for start in range(0, len(nodes), width):
        kind = kinds[nodes[start + at["type"]]]
        name = strings[nodes[start + at["name"]]]
        size = nodes[start + at["self_size"]]
        text = "string" in kind
        label = f"{kind} of {size // 1000} kB" if text and size > 10_000 else f"{kind} {name[:40]}"
        found["strings below 10 kB" if text and size <= 10_000 else label] += size
    return found


def measure(runs: int, snapshot: bool) -> dict[str, Any]:
    """Run each cell in a notebook of its own."""
    told: dict[str, Any] = {}
    with ExitStack() as stack:
        server = lab(stack)
        browser = chromium(stack)
        kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
        for place, (name, (cell, shown)) in enumerate(CELLS.items()):
            path = f"reruns-{place}.ipynb"
            cells = [nbformat.v4.new_code_cell(text) for text in (SETUP, cell)]
            notebook = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})
            nbformat.write(notebook, server.root / path)
            page = browser.new_page(viewport={"width": 1500, "height": 1100})
            page.set_default_timeout(TIMEOUT)
            page.goto(server.url(f"lab/workspaces/{place}/tree/{path}"))
            page.wait_for_function(READY, arg=path)
            rerun(page, path, 0, ".jp-Notebook", 1)
            rerun(page, path, 1, shown, WARM_UP)
            session = page.context.new_cdp_session(page)
            gauge = Gauge(page, session)
            first = gauge.read()
            before = heap(session) if snapshot else None
            rerun(page, path, 1, shown, runs)
            last = gauge.read()
            told[name] = {
                part: round((last[part] - first[part]) / runs, 3)
                for part in ("page_mb", "nodes", "listeners")
            }
            print(json.dumps({name: told[name]}), flush=True)
            if before is not None:
                grown = heap(session)
                grown.subtract(before)
                for kind, size in grown.most_common(12):
                    print(f"    {size / runs / 1000:8.1f} kB a run: {kind}", flush=True)
            page.close()
            for one in server.request("GET", "api/sessions"):
                server.request("DELETE", f"api/sessions/{one['id']}")
    return {"runs": runs, **told}


def main() -> None:
    """Measure, and say what came out."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--snapshot", action="store_true", help="say which objects grew")
    options = harness.options(parser)
    harness.finish(measure(options.runs, options.snapshot))


if __name__ == "__main__":
    main()
