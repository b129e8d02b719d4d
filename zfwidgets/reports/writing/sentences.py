"""What a report says of itself: what it holds, how exactly, and what needs a kernel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

NAMED = 6
"""Photos with maps that are named one by one."""


def sentences(
    *,
    layers: int,
    maps: Sequence[str],
    formats: Sequence[Mapping[str, Any]],
    photos: str,
    pictures: str,
) -> dict[str, str]:
    """A sentence for each kind of request that the report may lack an answer to, and two more.

    Parameters
    ----------
    layers
        How many layers it holds.
    maps
        Names of the photos whose occlusion maps it holds.
    formats
        Occluders of these maps.
    photos, pictures
        How exact its photos and its projections are.
    """
    listed = ", ".join(dict.fromkeys(maps[:NAMED]))
    more = f" and {len(maps) - NAMED} more" if len(maps) > NAMED else ""
    looks = "; ".join(
        f"{look['height']} × {look['width']} px, stride {look['stride']}, "
        f"baseline {look['baseline']}"
        for look in formats
    )
    places = "; ".join(
        f"one every {look['stride']} px, for a square of {look['height']} × {look['width']} px "
        f"({look['baseline']})"
        for look in formats
    )
    held = f"this report holds those of {listed}{more}" if maps else "this report holds none"
    return {
        "photo": "This photo isn't in the report; a kernel shows it.",
        "channels": f"This report holds {layers} layers; this isn't one of them; a "
        "kernel shows the others.",
        "projections": "This report holds no projection of this channel; a kernel makes it.",
        "predict": "This report holds no class scores of this photo; a kernel computes them.",
        "occlusion": f"Occlusion maps: {held} ({looks or 'no looks'}); a kernel makes others.",
        "positions": "In a report the square goes to the places whose answers it holds: "
        f"{places or 'none'}; a kernel puts it anywhere.",
        "cover": "This report holds covered patches of those channels alone that were chosen "
        "when it was written; a kernel makes others.",
        "quantiles": "This report holds patches from the whole range of those channels alone "
        "that were chosen when it was written; a kernel finds others.",
        "photos": photos,
        "pictures": pictures,
        "other": "This isn't in the report; a kernel computes it.",
    }
