"""The tutorial: the quickstart notebook as a page, with the pictures that its cells leave."""

from __future__ import annotations

from pathlib import Path

import nbformat
from nbconvert import MarkdownExporter
from nbconvert.preprocessors import ExecutePreprocessor
from pages import ROOT

NOTEBOOK = ROOT / "examples" / "quickstart.ipynb"


def write(out: Path, *, run: bool) -> None:
    """Write the page and its pictures; without `run` the cells alone."""
    out.mkdir(parents=True)
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    if run:
        ExecutePreprocessor(timeout=1500).preprocess(notebook, {"metadata": {"path": str(out)}})
    text, resources = MarkdownExporter().from_notebook_node(
        notebook, {"output_files_dir": "pictures"}
    )
    for name, data in resources["outputs"].items():
        path = out / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)
    (out / "tutorial.md").write_text(text, "utf-8")
