"""Text around the views: Markdown, in which HTML is text and nothing is loaded from elsewhere."""

from __future__ import annotations

import re
from typing import Any

from ...errors import MissingDependency

LINK = re.compile(r"(?i)https?:|mailto:|#")
"""Where links may lead: to the web, to mail, and to what the page itself shows."""
PICTURE = re.compile(r"(?i)data:image/(png|jpeg|gif|webp);")


def to_html(text: str) -> str:
    """Markdown as HTML: safe to put into a page, whatever it says.

    Tags are shown as they are written, links lead to http, https, mail and places in the page
    only, and pictures that would be loaded become links to them.

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

    class Parser(MarkdownIt):
        def validateLink(self, url: str) -> bool:
            return bool(LINK.match(url) or PICTURE.match(url))

    parser = Parser("commonmark", {"html": False}).enable("table")
    parser.add_render_rule("image", _image)
    parser.add_render_rule("link_open", _link)
    rendered: str = parser.render(text.replace("\0", "\N{REPLACEMENT CHARACTER}"))
    return rendered


def _link(renderer: Any, tokens: Any, at: int, options: Any, env: Any) -> str:
    token = tokens[at]
    if not LINK.match(str(token.attrGet("href") or "")):  # a picture's address
        token.attrs.pop("href", None)
    rendered: str = renderer.renderToken(tokens, at, options, env)
    return rendered


def _image(renderer: Any, tokens: Any, at: int, options: Any, env: Any) -> str:
    from html import escape

    token = tokens[at]
    source = str(token.attrGet("src") or "")
    words = escape(token.content or source)
    if PICTURE.match(source):
        return f'<img src="{escape(source)}" alt="{words}">'
    return f'<a href="{escape(source)}" rel="noreferrer">{words}</a>'
