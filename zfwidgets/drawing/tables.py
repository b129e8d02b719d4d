"""Small tables in HTML, in the notebook's own colours."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence


def table_html(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Heads and rows of text as an HTML table; the first column names the row.

    Lines aren't broken: where there is no room, the table scrolls sideways.

    Returns
    -------
    str
        For `ipywidgets.HTML`.
    """
    cell = "padding:1px 10px 1px 0;white-space:nowrap;text-align:{}"
    head = "".join(
        f'<th scope="col" style="{cell.format("right" if n else "left")}">{html.escape(text)}</th>'
        for n, text in enumerate(heads)
    )
    body = "".join(
        "<tr>"
        + "".join(
            f'<td style="{cell.format("right" if n else "left")}">{html.escape(text)}</td>'
            for n, text in enumerate(row)
        )
        + "</tr>"
        for row in rows
    )
    return (
        '<div style="overflow-x:auto;font-size:smaller;line-height:1.5">'
        f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def small(text: str) -> str:
    """A line on how to read what is above it."""
    return f'<div style="font-size:smaller;line-height:1.4">{html.escape(text)}</div>'


def with_spread(mean: float, spread: float) -> str:
    """A share as a percentage, with its standard deviation where there is one."""
    if not math.isfinite(mean):
        return "..."
    text = f"{100 * mean:.1f}"
    return f"{text} ± {100 * spread:.1f}" if math.isfinite(spread) else text
