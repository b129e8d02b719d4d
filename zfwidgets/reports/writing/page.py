"""The HTML around a report's parts. Everything that isn't ours is escaped text or base64."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from html import escape

from ... import __version__
from ...widgets.bundle import esm
from .provenance import clean

NEEDS_SCRIPT = "This report needs JavaScript: nothing is loaded, all that it shows is in the file."
MEANWHILE = (
    "This view comes as soon as it has been read. If this line stays, the file was cut short or "
    "changed: get it again from where it came."
)


def policy(script: str, *, folder: bool, figures: bool = False, alive: bool = False) -> str:
    """The Content-Security-Policy that the page asks for itself.

    One script, by its hash; no requests but to the folder's own files. Styles are set by the
    script, which needs 'unsafe-inline' for them; without requests they can tell nobody anything.
    Other packages' ``figures`` bring scripts and fonts of their own, which the file holds. A
    network that is ``alive`` runs in a worker, whose script is in the page's, and in WebAssembly.
    """
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    rules = [
        "default-src 'none'",
        f"script-src 'sha256-{digest}'"
        + (" blob: 'unsafe-eval'" if figures else "")
        + (" 'wasm-unsafe-eval'" if alive else ""),
        "style-src 'unsafe-inline'",
        "img-src data: blob:",
        f"connect-src {chr(39)}self{chr(39)}" if folder else "connect-src 'none'",
        "base-uri 'none'",
        "form-action 'none'",
        *(["font-src data:"] if figures else []),
        *(["worker-src blob:"] if alive else []),
    ]
    return "; ".join(rules)


def place(view: int, meanwhile: str = "", bundle: str = "") -> str:
    """Where a view of a bundle's manifest will be; HTML stands there ``meanwhile``."""
    meanwhile = meanwhile or (
        f'<p class="zf-meanwhile">{MEANWHILE}</p><noscript>{NEEDS_SCRIPT}</noscript>'
    )
    of = f' data-zf-bundle="{bundle}"' if bundle else ""
    return f'<div class="zf-place" data-zf-view="{view}"{of}>{meanwhile}</div>'


def lesson(number: int) -> str:
    """Where a worksheet will be."""
    return f'<div class="zf-place zf-lesson-box" data-zf-lesson="{number}"></div>'


def figure(number: int, bundle: str = "") -> str:
    """Where another package's widget will be."""
    of = f' data-zf-bundle="{bundle}"' if bundle else ""
    return f'<div class="zf-figure" data-zf-figure="{number}"{of}></div>'


def element(name: str, part: bytes, bundle: str = "") -> bytes:
    """A part inside a page."""
    opening = f'<script type="application/octet-stream" id="zf-part-{bundle}{name}">'
    return opening.encode() + base64.b64encode(part) + b"</script>\n"


def render(
    title: str,
    body: Sequence[str],
    provenance: str,
    manifest: bytes,
    parts: Mapping[str, bytes],
    *,
    folder: str | None = None,
    figures: bool = False,
    alive: bool = False,
) -> Iterator[bytes]:
    """The page, piece by piece.

    Parameters
    ----------
    title
        Plain text.
    body
        HTML of texts and places, in order.
    provenance
        HTML.
    manifest, parts
        Packed; ``parts`` are left out if they lie in a ``folder`` beside the page.
    figures
        Whether other packages' widgets are among them.
    alive
        Whether a network is.
    """
    script = esm("report_alive" if alive else "report")
    asked = policy(script, folder=folder is not None, figures=figures, alive=alive)
    name = escape(clean(title))
    beside = f'<meta name="zfwidgets-parts" content="{escape(folder)}">\n' if folder else ""
    yield (
        "<!doctype html>\n"
        '<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta http-equiv="Content-Security-Policy" '
        f'content="{escape(asked)}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="referrer" content="no-referrer">\n'
        f'<meta name="generator" content="zfwidgets {__version__}">\n{beside}'
        f"<title>{name}</title>\n</head>\n"
        f'<body class="zf-page">\n<header><h1><bdi>{name}</bdi></h1>'
        "<div data-zf-tools></div></header>\n<main>\n"
        + "\n".join(body)
        + f"\n</main>\n{provenance}\n<script>"
    ).encode()
    yield script.encode()
    yield b"</script>\n"
    yield element("manifest", manifest)
    if folder is None:
        for part in parts:
            yield element(part, parts[part])
    yield b"</body>\n</html>\n"
