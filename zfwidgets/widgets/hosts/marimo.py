"""What is asked of marimo, and what it shows."""

from __future__ import annotations

import sys
from typing import Any


def runs_cells() -> bool:
    """Whether a marimo notebook or app runs here; imports nothing that isn't there."""
    marimo = sys.modules.get("marimo")
    return marimo is not None and bool(marimo.running_in_notebook())


def shows_views(comm: Any) -> bool:
    """Whether marimo's page has the JavaScript of a widget with this connection, and a kernel.

    What `marimo export html` writes has the JavaScript inside, and no kernel.
    """
    spec = _spec(comm)
    return spec is not None and not str(getattr(spec, "url", "")).startswith("data:")


def has_closed(comm: Any) -> bool:
    """Whether marimo has closed a widget's connection, as it does when the cell runs again."""
    return _spec(comm) is not None and bool(getattr(comm, "_closed", False))


def _spec(comm: Any) -> Any:
    """Where the page finds a widget's JavaScript; None for other connections than marimo's."""
    return getattr(comm, "esm_spec", None)


def shown(widget: Any) -> tuple[str, str]:
    """What marimo shows of a widget, as its own display of anywidgets: MIME type and data."""
    import marimo

    mime, data = marimo.ui.anywidget(widget)._mime_()
    return str(mime), str(data)
