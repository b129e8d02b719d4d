"""What the notebooks' prose says of results is what was measured."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pytest


@pytest.fixture
def told(root: Path):
    """All that a notebook's prose says, by the notebook's name."""

    def read(name: str) -> str:
        notebook = nbformat.read(root / "examples" / f"{name}.ipynb", as_version=4)
        return "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")

    return read


@pytest.fixture
def claims(root: Path) -> str:
    return (root / "docs" / "claims.md").read_text()


def row_of(claims: str, says: str) -> list[str]:
    """The cells of the one claim that says so."""
    (row,) = (line for line in claims.splitlines() if line.startswith("|") and says in line)
    return [cell.strip() for cell in row.strip("|").split("|")]


NUMBERS = {"five": "5", "three": "3"}


def test_the_diagnosis_tells_on_what_and_how_often_the_smaller_network_was_better(told, claims):
    (classes,) = re.findall(r"know (\w+ classes of [\w-]+)", claims)
    said = re.search(
        r"On photos of ([^,]+), with (\w+) seeds, the small ZFNet made fewer", told("diagnosis")
    )
    row = row_of(claims, "Smaller filters and stride also classify better")
    assert said[1] == classes
    assert f" {NUMBERS[said[2]]} seeds," in row[2]
    assert row[-1].startswith("**agrees**")
