"""The widgets that a kernel shows, as bundles for a page that isn't ours: an exported notebook."""

from __future__ import annotations

import json
from collections.abc import Iterable
from html import escape
from pathlib import Path
from typing import Any

from ...widgets.base import EngineWidget
from ...widgets.static_picture.unattended import inside
from ..parts import pack
from ..writing import page
from ..writing.draft import Draft
from ..writing.items import VIEWS

PLACES = "places.json"
BUNDLES = "bundles.html"
FOLDERS = "folders.json"
PICTURE = "<!-- the static picture of a widget -->"
"""Where one is put in a place."""


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
    else needs to know.
    """
    folder = Path(folder)
    groups: dict[str, list[EngineWidget]] = {}
    for widget in shown():
        groups.setdefault(widget.fingerprint, []).append(widget)
    places: dict[str, Any] = {}
    with (folder / BUNDLES).open("wb") as file:
        for number, widgets in enumerate(groups.values()):
            bundle = f"{number}-"
            file.writelines(_bundle(widgets, bundle, budget))
            for view, widget in enumerate(widgets):
                places[widget.model_id] = page.place(view, PICTURE, bundle)
    places |= {box.model_id: _boxed(box, places) for box in _boxes() if _holds(box, places)}
    (folder / PLACES).write_text(json.dumps(places), "utf-8")
    known = {name for one in shown() for name in getattr(one.engine, "folders", ())}
    (folder / FOLDERS).write_text(json.dumps(sorted(known)), "utf-8")


def _boxes() -> list[Any]:
    from ipywidgets import Box
    from ipywidgets.widgets import widget

    known = list(widget._instances.values())  # noqa: SLF001 -- ipywidgets' own list
    return [one for one in known if isinstance(one, Box)]


def _holds(box: Any, places: dict[str, Any]) -> bool:
    return any(one.model_id in places for one in inside(box))


def _boxed(box: Any, places: dict[str, Any]) -> str:
    """What stands for a box: the places of our widgets in it, and the names of what is left out."""
    parts = [one for one in inside(box) if not hasattr(one, "children")]
    html = "".join(places[one.model_id] for one in parts if one.model_id in places)
    others = [type(one).__name__ for one in parts if one.model_id not in places]
    if others:
        html += f"<p>Left out, as they need a kernel: {escape(', '.join(others))}.</p>"
    return html


def _bundle(
    widgets: list[EngineWidget], bundle: str, budget: str | float | None
) -> Iterable[bytes]:
    draft = Draft(widgets)
    content = draft.collect(draft.plan(budget=budget), progress=False)
    yield draft.origin(content).encode()
    yield page.element("manifest", pack([(content.manifest, [])]), bundle)
    for name, part in content.parts.items():
        yield page.element(name, part, bundle)
