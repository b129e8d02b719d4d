"""The paper retold runs from the first cell to the last, and its numbers hang together."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import nbformat
from nbclient import NotebookClient

from tests.waiting import PROGRAM

CHECK = """
assert found.result.complete and carried.complete
assert carried.layers.mean("svm")[-1] > carried.layers.mean("svm")[0]
"""


def test_its_end_counts_the_verdicts_of_the_claims(root: Path) -> None:
    rows = re.findall(r"\| \*\*([^|*]+)\*\*[^|]*\|$", (root / "docs/claims.md").read_text(), re.M)
    counts = Counter(rows)
    unjudged = counts["can't be judged here"]
    said = (
        f"of {counts.total()} claims {counts['agrees']} agree, {counts['differs']} differ, "
        f"{counts['no evidence: holds untrained too']} hold of untrained networks too, so that "
        f"they say nothing of learning, and {unjudged} can't be judged"
    )
    notebook = nbformat.read(root / "examples" / "zeiler_fergus.ipynb", as_version=4)
    assert said in notebook.cells[-1].source


def test_the_story_is_told_to_its_end(root: Path) -> None:
    notebook = nbformat.read(root / "examples" / "zeiler_fergus.ipynb", as_version=4)
    assert len(notebook.cells) <= 22  # one is Colab's
    assert not any(cell.get("outputs") for cell in notebook.cells)
    notebook.cells.append(nbformat.v4.new_code_cell(CHECK))
    folder = {"metadata": {"path": str(root)}}
    NotebookClient(notebook, timeout=PROGRAM, kernel_name="python3", resources=folder).execute()
    shown = [
        output["data"]
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if "data" in output
    ]
    assert sum({"image/png", "image/jpeg"} & data.keys() != set() for data in shown) >= 9
