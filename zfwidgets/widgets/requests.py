"""The requests that a view of a selection makes before it is settled, as the front end makes them.

Computed ahead, they are there when the browser asks; the static picture is drawn from them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..engine.protocol import EngineProtocol
from .selection import Selection
from .wire.schema import MOST_THUMBNAILS, PATCHES, THUMBNAIL
from .wire.service import Need


def picker(engine: EngineProtocol, selection: Selection) -> list[Need]:
    """Statistics and the first sheet of thumbnails of the chosen layer."""
    if selection.unit is None:
        return []
    layer, channel = selection.unit
    first = channel // MOST_THUMBNAILS * MOST_THUMBNAILS
    count = min(MOST_THUMBNAILS, engine.layer(layer).channels - first)
    sheet = {"layer": layer, "first": first, "count": count, "size": THUMBNAIL}
    return [("channels", {"layer": layer}), ("sheet", sheet)]


def grid(selection: Selection, pinned: Sequence[Any] | None = None) -> list[Need]:
    """Strongest patches and their projections; then those of what is pinned beside them."""
    chosen = [] if selection.unit is None else [(*selection.unit, selection.rule)]
    beside = [] if pinned is None or tuple(pinned) in chosen else [tuple(pinned)]
    needs: list[Need] = []
    for layer, channel, rule in (*chosen, *beside):
        top = {"layer": layer, "channel": channel, "k": PATCHES}
        needs += [("top", top), ("projections", {**top, "rule": rule})]
    return needs


def prediction(selection: Selection) -> Need:
    """Class probabilities of the chosen photo under the occluder."""
    return "predict", {"image": selection.photo, "occluder": selection.occluder}


def clean_prediction(selection: Selection) -> Need:
    """Class probabilities of the chosen photo."""
    return "predict", {"image": selection.photo, "occluder": None}


def occlusion(selection: Selection, options: Mapping[str, Any]) -> list[Need]:
    """The photo, its classes without and with occluder, and the map."""
    needs: list[Need] = [("photo", {"image": selection.photo})]
    classes = selection.engine is None or not selection.engine.info.no_classes
    if classes:
        needs.append(clean_prediction(selection))
    if selection.occluder is None:
        return needs
    if classes:
        needs.append(prediction(selection))
    if not options["auto"] or options["overlay"] == "none":
        return needs
    cover = {
        name: selection.occluder[name]
        for name in ("height", "width", "baseline", "mask", "extra_boxes")
    }
    slide = {
        "image": selection.photo,
        **cover,
        "stride": options["stride"],
        "layer": None if selection.unit is None else selection.unit[0],
        "target": selection.target,
        "channel": None,  # the layer's strongest, until the view is told otherwise
    }
    return [*needs, ("occlusion", slide)]
