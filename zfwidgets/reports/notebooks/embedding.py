"""The widgets that a kernel shows, as bundles for a page that isn't ours: an exported notebook."""

from __future__ import annotations

import json
from collections.abc import Iterable
from html import escape
from pathlib import Path
from typing import Any

from ...errors import InputError
from ...widgets.base import EngineWidget
from ...widgets.static_picture.two_outputs import TwoOutputs
from ...widgets.static_picture.unattended import inside
from ..parts import pack
from ..writing import figures, page
from ..writing.draft import Draft
from ..writing.items import VIEWS

PLACES = "places.json"
BUNDLES = "bundles.html"
FOLDERS = "folders.json"


def picture_of(model: str | None) -> str:
    """Where the static picture of a widget is put in a place."""
    return f"<!-- zfwidgets picture {model} -->"


def shown() -> list[EngineWidget]:
    """The widgets of this process that were displayed, in the order in which they were made."""
    from ipywidgets.widgets import widget

    return [
        one
        for one in list(widget._instances.values())  # noqa: SLF001 -- ipywidgets' own list
        if isinstance(one, EngineWidget) and one.displayed and one.page_module in VIEWS
    ]


def save_shown(folder: str | Path, *, budget: str | float | None = "10 MB") -> None:
    """Write what was displayed into a folder, for `zfwidgets.reports.notebooks.exporter`.

    ``places.json`` says which bundle and view each widget's model is, ``bundles.html`` holds the
    bundles, one an engine, each of ``budget`` at most, ``folders.json`` lists folders that nobody
    else needs to know. What other packages show in boxes beside our widgets is in the first bundle,
    beyond its budget.
    """
    folder = Path(folder)
    groups: dict[str, list[EngineWidget]] = {}
    for widget in shown():
        groups.setdefault(widget.fingerprint, []).append(widget)
    places: dict[str, Any] = {}
    for number, widgets in enumerate(groups.values()):
        for view, widget in enumerate(widgets):
            meanwhile = picture_of(widget.model_id)
            places[widget.model_id] = page.place(view, meanwhile, f"{number}-")
    boxes = Boxes(places, alive=bool(groups))
    places |= boxes.places
    with (folder / BUNDLES).open("wb") as file:
        for number, widgets in enumerate(groups.values()):
            beside = [] if number else boxes.figures
            file.writelines(_bundle(widgets, beside, f"{number}-", budget))
    (folder / PLACES).write_text(json.dumps(places), "utf-8")
    known = {name for one in shown() for name in getattr(one.engine, "folders", ())}
    (folder / FOLDERS).write_text(json.dumps(sorted(known)), "utf-8")


class Boxes:
    """What stands for boxes with widgets of ours.

    Parameters
    ----------
    views
        Places of our widgets, by their models.
    alive
        Whether there is a bundle that can hold other packages' widgets.

    Attributes
    ----------
    places
        HTML of each box, by its model.
    figures
        Other packages' widgets in them, as they are numbered there.
    """

    def __init__(self, views: dict[str, str], *, alive: bool) -> None:
        self._views, self._shown = views, alive
        self.figures: list[Any] = []
        boxes = [box for box in _boxes() if _holds_ours(box)]
        self.places = {box.model_id: self._box(box) for box in boxes}
        if self.figures and not _can_be_shown(self.figures):
            self._shown, self.figures = False, []
            self.places = {box.model_id: self._box(box) for box in boxes}

    def _box(self, box: Any) -> str:
        """Places of what is in a box, beside or below each other as there, and what they are."""
        kept: list[str] = []
        left: list[str] = []
        html = self._laid_out(box, kept, left)
        for names, why in (
            (kept, "As they were when the notebook ran, since a kernel changes them"),
            (left, "Left out, as they need a kernel"),
        ):
            if names:
                html += f"<p>{why}: {escape(', '.join(names))}.</p>"
        return html

    def _laid_out(self, box: Any, kept: list[str], left: list[str]) -> str:
        parts = [self._part(one, kept, left) for one in box.children]
        titles = getattr(box, "titles", ())  # of tabs, of which all are shown
        for number, title in enumerate(titles[: len(parts)]):
            parts[number] = f"<p><strong>{escape(title)}</strong></p>{parts[number]}"
        if not _beside(box):
            return "".join(parts)
        cells = "".join(f'<div style="flex: 1 1 0; min-width: 300px">{one}</div>' for one in parts)
        return f'<div style="display: flex; flex-wrap: wrap; gap: 8px">{cells}</div>'

    def _part(self, one: Any, kept: list[str], left: list[str]) -> str:
        model = one.model_id
        if model in self._views:
            return self._views[model]
        if isinstance(one, TwoOutputs):  # has no view in a report, but a picture
            return picture_of(model)
        if _holds_ours(one):
            return self._laid_out(one, kept, left)
        leaves = [part for part in inside(one) if not getattr(part, "children", ())]
        names = [type(part).__name__ for part in leaves or [one]]
        if not (self._shown and figures.is_figure(one)):
            left += names
            return ""
        kept += names
        if one not in self.figures:
            self.figures.append(one)
        return page.figure(self.figures.index(one), "0-")


def _boxes() -> list[Any]:
    """The boxes of this process that aren't widgets of ours themselves."""
    from ipywidgets import Box
    from ipywidgets.widgets import widget

    known = list(widget._instances.values())  # noqa: SLF001 -- ipywidgets' own list
    return [one for one in known if isinstance(one, Box) and not isinstance(one, TwoOutputs)]


def _holds_ours(box: Any) -> bool:
    return any(isinstance(one, TwoOutputs) and one.displayed for one in inside(box))


def _beside(box: Any) -> bool:
    from ipywidgets import HBox

    return isinstance(box, HBox)


def _can_be_shown(others: list[Any]) -> bool:
    """Whether the JavaScript of other packages' widgets is installed for notebooks."""
    try:
        return bool(figures.answer(others))
    except InputError:
        return False


def _bundle(
    widgets: list[EngineWidget], beside: list[Any], bundle: str, budget: str | float | None
) -> Iterable[bytes]:
    draft = Draft(widgets)
    plan = draft.plan(budget=budget)
    draft.figures = beside
    content = draft.collect(plan, progress=False)
    yield draft.origin(content).encode()
    yield page.element("manifest", pack([(content.manifest, [])]), bundle)
    for name, part in content.parts.items():
        yield page.element(name, part, bundle)
