"""Descriptions are phrases that stand alone, and docs name files that are there."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NO_BEGINNING = ("Of ", "Whose", "Its ", "Likewise")
NAME = re.compile(r"\*{0,2}\w+(, \*{0,2}\w+)*( : .+)?")
"""A line of a NumPy docstring that names what the next line describes."""
PLACES = ("", "zfwidgets", "js/src", "js", "docs", "zfwidgets/widgets/wire")
FILE = re.compile(r"`([\w.-]+(?:/[\w.-]+)+\.(?:py|ts|css|md|ipynb|csv|json|toml|yml))`")


def descriptions(source: str) -> Iterator[tuple[int, str]]:
    """Beginnings of docstrings, and of what they say of each parameter, attribute and error."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Expr(value=ast.Constant(value=str(text))):
                lines = [line.strip() for line in text.splitlines()]
                yield node.lineno, lines[0]
                for number, (before, line) in enumerate(pairwise(lines), 1):
                    if NAME.fullmatch(before) and text.splitlines()[number].startswith("    "):
                        yield node.lineno + number, line


def test_beginnings_of_descriptions_are_found() -> None:
    source = '''
def call(one, two):
    """Say it.

    Parameters
    ----------
    one
        Of the image.
    two : int
        Whose.
    """
NUMBER = 1
"""Its number."""
'''
    found = [line for _, line in descriptions(source) if line.startswith(NO_BEGINNING)]
    assert sorted(found) == ["Its number.", "Of the image.", "Whose."]


def test_descriptions_stand_alone() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line}"
        for path in sorted((ROOT / "zfwidgets").rglob("*.py"))
        for number, line in descriptions(path.read_text("utf-8"))
        if line.startswith(NO_BEGINNING)
    ]
    assert not found, "say what it is: " + "\n".join(found)


@pytest.mark.parametrize(
    "document", [*sorted((ROOT / "docs").glob("*.md")), ROOT / "CONTRIBUTING.md"]
)
def test_files_that_docs_name_are_there(document: Path) -> None:
    lost = [
        name
        for name in FILE.findall(document.read_text("utf-8"))
        if "NAME" not in name and not any((ROOT / place / name).is_file() for place in PLACES)
    ]
    assert not lost, f"{document.name} names what isn't there: {lost}"
