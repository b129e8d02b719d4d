"""Patches and their projections as the static picture shows them: as the page does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ...drawing.palette import PAPER
from ...language.words import words_of
from ...records import LUMINANCE, Box, Pixels, coloured
from ..wire.encode import GREY, Answer, decode_picture, on_scale, read_number

LEVELS = 127
"""Levels from grey to black or white."""


def kinds(options: Mapping[str, Any]) -> tuple[str, ...]:
    """What stands side by side: of "patches", "projections" and "revealed"."""
    layout = options.get("patches", "both")
    return ("patches", "projections") if layout == "both" else (layout,)


def legend(kind: str, options: Mapping[str, Any], projections: Answer | None) -> tuple[str, str]:
    """What the pictures are, in two lines."""
    words = words_of(options)
    if kind == "revealed":
        return words("still.seen.revealed"), ""
    if kind == "patches":
        if _whole(options):
            return words("still.seen.whole"), ""
        if projections is None:
            return words("still.seen.field"), ""
        return words("still.seen.part"), words("still.seen.energy")
    values = _values(options, projections)
    drives = words("still.drives", what=words(f"values.{values}"))
    if projections is None:
        return drives, ""
    data = projections[0]
    end = words("still.percentile", percentile=float(data["clipped_at"]))
    if options.get("scale", "own") == "own":
        return drives, words("still.own_scale", end=end)
    sign = "±" if values in ("brightness", "colour") else ""
    value = read_number(data["brightness" if values == "brightness" else "scale"])
    said = words.point.join(f"{value:.4g}".split("."))
    return drives, words("still.one_scale", sign=sign, value=said, end=end)


def pictures(
    kind: str,
    options: Mapping[str, Any],
    top: Answer | None,
    projections: Answer | None,
    extent: Sequence[int],
) -> list[Image.Image | None]:
    """A picture for each place; None where there is none.

    Parameters
    ----------
    kind
        "patches", "projections" or "revealed".
    options
        How the view starts: values, scale, and whether the whole field is shown.
    top
        The answer with the patches.
    projections
        The answer with their projections.
    extent
        Rows and columns of a photo.
    """
    if top is None:
        return []
    count = len(top[0]["activations"])
    infos, levels = _projected(projections, count)
    if kind != "projections":
        patches = [
            None if a.get("lost") else np.asarray(decode_picture(picture))
            for a, picture in zip(top[0]["activations"], top[1], strict=True)
        ]
    out: list[Image.Image | None] = []
    for place, activation in enumerate(top[0]["activations"]):
        info, signed = infos[place], levels[place]
        picture: Pixels | None = None
        if kind == "patches":
            picture = patches[place]
        elif info is not None and signed is not None:
            assert projections is not None
            if kind == "projections":
                picture = _shown(signed, info, options, projections)
            elif (seen := patches[place]) is not None:
                picture = _revealed(seen, signed)
        if picture is not None:
            picture = _part(picture, activation["box"], info, options, extent)
        out.append(None if picture is None else Image.fromarray(picture))
    return out


def _whole(options: Mapping[str, Any]) -> bool:
    return bool(options.get("whole", False))


def _values(options: Mapping[str, Any], projections: Answer | None) -> str:
    """Which values are shown; by themselves those that the answer calls clearest."""
    chosen = str(options.get("values", "auto"))
    if chosen != "auto":
        return chosen
    return "brightness" if projections is None else projections[0].get("clearest", "brightness")


def _projected(
    projections: Answer | None, count: int
) -> tuple[list[dict[str, Any] | None], list[Pixels | None]]:
    """What is told of each place's projection, and its signed levels."""
    if projections is None:
        return [None] * count, [None] * count
    left = iter(projections[1])
    infos = (projections[0]["projections"] + [None] * count)[:count]
    return infos, [None if p is None else np.asarray(decode_picture(next(left))) for p in infos]


def _part(
    picture: Pixels,
    box: Mapping[str, int],
    info: Mapping[str, Any] | None,
    options: Mapping[str, Any],
    extent: Sequence[int],
) -> Pixels:
    """The part of a picture, which is of the field moved into the photo, that is shown."""
    if _whole(options) or info is None:
        return picture
    field, view = Box(**box).inside(*extent), Box(**info["view"])
    part = Box(view.top - field.top, view.left - field.left, view.height, view.width)
    return np.asarray(part.inside(*picture.shape[:2]).cut(picture))


def _shown(
    levels: Pixels, info: Mapping[str, Any], options: Mapping[str, Any], projections: Answer
) -> Pixels:
    """A projection's levels as the chosen values, on the chosen scale."""
    values = _values(options, projections)
    of = info if options.get("scale", "own") == "own" else projections[0]
    scale = of["brightness" if values == "brightness" else "scale"]
    if values == "brightness":
        weighted = (levels - np.float64(GREY)) @ np.array(LUMINANCE) + GREY
        grey = np.asarray(on_scale(weighted[..., None], info["full"], scale), np.uint8)
        return np.repeat(grey, 3, axis=-1)
    if values == "colour":
        return on_scale(levels, info["full"], scale)
    signed = on_scale(levels, info["full"], scale).astype(np.float64) - GREY
    if values == "positive":
        return np.asarray(np.rint(np.maximum(signed, 0) / LEVELS * 255), np.uint8)
    return coloured(np.abs(signed).max(-1), "magma", 0, LEVELS)


def _revealed(patch: Pixels, levels: Pixels) -> Pixels:
    """The patch on paper, visible where its projection's blurred magnitude is large."""
    mask = np.abs(levels - np.float64(GREY)).max(-1) / LEVELS
    radius = max(1, int(min(mask.shape) / 24 + 0.5))
    for axis in (0, 1, 0, 1):
        mask = _box_blur(mask, radius, axis)
    mask = np.minimum(1, 1.6 * mask / (mask.max() or 1))[..., None]
    paper = np.array(Image.new("RGB", (1, 1), PAPER))
    return np.asarray(np.rint(patch * mask + paper * (1 - mask)), np.uint8)


def _box_blur(values: NDArray[np.float64], radius: int, axis: int) -> NDArray[np.float64]:
    """Means over ``2 * radius + 1`` places; beyond the border it is zero."""
    width = 2 * radius + 1
    pads = [(radius + 1, radius) if at == axis else (0, 0) for at in range(values.ndim)]
    sums = np.cumsum(np.pad(values, pads), axis)
    after = np.take(sums, range(width, sums.shape[axis]), axis)
    return np.asarray((after - np.take(sums, range(values.shape[axis]), axis)) / width)
