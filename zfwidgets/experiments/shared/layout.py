"""How an experiment's box is laid out: panels beside each other, rows of controls, headings."""

from __future__ import annotations

import html
from collections.abc import Sequence

import ipywidgets


def beside(*parts: Sequence[ipywidgets.Widget], narrow: bool = False) -> ipywidgets.HBox:
    """Panels beside each other where there is room, else below each other.

    ``narrow``: four have room where others are two.
    """
    columns = [ipywidgets.VBox([*part]) for part in parts]
    for column in columns:
        column.add_class("zf-column")
    box = ipywidgets.HBox(columns)
    box.add_class("zf-beside")
    if narrow:
        box.add_class("zf-narrow")
    return box


def controls(*parts: ipywidgets.Widget) -> ipywidgets.HBox:
    """A row of buttons, menus and sliders."""
    row = ipywidgets.HBox([*parts])
    row.add_class("zf-controls-row")
    return row


def heading(text: str) -> ipywidgets.HTML:
    """What a panel is called."""
    return ipywidgets.HTML(
        f'<div class="zf-heading" role="heading" aria-level="3">{html.escape(text)}</div>'
    )
