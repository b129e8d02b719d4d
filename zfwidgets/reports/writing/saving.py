"""`save_report`: widgets as one HTML file that needs neither kernel nor network."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...bars import waiting
from .. import files
from .draft import Draft
from .planning import Plan, megabytes


@dataclass(frozen=True)
class SavedReport:
    """A report on disk.

    Attributes
    ----------
    path
        The file, or the folder.
    size
        In bytes, all files together.
    plan
        What was to be in it.
    left_out
        Sentences on what didn't fit the budget.
    """

    path: Path
    size: int
    plan: Plan
    left_out: tuple[str, ...]

    def __str__(self) -> str:
        left = "".join(f"\n{line}" for line in self.left_out)
        return f"{self.path}: {megabytes(self.size)}{left}"


def save_report(
    widgets: Any,
    path: str | Path,
    *,
    layers: Iterable[str] | str | None = None,
    channels: Any = None,
    images: Iterable[int | str] | str | None = None,
    budget: str | float | None = "25 MB",
    title: str | None = None,
    text: str = "",
    alive: bool = False,
    precision: str = "float16",
    licence: str = "",
    progress: bool = True,
) -> SavedReport:
    """Write widgets as a report: one HTML file, alive without kernel and network.

    The page shows the same views, with the same keys; what would need a kernel is disabled and
    says so. It makes no requests and opens from disk as from any static host.

    Parameters
    ----------
    widgets
        An Explorer, another widget, or a list of widgets and of Markdown texts between them. All
        widgets are of one engine: a `zfwidgets.Compare` of two channels can stand in a report, one
        of two networks can't. An engine stands for its Explorer. A `zfwidgets.Worksheet` asks
        and checks in the page. Other packages' widgets (ipywidgets, bqplot) may stand between
        them; what Python computes for them stays as it is.
    path
        ``report.html``; a path of any other ending is a folder with a page and a file for each
        part, for what is larger, to be served by any static host.
    layers
        Names of the layers that it holds, ``"all"``, or None: convolutions, and what is chosen.
    channels
        Channels whose nine projections are all stored, beside those that the widgets show: a list
        for the layer that is chosen, ``{layer: list or "all"}``, or ``"all"``. Of all others the
        strongest is stored, and all nine of as many as a ``budget`` leaves room for.
    images
        Indices or names of the photos whose occlusion maps are stored, or ``"all"``. None: the
        chosen photo, and those of the chosen channel's strongest patches.
    budget
        Size of the file at most, like ``"25 MB"``; None: as much as it takes. See
        `zfwidgets.reports.writing.planning` for what goes first.
    title
        Title of the page.
    text
        Markdown before the widgets; HTML in it is shown, not obeyed.
    alive
        Put the network itself into it: the page computes what isn't stored, also of photos that
        the reader brings. Photos are then stored without loss. `plan_report` says what that adds.
    precision
        What the weights of its filters are kept as, ``"int8"``, ``"float16"`` or ``"float32"``;
        what that costs is measured on some of the photos, and stands on the page.
    licence
        Licence of the weights: asked for with ``alive``, and stands on the page.
    progress
        Show how far it is.

    Returns
    -------
    SavedReport
        Where it is, how large, and what didn't fit.

    Raises
    ------
    InputError
        For what can't be shown, chosen or written; a network that can't live in a page, naming
        the operation. The file that was there is left as it was.
    """
    with waiting("Writing the report", shown=progress):
        draft = Draft(widgets, title=title, text=text)
        if alive:
            draft.animate(precision, licence)
        target = Path(path)
        folder = files.is_folder(target)
        plan = draft.plan(
            layers=layers,
            channels=channels,
            images=images,
            budget=budget,
            inline=not folder,
            progress=progress,
        )
        if folder:
            with files.new_folder(target) as new:
                content = draft.collect(plan, progress, inline=False)
                parts = new / files.PARTS
                parts.mkdir()
                size = 0
                for name, part in content.parts.items():
                    size += (parts / files.part_file(name)).write_bytes(part)
                with (new / files.PAGE).open("wb") as file:
                    size += files.write(file, draft.render(content, files.PARTS))
        else:
            with files.new_file(target) as file:
                content = draft.collect(plan, progress)
                size = files.write(file, draft.render(content))
        return SavedReport(target, size, plan, tuple(content.left_out))


def plan_report(
    widgets: Any,
    *,
    layers: Iterable[str] | str | None = None,
    channels: Any = None,
    images: Iterable[int | str] | str | None = None,
    budget: str | float | None = "25 MB",
    folder: bool = False,
    alive: bool = False,
    precision: str = "float16",
) -> Plan:
    """What `save_report` would store, and about how large: a few photos are read, no more.

    With ``alive`` the network is run on a few of them.
    """
    draft = Draft(widgets)
    if alive:
        draft.animate(precision, "not asked for yet")
    return draft.plan(
        layers=layers, channels=channels, images=images, budget=budget, inline=not folder
    )
