"""Names that are data, never markup, whoever shows them."""

from __future__ import annotations

CANARY = "zfHostile"
"""A global that a script sets, should one of the names run."""

_RUN = f"window.{CANARY}=1"

NAMES = (
    f"<script>{_RUN}</script>",
    f"</script><script>{_RUN}</script>",
    f'"><img src=x onerror={_RUN}>',
    f"<img src='x' onerror='{_RUN}'>",
    f"<svg onload={_RUN}>",
    f"' onmouseover='{_RUN}' x='",
    f"javascript:{_RUN}",
    f"<style>@import 'http://127.0.0.1:9/{CANARY}.css'</style>",
    "<!-- <![CDATA[ ]]> -->",
    "</title></textarea></style></noscript>",
    "&lt;b&gt; &amp; &#0; &quot;",
    "quote \" ' ` \\ \\u0022 ${x} {{x}} {% x %} %s %(x)s",
    "\u202eabc\u202c \u05e9\u05dc\u05d5\u05dd \u200f",
    "nul \0 bell \x07 escape \x1b[31m del \x7f",
    "line\nbreak\r\n\ttab \u2028\u2029",
    "lone surrogate \udcff \ud800",
    "combining e" + "\u0301" * 60,
    "\U0001f1ec\U0001f1e7 \U0001f469\u200d\U0001f52c",
    " ",
    "constructor",
    "__proto__",
    "#layer=conv1&channel=1",
    "x" * 10_000,
    "<b>" * 3_000,
)
"""Script tags, quotes, right-to-left marks, NUL, what breaks lines and encodings, 10 kB."""


def for_files(names: tuple[str, ...] = NAMES) -> list[str]:
    """Those that file systems take, made to fit."""
    usable = (n.replace("/", "\u2215").replace("\0", "\x01") for n in names)
    return [f"{i:02} {name[:80]}" for i, name in enumerate(usable) if _encodable(name)]


def for_modules(names: tuple[str, ...] = NAMES) -> list[str]:
    """Those that modules of PyTorch may have, and Python's source text: no dots, no surrogates."""
    usable = (name.replace(".", "") for name in names if _encodable(name))
    return [f"{i} {name}" for i, name in enumerate(usable)]


def _encodable(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
