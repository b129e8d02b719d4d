"""Public names that are imported when they are first used, so that a package stays light."""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from .bars import waiting
from .errors import needs_torch


def resolver(
    package: str, homes: Mapping[str, str]
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Make ``__getattr__`` and ``__dir__`` of a package.

    Parameters
    ----------
    package
        Name of the package, its ``__name__``.
    homes
        The module below it that has each public name: ``"module"``, or ``"module:name"`` where
        it is called differently there.
    """

    def resolve(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        module, _, attribute = homes[name].partition(":")
        said = f"{package}.{name}"
        with waiting(f"Loading {said} and what it needs"), needs_torch(said):
            value = getattr(import_module(f".{module}", package), attribute or name)
        setattr(sys.modules[package], name, value)
        return value

    return resolve, lambda: sorted(homes)


def public(
    package: str, file: str
) -> tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]:
    """Make ``__getattr__``, ``__dir__`` and ``__all__`` of a package, from what it imports.

    Its names are those that it imports from its own modules under ``if TYPE_CHECKING:``, so that
    they are listed once, for type checkers and at run time.

    Parameters
    ----------
    package, file
        The package's ``__name__`` and ``__file__``.
    """
    homes = {
        name.name: str(line.module)
        for block in ast.parse(Path(file).read_text("utf-8")).body
        if isinstance(block, ast.If) and ast.unparse(block.test) == "TYPE_CHECKING"
        for line in block.body
        if isinstance(line, ast.ImportFrom)
        for name in line.names
    }
    return *resolver(package, homes), [*homes]
