"""The experiments: each one call that gives a record; each with a widget of its own.

- `sanity_check`: does a projection depend on the trained parameters? (`zfwidgets.SanityCheck`)
- `train`: what the others train networks with.

Every experiment is a subpackage: its records need no torch, its computation is imported when a
name of it is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._lazy import resolver

_HOMES = {
    "SanityControl": "sanity.records",
    "SanityResult": "sanity.records",
    "SanityStep": "sanity.records",
    "Similarity": "sanity.similarity",
    "TrainingRecord": "training.records",
    "compare": "sanity.similarity",
    "sanity_check": "sanity.check",
    "sanity_steps": "sanity.check",
    "train": "training.loop",
    "train_steps": "training.loop",
}

__all__ = [*_HOMES]

if TYPE_CHECKING:
    from .sanity.check import sanity_check, sanity_steps
    from .sanity.records import SanityControl, SanityResult, SanityStep
    from .sanity.similarity import Similarity, compare
    from .training.loop import train, train_steps
    from .training.records import TrainingRecord

__getattr__, __dir__ = resolver(__name__, _HOMES)
