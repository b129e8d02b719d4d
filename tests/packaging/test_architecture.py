"""The drawing in docs/architecture.md is what the code imports; no circles anywhere."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import grimp
import pytest

PACKAGE = "zfwidgets"
DOORS = ("local", "protocol", "session")
"""The engine's rooms that all else may use."""
Edges = dict[str, set[str]]


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    return grimp.build_graph(PACKAGE, exclude_type_checking_imports=True, cache_dir=None)


def room(module: str) -> str | None:
    """Where a module is on the drawing; None for what only leads to others."""
    _, *names = module.split(".")
    if not names or names == ["engine"]:
        return None
    return "/".join(names[:2]) if names[0] == "engine" else names[0].strip("_")


def imports(graph: grimp.ImportGraph, of: object = room) -> Edges:
    edges: Edges = {}
    for module in graph.modules:
        here = of(module)
        for other in graph.find_modules_directly_imported_by(module):
            there = of(other)
            if here and there and here != there:
                edges.setdefault(here, set()).add(there)
    return edges


def reachable(edges: Edges, start: Iterable[str]) -> set[str]:
    found: set[str] = set()
    todo = list(start)
    while todo:
        one = todo.pop()
        if one not in found:
            found.add(one)
            todo += edges.get(one, ())
    return found


def reduced(edges: Edges) -> Edges:
    """Without the arrows that lead where others lead, too."""
    return {
        here: {
            there
            for there in others
            if there not in reachable(edges, _beyond(edges, others, there))
        }
        for here, others in edges.items()
    }


def _beyond(edges: Edges, others: set[str], there: str) -> set[str]:
    return {further for other in others - {there} for further in edges.get(other, ())}


def circles(edges: Edges) -> list[str]:
    return sorted(one for one in edges if one in reachable(edges, edges[one]))


def drawn(root: Path) -> Edges:
    text = (root / "docs" / "architecture.md").read_text("utf-8")
    (drawing,) = re.findall(r"```mermaid\n(.*?)```", text, re.DOTALL)
    edges: Edges = {}
    for line in drawing.splitlines():
        here, arrow, others = line.partition("-->")
        if arrow:
            edges.setdefault(here.strip(), set()).update(o.strip() for o in others.split("&"))
    return edges


def test_the_drawing_is_what_is_imported(graph: grimp.ImportGraph, root: Path) -> None:
    assert drawn(root) == reduced(imports(graph))


def test_every_room_has_a_line_that_says_what_it_is_for(
    graph: grimp.ImportGraph, root: Path
) -> None:
    text = (root / "docs" / "architecture.md").read_text("utf-8")
    told = re.findall(r"^\| `([\w/]+)` \|", text, re.MULTILINE)
    there = {found for module in graph.modules if (found := room(module))}
    assert sorted(told) == sorted(there - {"main"})


def test_there_are_no_circles_of_files_or_folders(graph: grimp.ImportGraph) -> None:
    assert circles(imports(graph, lambda module: module)) == []

    def folder(module: str) -> str | None:
        if module == PACKAGE:
            return None
        found = module if graph.find_children(module) else module.rpartition(".")[0]
        return module if found == PACKAGE else found

    assert circles(imports(graph, folder)) == []


TYPED_BY_WHAT_HOLDS_IT = {
    "classroom.client.source": "remote",
    "classroom.client.streaming": "connection",
    "engine.network.graph.channelwise": "graph",
    "engine.network.graph.operations": "graph",
    "engine.network.repeats": "network",
    "experiments.correspondence.findings": "signs",
    "experiments.covered_map.drawing": "result",
    "experiments.diagnosis.findings": "result",
    "experiments.evolution.drawing": "moments",
    "experiments.evolution.lightning": "watching",
    "experiments.evolution.settling": "moments",
    "experiments.invariance.drawing": "curves",
    "experiments.invariance.findings": "curves",
    "experiments.sanity.findings": "result",
    "experiments.transfer.records.findings": "accuracies precision",
    "lessons.handout": "worksheet",
    "lessons.still": "question",
}
"""Files that name, for types alone, what imports them: a part of something in a file of its own."""


def test_imports_for_types_alone_close_no_other_circles(graph: grimp.ImportGraph) -> None:
    typed = grimp.build_graph(PACKAGE, exclude_type_checking_imports=False, cache_dir=None)
    all_edges = imports(typed, lambda module: module)
    run = imports(graph, lambda module: module)
    packages = {module for module in typed.modules if typed.find_children(module)}
    closing: dict[str, set[str]] = {}
    for here in all_edges.keys() - packages:
        for there in all_edges[here] - run.get(here, set()) - packages:
            if here in reachable(all_edges, [there]):
                closing.setdefault(here.partition(".")[2], set()).add(there.rpartition(".")[2])
    assert closing == {name: set(held.split()) for name, held in TYPED_BY_WHAT_HOLDS_IT.items()}


def test_no_folder_is_two_ideas(root: Path) -> None:
    sizes = {
        folder.relative_to(root): len(list(folder.glob("*.py"))) - 1
        for folder in [root / PACKAGE, *(root / PACKAGE).rglob("*")]
        if folder.is_dir() and list(folder.glob("*.py"))
    }
    assert {str(folder): size for folder, size in sizes.items() if size > 15} == {}


OPEN = frozenset(
    """network.frozen network.memory network.modes network.network network.tracing
    occlusion.baselines portable.record projection.attribution projection.deconv
    projection.projector projection.rules projection.sanity.projecting projection.sanity.randomise
    projection.sanity.ranks""".split()
)
"""What others than the engine use of its inner rooms, beside `local`, `protocol`, `session`."""


def test_others_use_no_more_of_the_engines_inner_rooms(graph: grimp.ImportGraph) -> None:
    engine = f"{PACKAGE}.engine."
    used = {
        there.removeprefix(engine)
        for here in graph.modules
        for there in graph.find_modules_directly_imported_by(here)
        if there.startswith(engine) and not here.startswith(engine)
    }
    assert {name for name in used if name.partition(".")[0] not in DOORS} == OPEN


def test_the_engine_has_few_rooms(root: Path) -> None:
    rooms = [path.parent.name for path in (root / PACKAGE / "engine").glob("*/__init__.py")]
    files = [path.stem for path in (root / PACKAGE / "engine").glob("[!_]*.py")]
    assert len(rooms + files) <= 8, sorted(rooms + files)
