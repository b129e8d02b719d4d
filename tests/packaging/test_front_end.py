"""The rooms of the front end: imports point one way, folders and files are small."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOMS = ("report", "widgets", "views", "styles", "lib")
"""From what knows most to what knows least: a report begins its roots as widgets do."""
IMPORT = re.compile(r"""(?:from|import)\s+"(\.[^"]+)\"""")


@pytest.fixture(scope="module")
def source(root: Path) -> Path:
    return root / "js" / "src"


def arrows(source: Path) -> dict[tuple[Path, Path], str]:
    """Imports between folders: who imports from where, and one file that does."""
    found = {}
    for path in source.rglob("*.ts"):
        for spec in IMPORT.findall(path.read_text("utf-8")):
            there = (path.parent / spec).resolve().relative_to(source)
            if not (source / there).is_dir():
                there = there.parent
            found[path.parent.relative_to(source), there] = path.name
    return found


def test_imports_point_from_the_widgets_to_the_library(source: Path) -> None:
    upwards = {
        (here.as_posix(), there.as_posix()): name
        for (here, there), name in arrows(source).items()
        if ROOMS.index(here.parts[0]) > ROOMS.index(there.parts[0])
    }
    assert upwards == {}


def test_reports_know_no_more_of_widgets_than_how_they_begin(source: Path) -> None:
    known = {there.as_posix() for here, there in arrows(source) if here.parts[0] == "report"}
    assert {there for there in known if there.startswith("widgets")} <= {"widgets/shared"}


def test_what_views_share_knows_no_panel(source: Path) -> None:
    known = {there.as_posix() for here, there in arrows(source) if here == Path("views/shared")}
    assert {there for there in known if there.startswith("views/")} <= {"views/shared"}


def test_the_library_is_as_it_is_drawn(source: Path, root: Path) -> None:
    page = (root / "docs" / "frontend.md").read_text("utf-8")
    drawn = {
        (here, there.strip())
        for here, others in re.findall(r"^    (\w+) --> ([\w &]+)$", page, re.MULTILINE)
        for there in others.split("&")
    }
    there = {
        (here.parts[1], other.parts[1])
        for here, other in arrows(source)
        if here.parts[0] == "lib" and here != other
    }
    assert there == drawn


def test_no_folder_and_no_file_is_two_ideas(source: Path) -> None:
    made = {"messages.ts"}
    folders = [source, *(path for path in source.rglob("*") if path.is_dir())]
    sizes = {
        path.relative_to(source).as_posix(): len([one for one in path.iterdir() if one.is_file()])
        for path in folders
    }
    assert {name: size for name, size in sizes.items() if size > 16} == {}
    lines = {
        path.relative_to(source).as_posix(): len(path.read_text("utf-8").splitlines())
        for path in source.rglob("*.ts")
        if path.name not in made
    }
    assert {name: many for name, many in lines.items() if many > 400} == {}
