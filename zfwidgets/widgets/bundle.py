"""The built JavaScript of each widget."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from ..errors import MissingDependency

STATIC = Path(__file__).parents[1] / "static"


def esm(module: str) -> str:
    """The ES module of a widget.

    Raises
    ------
    MissingDependency
        In a source checkout whose JavaScript isn't built.
    """
    path = STATIC / f"{module}.js"
    try:
        return _text(path, path.stat().st_mtime_ns)
    except FileNotFoundError:
        raise MissingDependency(
            f"The JavaScript of the widgets isn't built: {path} is missing. In a source checkout "
            "run `python js/hatch_build.py` (it needs Node.js); a release wheel carries it."
        ) from None


@lru_cache
def _text(path: Path, _changed: int) -> str:
    """A file's text, once for all widgets: each holds it for as long as the kernel lives."""
    return path.read_text("utf-8")
