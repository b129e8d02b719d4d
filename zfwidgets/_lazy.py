"""Public names that are imported when they are first used, so that a package stays light."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

from .bars import waiting


def resolver(
    package: str, homes: Mapping[str, str]
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Make ``__getattr__`` and ``__dir__`` of a package.

    Parameters
    ----------
    package
        Its ``__name__``.
    homes
        The module below it that has each public name: ``"module"``, or ``"module:name"`` where
        it is called differently there.
    """

    def resolve(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        module, _, attribute = homes[name].partition(":")
        with waiting(f"Loading {package}.{name} and what it needs"):
            value = getattr(import_module(f".{module}", package), attribute or name)
        setattr(sys.modules[package], name, value)
        return value

    return resolve, lambda: sorted(homes)
