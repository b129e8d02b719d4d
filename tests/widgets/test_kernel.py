"""In a real kernel: settling in a cell neither hangs nor moves traits on another thread."""

from __future__ import annotations

import base64
from pathlib import Path

import nbformat
from nbclient import NotebookClient

SETUP = """
import sys, threading
sys.path[:0] = [{root!r}, {tests!r}]
from pathlib import Path
from zfwidgets.widgets import bundle
bundle.STATIC = Path({static!r})
import numpy_engine
import zfwidgets as zf
engine = numpy_engine.NumpyEngine()
"""
WIDGET = "explorer = zf.Explorer(engine)\nexplorer"
SETTLE = """
figure = zf.plots.class_bars(explorer)
threads = set()
figure.observe(lambda change: threads.add(threading.current_thread()), "title")
explorer.selection.photo = 5
print(explorer.settle(), figure.title, threads <= {threading.main_thread()})
"""
AFTER = "explorer.selection.photo = 6"
LATER = """
import asyncio
moved = asyncio.Event()
figure.observe(lambda change: moved.set() if change["new"] == "picture 6" else None, "title")
if figure.title != "picture 6":
    await asyncio.wait_for(moved.wait(), 60)
print(figure.title, threads <= {threading.main_thread()})
"""


def test_a_notebook_with_a_widget_a_figure_and_settle(root, tmp_path, built):
    setup = SETUP.format(root=str(root), tests=str(Path(__file__).parent), static=str(tmp_path))
    cells = [nbformat.v4.new_code_cell(code) for code in (setup, WIDGET, SETTLE, AFTER, LATER)]
    notebook = nbformat.v4.new_notebook(cells=cells)
    NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    live, static = notebook.cells[1].outputs
    assert "application/vnd.jupyter.widget-view+json" in live.data
    jpeg = base64.b64decode(static.data["image/jpeg"])
    assert jpeg[:2] == b"\xff\xd8"
    assert len(jpeg) <= 150_000
    assert "photo picture" in static.data["text/plain"]
    assert static.metadata["alt"].startswith("zfwidgets")
    assert notebook.cells[2].outputs[0].text == "True picture 5 True\n"
    assert notebook.cells[4].outputs[0].text == "picture 6 True\n"
