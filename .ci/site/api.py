"""Pages of the API: every public name, by what it is for. mkdocstrings fills in the docstrings."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import zfwidgets


@dataclass(frozen=True)
class ApiPage:
    """A page of the API.

    Attributes
    ----------
    file
        Name of the page's file.
    title, text
        What stands on top.
    names
        Names of ``zfwidgets``, in the order in which they are shown; some by where they are.
    modules
        Public modules all of whose names follow.
    """

    file: str
    title: str
    text: str
    names: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()


PAGES = (
    ApiPage(
        "engine",
        "Engines",
        "An engine answers questions about a network and a set of images: live, over the network, "
        "or from a report.",
        ("Engine", "connect", "load_report", "ClusterOptions"),
    ),
    ApiPage(
        "widgets",
        "Widgets",
        "The Explorer and its parts, the selection they share, and figures that follow it.",
        (
            *("Explorer", "LayerPicker", "PatchGrid", "OcclusionMap", "Compare"),
            *("Selection", "link", "set_language"),
        ),
        ("plots",),
    ),
    ApiPage(
        "reports",
        "Reports",
        "Widgets as one HTML file that needs neither kernel nor network.",
        ("save_report", "reports.writing.saving.SavedReport", "reports.writing.saving.plan_report"),
    ),
    ApiPage(
        "experiments",
        "Experiments",
        "The paper's experiments: each a widget, and a function that returns a record.",
        (
            *("Evolution", "watch", "Invariance", "Diagnosis", "Correspondence", "Ablation"),
            *("Lesion", "Transfer", "SanityCheck", "StrongestMap", "Quiz"),
            "experiments.evolution.watching.Watch",
        ),
        ("experiments",),
    ),
    ApiPage(
        "lessons",
        "Lessons",
        "Questions that check themselves against an engine.",
        ("Worksheet", "Question"),
        ("lessons",),
    ),
    ApiPage("rules", "Rules", "What a projection does at rectifiers.", (), ("rules",)),
    ApiPage("names", "Naming channels", "Names by an embedding of your own.", ("name",)),
    ApiPage("stored_index", "The index", "The index on disk, read without torch.", (), ("index",)),
    ApiPage("models", "Models", "The paper's networks, and small ones.", (), ("models",)),
    ApiPage("samples", "Samples", "A network and pictures to start with.", (), ("samples",)),
    ApiPage("records", "Records", "What engines return: NumPy only.", (), ("records",)),
    ApiPage("errors", "Errors", "All that is raised on purpose.", (), ("errors",)),
)


def public(module: ModuleType) -> list[str]:
    """Public names of a module: its ``__all__``, or the classes that it defines."""
    names = getattr(module, "__all__", None)
    if names is not None:
        return list(names)
    return [
        name
        for name, value in vars(module).items()
        if inspect.isclass(value) and value.__module__ == module.__name__
    ]


def what(value: object) -> int:
    """Classes come first, then functions, then constants."""
    return 0 if inspect.isclass(value) else 1 if callable(value) else 2


def members(page: ApiPage) -> list[str]:
    """Full names of what is on a page."""
    found = [f"zfwidgets.{name}" for name in page.names]
    for module in page.modules:
        home = getattr(zfwidgets, module)
        names = sorted(public(home), key=lambda name: what(getattr(home, name)))
        found += [f"zfwidgets.{module}.{name}" for name in names]
    return found


def write(out: Path) -> None:
    """Write the pages."""
    out.mkdir(parents=True)
    for page in PAGES:
        blocks = [f"# {page.title}", page.text]
        blocks += [f"::: {name}" for name in members(page)]
        (out / f"{page.file}.md").write_text("\n\n".join(blocks) + "\n", "utf-8")
