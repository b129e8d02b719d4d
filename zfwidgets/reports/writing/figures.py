"""Other packages' widgets in a report (ipywidgets, bqplot, ...), with the JavaScript they need.

ipywidgets' HTML manager comes with this package, other modules from where their packages put
them for notebooks, ``share/jupyter/nbextensions/NAME/index.js``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ...errors import InputError
from ...widgets.bundle import esm
from ...widgets.wire.encode import Answer

PART = "figures"
BUILT_IN = ("@jupyter-widgets/base", "@jupyter-widgets/controls", "@jupyter-widgets/output")
REFERENCE = "anywidget:"
"""What the reference to a model begins with that an `anywidget.WidgetTrait` holds."""
FIRST = ("bqscales",)
"""Modules that others need without saying so in the state."""


def is_figure(item: Any) -> bool:
    """Whether it is a widget with a view, of another package: ours would ask a kernel."""
    import ipywidgets

    ours = type(item).__module__.startswith(("zfwidgets.widgets.", "zfwidgets.lessons."))
    return isinstance(item, ipywidgets.DOMWidget) and not ours


def answer(figures: Sequence[Any]) -> Answer:
    """The state of figures and of all that they refer to, and the scripts that show them.

    Raises
    ------
    InputError
        If a package's JavaScript isn't where notebooks find it, naming both.
    """
    from ipywidgets.embed import add_resolved_links

    state = _with_all_references(figures)
    add_resolved_links(state, False)
    models = {"version_major": 2, "version_minor": 0, "state": state}
    modules = {
        name
        for model in state.values()
        for name in (model["model_module"], model["state"].get("_view_module"))
        if name
    }
    needed = sorted(modules - set(BUILT_IN), key=lambda name: (name not in FIRST, name))
    if "bqplot" in needed and "bqscales" not in needed:
        needed.insert(0, "bqscales")
    scripts = [esm("figures"), *(script(name) for name in needed)]
    ids = [figure.model_id for figure in figures]
    return {"state": models, "models": ids}, [text.encode() for text in scripts]


def _with_all_references(figures: Sequence[Any]) -> dict[str, Any]:
    """The state of figures and of all models that theirs refer to, also in anywidget's way."""
    from ipywidgets.embed import dependency_state
    from ipywidgets.widgets.widget import _instances

    wanted = list(figures)
    while True:
        # Defaults too: a page can't know those of other packages.
        state: dict[str, Any] = dependency_state(wanted, drop_defaults=False)
        values = (value for model in state.values() for value in model["state"].values())
        names = {str(value).removeprefix(REFERENCE) for value in values if _refers(value)}
        more = [_instances[name] for name in sorted(names - state.keys()) if name in _instances]
        if not more:
            return state
        wanted += more


def _refers(value: Any) -> bool:
    return isinstance(value, str) and value.startswith(REFERENCE)


def script(module: str) -> str:
    """The AMD module of a package, under its name."""
    from jupyter_core.paths import jupyter_path

    tried = [Path(folder, module, "index.js") for folder in jupyter_path("nbextensions")]
    path = next((path for path in tried if path.is_file()), None)
    if path is None:
        raise InputError(
            f"The JavaScript of {module!r} isn't installed for notebooks: none of "
            f"{', '.join(map(str, tried))} is there. Leave its widgets out of the report."
        )
    text = path.read_text("utf-8")
    anonymous = r"(?<![\w.$])define\(\s*(?=[\[(f])"
    named, count = re.subn(anonymous, f'define("{module}",', text, count=1)
    if count != 1:
        raise InputError(f"{path} isn't an AMD module: its widgets can't be shown in a report.")
    return named
