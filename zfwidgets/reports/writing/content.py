"""What was collected for a report."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ...records import Operation
from ..parts import checksum


@dataclass
class Content:
    """What was collected.

    Attributes
    ----------
    parts
        By name, each packed.
    manifest
        What the page and `StoredEngine` read first.
    operations
        What the projections met on their way, by layer.
    left_out
        Sentences on what didn't fit the budget.
    """

    parts: dict[str, bytes] = field(default_factory=dict)
    manifest: dict[str, Any] = field(default_factory=dict)
    operations: dict[str, dict[str, Operation]] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)

    def add(self, name: str, part: bytes) -> None:
        """Add a part after all others."""
        self.parts[name] = part
        self.manifest["parts"][name] = list(checksum(part))
