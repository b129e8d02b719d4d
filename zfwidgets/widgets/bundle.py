"""The built JavaScript, and how that of the widgets comes to the page: once for a kernel."""

from __future__ import annotations

import gzip
import hashlib
import json
import sys
import weakref
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar

import anywidget
import traitlets

from ..errors import MissingDependency
from ..language.words import Words
from .routing import Routed

STATIC = Path(__file__).parents[1] / "static"


def esm(module: str) -> str:
    """The text of a built module.

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


@lru_cache(maxsize=1)
def _packed(text: str) -> tuple[bytes, str]:
    """The code of all widgets as it goes over the wire, and its hash."""
    code = text.encode()
    return gzip.compress(code, 4, mtime=0), hashlib.sha256(code).hexdigest()


def loader(part: str, code: str, language: str | None = None) -> str:
    """The module of a widget: which part of which code it shows, and what loads that."""
    told = {"part": part, "code": code, "says": Words(language).raw("loader.failed")}
    return f"const ZF = {json.dumps(told)};\n{esm('loader')}"


class Code(Routed):
    """The JavaScript of all widgets: a model without a view, to which they refer.

    anywidget sends a widget's module with each instance, and the page imports it anew and never
    lets go of it. So the modules of our widgets are a few lines (``js/src/widgets/alone``), which
    take the code from here unless the page has it.
    """

    packed = traitlets.Bytes(read_only=True).tag(sync=True)
    """The text, by gzip."""
    digest = traitlets.Unicode(read_only=True)
    """Hash of the text."""

    @property
    def _esm(self) -> str:
        return loader("", self.digest)

    def __init__(self) -> None:
        packed, digest = _packed(esm("widgets"))
        self.set_trait("packed", packed)
        self.set_trait("digest", digest)
        super().__init__()

    @property
    def is_there(self) -> bool:
        """Whether pages have it: nobody has closed it, on either side, nor built another."""
        comm = self.comm
        open_ = comm is not None and not getattr(comm, "_closed", False)
        return open_ and self.digest == _packed(esm("widgets"))[1]


_of_kernels: weakref.WeakKeyDictionary[Any, Code] = weakref.WeakKeyDictionary()
"""The one that all widgets of a Jupyter kernel refer to."""


def page_code() -> Code:
    """The model with the code for a new widget.

    All widgets of a Jupyter kernel share one; Solara has a kernel a page. Elsewhere (marimo, Panel)
    a process has many pages, and a model is of the one for which it was made: there each widget has
    its own.
    """
    kernel = _kernel()
    if kernel is None:
        return Code()
    kept = _of_kernels.get(kernel)
    if kept is None or not kept.is_there:
        kept = _of_kernels[kernel] = Code()
    return kept


def _kernel() -> Any:
    ipython = sys.modules.get("IPython")
    return getattr(None if ipython is None else ipython.get_ipython(), "kernel", None)


class Viewed(Routed):
    """A widget with a view, whose code the page has but once."""

    page_module: ClassVar[str]
    """Name of its JavaScript: its file in ``js/src/widgets``."""

    _code = anywidget.WidgetTrait().tag(sync=True)
    """The `Code` that it was made with."""

    @traitlets.default("_code")
    def _made_with(self) -> Code:
        return page_code()

    @property
    def _esm(self) -> str:
        return loader(self.page_module, self._code.digest)

    def close(self) -> None:
        """Remove the widget from the front end."""
        own: Code | None = self._trait_values.get("_code")  # none yet where making it has failed
        super().close()
        if own is not None and own not in _of_kernels.values():
            own.close()
