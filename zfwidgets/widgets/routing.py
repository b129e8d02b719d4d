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


def follow_in_marimo(comm: Any, followed: Any) -> None:
    """Have marimo run the cells that use a widget when the page changes what the widget refers to.

    marimo runs the cells that use an element again when the page has set a trait of its model; of
    models that this one refers to, as a selection, it knows nothing. Elsewhere this does nothing.

    Parameters
    ----------
    comm
        The widget's connection to the page.
    followed
        That of the model that it refers to. Where several widgets share it, the cells of the one
        that asked last are run.
    """
    element = getattr(comm, "ui_element_id", None)  # marimo's own comms have one
    if element is not None:
        followed.ui_element_id = element


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

    def _handle_custom_msg(self, content: Any, buffers: Any) -> None:
        """Take what the page says: a message, or all that it has to say at once."""
        several = isinstance(content, dict) and content.get("op") == "all"
        of = content.get("of") if several else None
        for one in of if isinstance(of, list) else [content]:
            super()._handle_custom_msg(one, buffers)

    @traitlets.observe("comm")
    def _keep_route(self, change: Any) -> None:
        keep_route(change.new)
