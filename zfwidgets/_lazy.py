"""Public names that are imported when they are first used, so that a package stays light."""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

from .bars import waiting
from .errors import needs_torch


def public(
    package: str, file: str, *here: str
) -> tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]:
    """Make ``__getattr__``, ``__dir__`` and ``__all__`` of a package, from what it imports.

    The names are those that it imports from its own modules under ``if TYPE_CHECKING:``, so
    that they are listed once, for type checkers and at run time.

    Parameters
    ----------
    package, file
        The package's ``__name__`` and ``__file__``.
    *here
        Public names that it has itself.
    """
    homes = {
        name.asname or name.name: (line.module, name.name)
        for block in ast.parse(Path(file).read_text("utf-8")).body
        if isinstance(block, ast.If) and ast.unparse(block.test) == "TYPE_CHECKING"
        for line in block.body
        if isinstance(line, ast.ImportFrom)
        for name in line.names
    }
    names = [*here, *homes]

    def resolve(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        module, attribute = homes[name]
        said = f"{package}.{name}"
        with waiting(f"Loading {said} and what it needs"), needs_torch(said):
            if module is None:
                return import_module(f".{attribute}", package)
            value = getattr(import_module(f".{module}", package), attribute)
        setattr(sys.modules[package], name, value)
        return value

    return resolve, lambda: sorted(names), names
