"""Where messages from the page go in a kernel with subshells.

JupyterLab sends the messages of widgets to a subshell of the page, a thread beside the main one.
ipykernel 7.4 sends them on to the subshell whose message was being handled when the kernel last
spoke to the widget. Its purpose is a cell that waits for a widget. But that may be the subshell of
another page, or of one that is gone: then all that the page says is lost, and says nothing.
"""

from __future__ import annotations

from typing import Any

import anywidget
import ipywidgets
import traitlets

from .traits import Settable


def keep_route(comm: Any) -> None:
    """Have a comm's messages handled in the subshell to which the page sends them."""
    if hasattr(comm, "_reply_subshell_for"):
        comm._reply_subshell_for = _as_sent


def keep_routes(widget: ipywidgets.Widget) -> None:
    """The same for a box of ipywidgets, and for all that is in it."""
    keep_route(widget.comm)
    for child in getattr(widget, "children", ()):
        keep_routes(child)


def _as_sent(_data: Any, subshell: str | None) -> str | None:
    return subshell


class Routed(Settable, anywidget.AnyWidget):
    """A widget that answers every page, whichever others come and go."""

    @traitlets.observe("comm")
    def _keep_route(self, change: Any) -> None:
        keep_route(change.new)
