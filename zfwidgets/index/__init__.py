"""Top-k indexes on disk, read without torch: ``zf.index.read(path)``.

An index is a folder with ``index.safetensors``: arrays, and in the file's header a JSON
description with a schema version and fingerprints.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._lazy import public

__all__ = ["LayerIndex", "Mismatch", "TopKIndex", "Verification", "read"]

if TYPE_CHECKING:
    from .records import LayerIndex, TopKIndex
    from .storing import read
    from .verification import Mismatch, Verification

__getattr__, __dir__, _ = public(__name__, __file__)
