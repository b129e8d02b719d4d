"""What is asked of marimo, and what it shows."""

from __future__ import annotations

import sys
from typing import Any


def runs_cells() -> bool:
    """Whether a marimo notebook or app runs here; imports nothing that isn't there."""
    marimo = sys.modules.get("marimo")
    return marimo is not None and bool(marimo.running_in_notebook())


def shows_views(comm: Any) -> bool:
    """Whether a widget's connection is one whose JavaScript marimo's page has."""
    return getattr(comm, "esm_spec", None) is not None


def has_closed(comm: Any) -> bool:
    """Whether marimo has closed a widget's connection, as it does when the cell runs again."""
    return shows_views(comm) and bool(getattr(comm, "_closed", False))


def shown(widget: Any) -> tuple[str, str]:
    """What marimo shows of a widget, as its own display of anywidgets: MIME type and data."""
    import marimo

    mime, data = marimo.ui.anywidget(widget)._mime_()
    return str(mime), str(data)
