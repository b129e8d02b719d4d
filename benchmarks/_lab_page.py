"""What the benchmarks in a JupyterLab share: a notebook of one cell, opened and run."""

from __future__ import annotations

import nbformat
from playwright.sync_api import Page

from zfwidgets.demo.lab import LabServer

TIMEOUT = 120_000
"""Milliseconds that anything may take."""

READY = """(path) => {
  const panel = window.jupyterapp?.shell?.currentWidget;
  const kernel = panel?.sessionContext?.session?.kernel;
  return panel?.context?.path === path && panel.context.isReady && panel.isAttached
    && kernel?.connectionStatus === "connected" && kernel.status === "idle";
}"""
"""The notebook at a path is in front, its kernel connected and idle. Before that JupyterLab loses
a request to run cells without a word."""


def write_notebook(server: LabServer, name: str, code: str) -> None:
    """A notebook of one cell in the server's folder."""
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    cell = nbformat.v4.new_code_cell(code)
    notebook = nbformat.v4.new_notebook(cells=[cell], metadata={"kernelspec": kernel})
    nbformat.write(notebook, server.root / name)


def run_notebook(page: Page, server: LabServer, name: str) -> None:
    """Open the notebook and have its cell run; returns before it has."""
    page.goto(server.url(f"lab/tree/{name}"))
    page.wait_for_function(READY, arg=name, timeout=TIMEOUT)
    page.evaluate("window.jupyterapp.commands.execute('notebook:run-all-cells').then(() => null)")
