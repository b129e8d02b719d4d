"""The strongest map of a photo: projected, covered, and found in other photos."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

from ...engine.local import LocalEngine
from ...errors import InputError
from ...records import Occluder, OcclusionRequest, Progress, Unit, focus_box, focus_side
from ...stepwise import Growing
from ..shared.looking import check_images_made
from ..shared.running import with_bar
from ..transfer.shapes import main_layers
from .result import StrongestMapResult, square_on


def strongest_map_steps(
    engine: LocalEngine,
    image: Any = 0,
    *,
    layer: str | None = None,
    patch: int | tuple[int, int] = 48,
    stride: int | tuple[int, int] = 16,
    baseline: str | float = "grey",
    others: int = 3,
    rule: str = "deconvnet",
) -> Growing[StrongestMapResult]:
    """`strongest_map` in steps: yields how far it is, and the result whenever it has grown.

    Parameters
    ----------
    engine
        ``zf.Engine(model, images)``.
    image
        Index of a photo, or a photo of your own.
    layer
        Layer of the maps; None: the last main layer below the class scores that has maps, which is
        layer 5 of the paper's networks.
    patch, stride
        Size of the square, and how far it moves, in pixels of the network's input.
    baseline
        What the square is filled with.
    others
        How many photos the channel's strongest patches are of.
    rule
        What projections are made by.

    Returns
    -------
    StrongestMapResult

    Raises
    ------
    InputError
        For an engine that isn't on this machine; a layer without maps, or whose maps are all zero
        in this photo; an image, occluder or rule that isn't possible.
    """
    engine = check_images_made(engine, "The strongest map")
    if others < 0:
        raise InputError(f"others is {others}: expected a number of photos, 0 or more.")
    name = _layer(engine, layer)
    found = engine.responses(image, name)
    channel = int(found.totals.argmax())
    total = float(found.totals[channel])
    if not total > 0:
        raise InputError(
            f"No map of {name!r} is active in {found.image_name!r}: there is none to cover. Choose "
            "another layer."
        )
    request = OcclusionRequest(image, patch, stride, baseline, layer=name)
    projection = engine.project(Unit(name, channel), image, rule)
    size = (patch, patch) if isinstance(patch, int) else patch
    square = square_on(projection, size)
    left = engine.respond(image, Occluder(square, baseline), name).totals[0, 0, channel] / total
    source, tensor = engine.session.source, engine.session.image(image)[2]
    result = StrongestMapResult(
        found.image,
        found.image_name,
        source.show(tensor),
        name,
        channel,
        total,
        projection,
        square,
        float(left),
    )
    yield result
    result = yield from _elsewhere(engine, result, others, rule)
    began = time.monotonic()
    for covered in engine.occlude_steps(request):
        result = replace(result, covered=covered)
        done, places = int(covered.done.sum()), covered.done.size
        time_left = (time.monotonic() - began) / max(done, 1) * (places - done)
        yield Progress(done, places, time_left, "covering the photo")
        yield result
    result = replace(result, complete=True)
    yield result
    return result


def _elsewhere(
    engine: LocalEngine, result: StrongestMapResult, others: int, rule: str
) -> Growing[StrongestMapResult]:
    """The channel's strongest patches in other photos."""
    if not others:
        return result
    if not engine.indexed:
        yield from engine.index_steps()
    top = engine.top(result.layer, result.channel, others + 1)
    elsewhere = tuple(a for a in top if a.image != result.image and a.value > 0)[:others]
    projections = engine.project_all(elsewhere, rule)
    field = engine.layer(result.layer).field_of(result.channel)
    side = focus_side(projections, field)
    views = tuple(focus_box(activation.unit, field, side) for activation in elsewhere)
    photos = [
        engine.photo(activation.image) for activation in elsewhere if activation.image is not None
    ]
    result = replace(
        result,
        others=elsewhere,
        views=views,
        patches=tuple(view.cut(photo) for view, photo in zip(views, photos, strict=True)),
        projections=projections,
    )
    yield result
    return result


def _layer(engine: LocalEngine, layer: str | None) -> str:
    if layer is None:
        ends = main_layers(engine.layers, len(engine.layers))
        maps = [name for name in ends if max(engine.layer(name).shape[1:]) > 1]
        if not maps:
            raise InputError("No layer below the class scores has maps: name one with layer=...")
        return maps[-1]
    info = engine.layer(layer)
    if max(info.shape[1:]) == 1:
        raise InputError(f"{info.name!r} has no maps, but single units: choose a lower layer.")
    return info.name


strongest_map = with_bar(
    "strongest_map",
    strongest_map_steps,
    "Strongest map",
    lambda r: "all is done" if r.complete else f"channel {r.channel} of {r.layer} is found",
    """Project a photo's strongest map, and cover the photo (paper, section 4.2, Fig. 7a to 7c).

    What is measured: `zfwidgets.experiments.covered_map`.
    """,
)
