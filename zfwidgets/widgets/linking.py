"""`link`: widgets that follow each other."""

from __future__ import annotations

from ..errors import InputError
from .base import EngineWidget
from .selection import Selection


def link(*widgets: EngineWidget) -> Selection:
    """Make widgets share the first one's `Selection`, so that they follow each other.

    Parameters
    ----------
    *widgets
        Two or more of our widgets, of the same engine.

    Returns
    -------
    Selection
        The shared one.

    Raises
    ------
    InputError
        If the widgets belong to engines with different fingerprints, or aren't ours.
    """
    for widget in widgets:
        if not isinstance(widget, EngineWidget):
            raise InputError(
                f"link() takes zfwidgets' widgets, not {type(widget).__name__}; link other "
                "widgets to the traits of widget.selection with traitlets.link."
            )
    if not widgets:
        raise InputError("link() needs widgets: zf.link(picker, grid).")
    first, *others = widgets
    for widget in others:
        if widget.fingerprint != first.fingerprint:
            raise InputError(
                f"Linked widgets must show the same engine, but {type(first).__name__} has "
                f"engine {first.fingerprint} and {type(widget).__name__} {widget.fingerprint}."
            )
    for widget in others:
        widget.selection = first.selection
    shared: Selection = first.selection
    return shared
