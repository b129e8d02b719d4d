"""Boxes of ipywidgets in pages that know anywidgets alone, as marimo's: ours, and users' own.

There a box of ours brings a view that shows what is in it (``js/src/widgets/boxes``), and the box
of a user is put into such a one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import ipywidgets

from ..language.words import language_name
from .bundle import Code, Viewed, loader, page_code
from .hosts import marimo
from .routing import Guarded
from .setting.traits import Settable
from .static_picture.two_outputs import TwoOutputs, still_picture
from .static_picture.unattended import inside


class ViewedBox(Guarded, ipywidgets.VBox):
    """A box that has a view of its own in marimo; elsewhere an ipywidgets.VBox.

    marimo's page has a model of each ipywidget, and asks those that bring JavaScript for a view.
    In marimo the box brings the view ``box`` (``js/src/widgets/boxes``), which shows what is in it.
    """

    page_module = "box"

    _code: Code | None = None
    """The code of its view; None where the page shows boxes by itself."""

    def __init__(self, children: Sequence[ipywidgets.Widget] = (), **layout: Any) -> None:
        show_boxes_around()
        if marimo.runs_cells():
            self._code, self._spoken = page_code(), language_name(None)
        super().__init__(children, **layout)

    def _linked(self) -> Sequence[ipywidgets.Widget]:
        """Links between parts that hold in the page (`ipywidgets.jslink`)."""
        return ()

    def get_state(self, key: Any = None, drop_defaults: bool = False) -> dict[str, Any]:
        """The state of all synchronised traits or of some; in marimo, of all with the view."""
        state: dict[str, Any] = super().get_state(key, drop_defaults)
        if key is None and self._code is not None:
            state["_esm"] = loader(self.page_module, self._code.digest, self._spoken)
            state["_code"] = f"anywidget:{self._code.model_id}"
            state["_links"] = [f"anywidget:{link.model_id}" for link in self._linked()]
            state["language"] = self._spoken
        return state

    def close(self) -> None:
        """Remove the box from the front end."""
        super().close()
        if self._code is not None:
            self._code.close()


class LiveBox(TwoOutputs, Settable, ViewedBox):
    """A box of ours, which marimo shows as it shows an anywidget."""

    def _mime_(self) -> tuple[str, str]:
        """What marimo shows: the box, or a picture where it runs no cells."""
        if self.comm is not None and marimo.shows_views(self.comm):
            return marimo.shown(self)
        return "text/html", still_picture(self)


def show_boxes_around() -> None:
    """Have marimo, which shows no boxes of ipywidgets, show those with a widget of ours in them.

    Called when a widget is made. marimo asks whatever it shows for HTML, as IPython does.
    """
    if marimo.runs_cells():
        ipywidgets.Box._repr_html_ = _live


def _live(box: Any) -> str | None:
    """The box as a part of one that has a view; None: marimo says what it says of ipywidgets."""
    if box.comm is None or not any(isinstance(one, (Viewed, ViewedBox)) for one in inside(box)):
        return None
    around = ViewedBox([box])
    return marimo.shown(around)[1] if marimo.shows_views(around.comm) else None
