"""Files that are written whole or not at all, one writer a folder, with checksums."""

from __future__ import annotations
