"""Cells that a program runs: there a widget's static picture is all that readers will see.

Where somebody looks, displaying a widget waits for nothing. Where a program runs the cells and
saves what they show (nbconvert, papermill, Quarto, Jupyter Book), the end of each cell waits until
the pictures of the widgets that were displayed are those of their present views. Widgets in a box
have no second output where somebody looks, as the box lives; there they get one, after the box.
"""

from __future__ import annotations

import sys
import time
import weakref
from typing import Any, Protocol

from ...bars import unattended

VIEW = "application/vnd.jupyter.widget-view+json"
WAIT = 120.0
"""Seconds that the cells of a notebook wait for one widget's picture, all together."""


class Pictured(Protocol):
    """A displayed widget, as far as its picture goes."""

    @property
    def displayed(self) -> bool:
        """Whether it was displayed, and isn't closed."""

    def _show_beside(self) -> None:
        """Have a picture though the widget itself is displayed by something else, a box."""

    def _complete_picture(self, timeout: float) -> bool:
        """Have the picture show the present view; False if time ran out. Raises what failed."""


def complete_later(widget: Pictured) -> None:
    """Wait for the picture of a widget at the end of each cell that a program runs.

    Called when a widget is made: where it is displayed, and whether, is seen later.
    """
    from IPython.core.getipython import get_ipython

    shell: Any = get_ipython()
    if getattr(shell, "kernel", None) is None:
        return
    if shell not in _waiters:
        _waiters[shell] = _Waiter(shell)
    _waiters[shell].add(widget)


def inside(widget: Any) -> list[Any]:
    """The widgets in a box and its boxes, the innermost first."""
    found: list[Any] = []
    for child in getattr(widget, "children", ()):
        found += [*inside(child), child]
    return found


class _Waiter:
    """Waits at the end of cells for the pictures of what they display."""

    def __init__(self, shell: Any) -> None:
        self._left: weakref.WeakKeyDictionary[Any, float] = weakref.WeakKeyDictionary()
        self._said: weakref.WeakKeyDictionary[Any, str] = weakref.WeakKeyDictionary()
        self._views: list[str] = []  # what this cell displayed, by the models' ids
        hook = getattr(shell.display_pub, "register_hook", None)  # other kernels have none
        if hook is not None:
            hook(self._heed)
        shell.events.register("post_run_cell", self._after_cell)

    def add(self, widget: Pictured) -> None:
        self._left.setdefault(widget, WAIT)

    def _heed(self, message: Any) -> Any:
        data = message.get("content", {}).get("data", {})
        if VIEW in data:
            self._views.append(data[VIEW].get("model_id"))
        return message

    def _boxed(self, result: Any) -> list[Any]:
        """Our widgets in boxes that the cell displayed, in order."""
        from ipywidgets import Box, Widget
        from ipywidgets.widgets import widget

        # ipywidgets' own list: of 8, and of 7
        known = widget._instances if hasattr(widget, "_instances") else Widget.widgets  # noqa: SLF001
        shown = [known.get(name) for name in self._views] + [getattr(result, "result", None)]
        self._views.clear()
        # ipywidgets 7 displays a result itself, so that it is among the views too.
        boxes = dict.fromkeys(
            one for one in shown if isinstance(one, Box) and one not in self._left
        )
        return [one for box in boxes for one in self._pictured(box) if not one.displayed]

    def _pictured(self, box: Any) -> list[Any]:
        """Our widgets in a box; not what is in these, which is in their pictures."""
        found: list[Any] = []
        for child in getattr(box, "children", ()):
            found += [child] if child in self._left else self._pictured(child)
        return found

    def _after_cell(self, result: Any = None) -> None:
        boxed = self._boxed(result)
        if not unattended():
            return
        for widget in boxed:
            widget._show_beside()  # noqa: SLF001 -- who displays is asked
        for widget, left in list(self._left.items()):
            if not widget.displayed:
                continue
            began = time.monotonic()
            why = ""
            try:
                if not widget._complete_picture(left):  # noqa: SLF001 -- who displays is asked
                    why = (
                        f"that takes more than {WAIT:.0f} s. To wait longer, call "
                        "settle(timeout=...) on the widget in a cell of its own."
                    )
            except Exception as error:  # noqa: BLE001 -- the notebook goes on without the picture
                why = f"{type(error).__name__}: {error}"
            self._left[widget] = max(0.0, left - (time.monotonic() - began))
            if why and why != self._said.get(widget):
                self._said[widget] = why
                name = type(widget).__name__
                sys.stderr.write(f"zfwidgets.{name}: the static picture isn't complete: {why}\n")


_waiters: weakref.WeakKeyDictionary[Any, _Waiter] = weakref.WeakKeyDictionary()
