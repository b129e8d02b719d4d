"""Text around the views: Markdown, in which HTML is text and nothing is loaded from elsewhere."""

from __future__ import annotations

from typing import Any

from ..errors import MissingDependency


def to_html(text: str) -> str:
    """Markdown as HTML: safe to put into a page, whatever it says.

    Tags are shown as they are written, links lead to http, https and mail only, and pictures that
    would be loaded become links to them.

    Raises
    ------
    MissingDependency
        Without markdown-it-py.
    """
    try:
        from markdown_it import MarkdownIt
    except ImportError as error:
        raise MissingDependency(
            "A report's text needs markdown-it-py: pip install markdown-it-py"
        ) from error
    parser = MarkdownIt("commonmark", {"html": False}).enable("table")
    parser.add_render_rule("image", _image)
    rendered: str = parser.render(text.replace("\0", "\N{REPLACEMENT CHARACTER}"))
    return rendered


def _image(renderer: Any, tokens: Any, at: int, options: Any, env: Any) -> str:
    from html import escape

    token = tokens[at]
    source = str(token.attrGet("src") or "")
    words = escape(token.content or source)
    if source.startswith("data:image/"):
        return f'<img src="{escape(source)}" alt="{words}">'
    return f'<a href="{escape(source)}" rel="noreferrer">{words}</a>'
