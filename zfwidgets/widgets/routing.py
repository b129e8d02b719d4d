"""What messages from the page may change, and where they go in a kernel with subshells.

JupyterLab sends the messages of widgets to a subshell of the page, a thread beside the main one.
ipykernel 7.4 sends them on to the subshell whose message was being handled when the kernel last
spoke to the widget. Its purpose is a cell that waits for a widget. But that may be the subshell of
another page, or of one that is gone: then all that the page says is lost, and says nothing.
"""

from __future__ import annotations

import logging
from typing import Any, ClassVar

import anywidget
import ipywidgets
import traitlets

from .setting.traits import Settable

_log = logging.getLogger(__name__)


def keep_route(comm: Any) -> None:
    """Have a comm's messages handled in the subshell to which the page sends them."""
    if hasattr(comm, "_reply_subshell_for"):
        comm._reply_subshell_for = _as_sent  # noqa: SLF001 -- ipykernel's, see above


def keep_routes(widget: ipywidgets.Widget) -> None:
    """The same for a box of ipywidgets, and for all that is in it."""
    keep_route(widget.comm)
    for child in getattr(widget, "children", ()):
        keep_routes(child)


def _as_sent(_data: Any, subshell: str | None) -> str | None:
    return subshell


class Guarded(ipywidgets.Widget):
    """A widget of whose state the page may change only what `page_may_set` names.

    traitlets' ``read_only`` and validators hold for Python's assignments; a message from the page
    passes by them, and a page may be anybody's who can reach the kernel's messages.
    """

    page_may_set: ClassVar[frozenset[str]] = frozenset()
    """Traits that users change in the page."""

    def set_state(self, sync_data: dict[str, Any]) -> None:
        """Take over what the page may set, and tell it the truth of all else."""
        allowed = {name: value for name, value in sync_data.items() if self._may_set(name)}
        refused = [name for name in sync_data if name not in allowed and name in self.keys]
        try:
            if allowed:
                super().set_state(allowed)
        except traitlets.TraitError as error:
            _log.warning("The page has set what can't be: %s", error)
            refused += [name for name in allowed if name in self.keys]
        if refused:
            self.send_state(refused)

    def _may_set(self, name: str) -> bool:
        # ipywidgets counts views so, where somebody asked for it by setting it to a number.
        return name in self.page_may_set or (name == "_view_count" and self._view_count is not None)


class Routed(Settable, Guarded, anywidget.AnyWidget):
    """A widget that answers every page, whichever others come and go."""

    @traitlets.observe("comm")
    def _keep_route(self, change: Any) -> None:
        keep_route(change.new)
