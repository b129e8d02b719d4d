"""The experiments: each one call that gives a record; each with a widget of its own.

- `sanity_check`: does a projection depend on the trained parameters? (`zfwidgets.SanityCheck`)

Every experiment is a subpackage: its records need no torch, its computation is imported when a
name of it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

_HOMES = {
    "SanityControl": "sanity.records",
    "SanityResult": "sanity.records",
    "SanityStep": "sanity.records",
    "Similarity": "sanity.similarity",
    "compare": "sanity.similarity",
    "sanity_check": "sanity.check",
    "sanity_steps": "sanity.check",
}

__all__ = [*_HOMES]

if TYPE_CHECKING:
    from .sanity.check import sanity_check, sanity_steps
    from .sanity.records import SanityControl, SanityResult, SanityStep
    from .sanity.similarity import Similarity, compare


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f".{_HOMES[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
