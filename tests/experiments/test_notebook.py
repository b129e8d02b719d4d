"""The example tells its story from the first cell to the last."""

from __future__ import annotations

from pathlib import Path

import nbformat
from nbclient import NotebookClient

from tests.waiting import PROGRAM

CHECK = """
import numpy as np
assert result.complete
own = {rule: found.curve()[1] for rule, found in rules.items()}
other = {rule: np.nanmedian(found.control("same photo")) for rule, found in rules.items()}
assert other["gradient"] < other["deconvnet"], "its control lies lower"
assert own["gradient"] < -0.2, "it is turned over"
assert "nothing of the picture stays" in rules["gradient"].findings[1]
assert abs(own["deconvnet"] - other["deconvnet"]) < 0.1, "about as much as another unit"
len(result.steps)
"""
"""What the notebook says of its figures."""


def test_the_example_runs_and_its_check_is_complete(root: Path) -> None:
    notebook = nbformat.read(root / "examples" / "sanity_check.ipynb", as_version=4)
    assert len(notebook.cells) <= 13  # one is Colab's
    notebook.cells.append(nbformat.v4.new_code_cell(CHECK))
    folder = {"metadata": {"path": str(root)}}
    NotebookClient(notebook, timeout=PROGRAM, kernel_name="python3", resources=folder).execute()
    assert notebook.cells[-1].outputs[0]["data"]["text/plain"] == "13"
    printed = [
        output["text"]
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if output.get("name") == "stdout"
    ]
    assert len(printed) == 2
    assert "nan" not in "".join(printed)
    assert printed[0].startswith("With the unit's own module")
    assert printed[1].startswith("deconvnet:")
