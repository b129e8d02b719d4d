"""The experiments: each one call that gives a record; each with a widget of its own.

- `sanity_check`: does a projection depend on the trained parameters? (`zfwidgets.SanityCheck`)
"""

from __future__ import annotations

from .records import SanityControl, SanityResult, SanityStep
from .sanity import sanity_check, sanity_steps
from .similarity import Similarity, compare

__all__ = [
    "SanityControl",
    "SanityResult",
    "SanityStep",
    "Similarity",
    "compare",
    "sanity_check",
    "sanity_steps",
]
