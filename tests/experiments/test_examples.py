"""Examples that end in a record tell their stories from the first cell to the last."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from tests.waiting import PROGRAM

CHECKS = {
    "ablation": "assert table.complete and lesion.result.complete\n"
    "assert none.accuracy < 0.25, 'it falls to guessing'\nlen(table.rows)",
    "evolution": "assert not (live.ended or live.missed)\n"
    "import numpy as np\n"
    "np.testing.assert_allclose(live.values(0)[:2], record.values(0)[:2], rtol=1e-3)\n"
    "1 + len(live.moments)",
    "quiz": "assert low < 0.5 < high, 'colour alone is guessing'\nlen(quiz.questions)",
    "transfer": "assert record.complete and labels.mean > 1.5 * labels.chance.mean()\n"
    "sum(len(class_.to_frame()) > 3 for class_ in (record.layers, record.bias, labels)) + 1",
}


@pytest.mark.parametrize("name", CHECKS)
def test_the_example_runs_and_its_record_is_complete(root: Path, name: str) -> None:
    notebook = nbformat.read(root / "examples" / f"{name}.ipynb", as_version=4)
    assert len(notebook.cells) <= 13  # one is Colab's
    assert not any(cell.get("outputs") for cell in notebook.cells)
    notebook.cells.append(nbformat.v4.new_code_cell(CHECKS[name]))
    folder = {"metadata": {"path": str(root)}}
    NotebookClient(notebook, timeout=PROGRAM, kernel_name="python3", resources=folder).execute()
    assert notebook.cells[-1].outputs[0]["data"]["text/plain"] == "4"


def test_the_quiz_quotes_the_readers_that_were_asked(root: Path) -> None:
    """Of each display: how many of 100 were right, and the interval."""
    row = re.compile(r"\| (\d+) \| (\d+ to \d+ %) \|")
    notebook = nbformat.read(root / "examples" / "quiz.ipynb", as_version=4)
    quoted = [found for cell in notebook.cells for found in row.findall(cell.source)]
    measured = row.findall((root / "docs" / "what_pictures_show.md").read_text())
    assert len(quoted) == 6
    assert sorted(quoted) == sorted(measured)
