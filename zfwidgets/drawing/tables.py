"""Small tables and lines in HTML; js/src/styles/experiments/experiment.css has their looks."""

from __future__ import annotations

import html
import math
from collections.abc import Callable, Sequence

from .palette import colour


def table_html(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Heads and rows of text as an HTML table; the first column names the row.

    Lines aren't broken: where there is no room, the table scrolls sideways.

    Returns
    -------
    str
        For `ipywidgets.HTML`.
    """
    head = "".join(f'<th scope="col">{html.escape(text)}</th>' for text in heads)
    body = "".join(
        "<tr>" + "".join(f"<td>{html.escape(text)}</td>" for text in row) + "</tr>" for row in rows
    )
    return (
        f'<div class="zf-table"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def key(names: Sequence[str]) -> str:
    """Names of what has the colours of series, beside these."""
    return "&ensp; ".join(
        '<span class="zf-key"><span class="zf-line-key" '
        f'style="border-top-color:{colour(number)}"></span>{html.escape(name)}</span>'
        for number, name in enumerate(names)
    )


def small(text: str) -> str:
    """A line on how to read what is above it."""
    return f'<div class="zf-note">{html.escape(text)}</div>'


def problem(text: str) -> str:
    """What is wrong, in the place where it is wrong."""
    return f'<div class="zf-problem" role="alert">{html.escape(text)}</div>'


def with_spread(mean: float, spread: float, fixed: Callable[[float, int], str]) -> str:
    """A share as a percentage, with its standard deviation where there is one.

    ``fixed`` writes a number with so many digits behind the point.
    """
    if not math.isfinite(mean):
        return "..."
    text = fixed(100 * mean, 1)
    return f"{text} ± {fixed(100 * spread, 1)}" if math.isfinite(spread) else text
