"""The tutorial: the quickstart notebook as a page, with the pictures that its cells leave."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbformat
from nbconvert import MarkdownExporter
from nbconvert.preprocessors import ExecutePreprocessor
from pages import ROOT

VIEW = "application/vnd.jupyter.widget-view+json"
NOTEBOOK = ROOT / "examples" / "quickstart.ipynb"


def write(out: Path, *, run: bool) -> None:
    """Write the page and its pictures; without `run` the cells alone."""
    out.mkdir(parents=True)
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    notebook.cells = [
        cell for cell in notebook.cells if "colab" not in cell.metadata.get("tags", ())
    ]
    if run:
        ExecutePreprocessor(timeout=1500).preprocess(notebook, {"metadata": {"path": str(out)}})
    words = described(notebook)
    text, resources = MarkdownExporter().from_notebook_node(
        notebook, {"output_files_dir": "pictures"}
    )
    for name, data in resources["outputs"].items():
        path = out / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)
    for one in words:
        text = text.replace("![jpeg](", f"![{one}](", 1)
    (out / "tutorial.md").write_text(text, "utf-8")


def described(notebook: Any) -> list[str]:
    """Leave live views out of the outputs; return what describes each JPEG, in their order."""
    words = []
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        cell.outputs = [one for one in cell.outputs if VIEW not in one.get("data", {})]
        for output in cell.outputs:
            data = output.get("data", {})
            if "image/jpeg" in data and "image/png" not in data:
                text = data.get("text/plain", "")
                words.append(text.replace("[", "(").replace("]", ")"))
    return words
