"""The experiments at full length, computed before and shipped small: what examples open on.

`recorded("evolution")` gives a `zfwidgets.experiments.Recording`; every experiment's widget shows
one in the place of an engine. ``python -m tools.recordings.build`` computes them anew, in the
project's sources.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..._lazy import public

if TYPE_CHECKING:
    from .opening import recorded, recorded_names, trained_network

__getattr__, __dir__, __all__ = public(__name__, __file__)
