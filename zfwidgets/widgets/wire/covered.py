"""Covered patches on their way to the browser."""

from __future__ import annotations

from ...records import CoveredPatches
from .encode import Answer


def cover_answer(found: CoveredPatches, k: int) -> Answer:
    """Covered patches, all or as many as there are, as they cross the wire."""
    covers = [
        {
            "image": p.activation.image,
            "name": p.activation.image_name,
            "unit": [p.activation.unit.row, p.activation.unit.col],
            "box": p.box.to_json(),
            "before": p.before,
            "after": p.after,
            "moved": {
                "row": p.moved.unit.row,
                "col": p.moved.unit.col,
                "value": p.moved.value,
                "box": p.moved.box.to_json(),
            },
            "control": {
                "mean": float(p.control_values.mean()),
                "low": float(p.control_values.min()),
                "high": float(p.control_values.max()),
                "n": len(p.controls),
                "overlap": p.overlap,
            }
            if p.controls
            else None,
        }
        for p in found
    ]
    lost = [list(one) for one in found.unreadable]
    data = {
        "covers": covers,
        "lost": lost,
        "fill": found.fill,
        "k": k,
        "partial": not found.complete,
    }
    return data, []
