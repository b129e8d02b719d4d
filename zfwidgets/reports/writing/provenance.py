"""Where a report comes from: said in the page, without a path of the author's machine."""

from __future__ import annotations

import platform
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timezone
from html import escape
from importlib import metadata

from ... import __version__
from ...engine.protocol import EngineProtocol
from ...records import STATUSES, Operation, weakest
from .scrubbing import Scrubber

LISTED = 200
"""Skipped files and licences that are listed one by one."""
PACKAGES = ("torch", "torchvision", "numpy", "pillow")


def facts(
    engine: EngineProtocol, layers: Sequence[str], sentences: Iterable[str], scrubber: Scrubber
) -> list[tuple[str, str]]:
    """Terms and what is to be said of each."""
    info = engine.info
    found = [
        ("Model", f"{info.model}, input {' × '.join(map(str, info.input_shape))}"),
        ("Fingerprint", f"{info.fingerprint} (weights, transform and images)"),
        ("Transform", info.transform),
        ("Images", f"{len(info.images)}, {len(info.skipped)} skipped"),
        ("Layers", f"{len(layers)} of {len(engine.layers)}"),
        ("Computed on", f"{info.device}, {platform.python_implementation()} {_python()}"),
        ("Versions", ", ".join([f"zfwidgets {__version__}", *_versions()])),
        ("Date", datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC")),
        *(("Note", note) for note in (*info.notes, *sentences)),
    ]
    return [(term, scrubber.text(text)) for term, text in found]


def _python() -> str:
    return platform.python_version()


def _versions() -> list[str]:
    known = {found.metadata["Name"].lower(): found.version for found in _distributions()}
    return [f"{name} {known[name]}" for name in PACKAGES if name in known]


def _distributions() -> list[metadata.Distribution]:
    return [found for name in PACKAGES for found in metadata.distributions(name=name)]


def page(
    terms: Iterable[tuple[str, str]],
    rule: str,
    operations: Mapping[str, Mapping[str, Operation]],
    skipped: Sequence[tuple[str, str]],
    licences: Sequence[tuple[str, str]],
    scrubber: Scrubber,
) -> str:
    """The section at the end of a report, as HTML."""
    left_out = [(scrubber.name(name), scrubber.text(why)) for name, why in skipped]
    rows = "".join(f"<dt>{_text(term)}</dt><dd>{_text(text)}</dd>" for term, text in terms)
    return (
        '<section class="zf-provenance" aria-label="Where this comes from">'
        f"<h2>Where this comes from</h2><dl>{rows}</dl>"
        + _details("How exact projections are", [_exactness(rule, operations, scrubber)])
        + _details("Skipped files", _list(f"{n}: {why}" for n, why in left_out))
        + _details("Licences of the photos", _list(f"{n}: {what}" for n, what in licences))
        + "</section>"
    )


def _exactness(
    rule: str, operations: Mapping[str, Mapping[str, Operation]], scrubber: Scrubber
) -> str:
    """One line for each status that occurs, and which layers it is of."""
    if not operations:
        return ""
    by_status: dict[str, list[str]] = {}
    for layer, met in operations.items():
        by_status.setdefault(weakest(met.values()), []).append(layer)
    said = {o.name: o for met in operations.values() for o in met.values()}
    lines = [f"{status}: {STATUSES[status]}. {', '.join(by_status[status])}"
             for status in STATUSES if status in by_status]  # fmt: skip
    lines += [f"{o.name}: {o.status}{f'; {o.note}' if o.note else ''}" for o in said.values()]
    return f"<p>Rule: {_text(rule)}.</p>" + "".join(_list(map(scrubber.text, lines)))


def _list(lines: Iterable[str]) -> list[str]:
    lines = list(lines)
    shown = [f"<li>{_text(line)}</li>" for line in lines[:LISTED]]
    if len(lines) > LISTED:
        shown.append(f"<li>and {len(lines) - LISTED} more</li>")
    return ["<ul>", *shown, "</ul>"] if shown else []


def _details(summary: str, content: Sequence[str]) -> str:
    inside = "".join(content)
    return f"<details><summary>{summary}</summary>{inside}</details>" if inside else ""


def _text(text: str) -> str:
    """Text as data, whatever it says: its own direction, no markup, no NUL."""
    return f"<bdi>{escape(clean(text))}</bdi>"


def clean(text: str) -> str:
    """Text that UTF-8 and HTML can carry."""
    text = text.replace("\0", "\N{REPLACEMENT CHARACTER}")
    return text.encode("utf-8", "replace").decode()
