"""Fig. 7a to 7c of a photo on one sheet."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw

from ...drawing.page import GAP, MARGIN, WIDTH, Page
from ...drawing.palette import SOFT
from ...records import Floats, Pixels, Values, clearest_values, colour_share

if TYPE_CHECKING:
    from .result import StrongestMapResult

SIDE = 340
SMALL = 200


def draw(result: StrongestMapResult) -> Image.Image:
    """The photo with the square, what each place of the square leaves, the projection; others."""
    title, _, found = result.finding.partition(": ")
    page = Page(title, found[0].upper() + found[1:], 24)
    heads = (
        "photo, and the square on the projection",
        "what is left of the map: black 0, white all",
        f"the map's projection ({result.projection.rule})",
    )
    pictures = [None if p is None else Image.fromarray(p) for p in covered_pictures(result)]
    step = (WIDTH - 2 * MARGIN - 3 * SIDE) // 2 + SIDE
    for number, (head, picture) in enumerate(zip(heads, pictures, strict=True)):
        x = MARGIN + number * step
        page.text(x, page.y, head, 16, SOFT, SIDE)
        if picture is None:
            page.empty(x, page.y + 26, SIDE, SIDE, "not computed yet")
        else:
            page.picture(x, page.y + 26, picture, SIDE, SIDE)
    page.y += 26 + SIDE + 2 * GAP
    if not result.others:
        return page.finish()
    page.line(f"Strongest in other photos: channel {result.channel} of {result.layer}", 16)
    both = zip(result.others, result.patches, result.projections, strict=True)
    values = _values(result)
    for number, (activation, patch, projection) in enumerate(both):
        x = MARGIN + number * (SMALL + GAP)
        if x + SMALL > WIDTH - MARGIN:
            break
        page.text(x, page.y, activation.image_name, 14, SOFT, SMALL)
        page.picture(x, page.y + 24, Image.fromarray(patch), SMALL, SMALL)
        page.picture(x, page.y + 24 + SMALL + GAP, projection.to_pil(values=values), SMALL, SMALL)
    page.y += 24 + 2 * SMALL + GAP
    return page.finish()


def covered_pictures(result: StrongestMapResult) -> tuple[Pixels, Pixels | None, Pixels]:
    """The photo with its square, what each place of it leaves, and the map's projection.

    (rows, columns, 3) uint8 each; None where nothing was covered yet.
    """
    left = _left(result.totals)
    return (
        np.asarray(_framed(result)),
        None if left is None else np.asarray(left),
        np.asarray(result.projection.to_pil(crop=False, values=_values(result))),
    )


def other_pictures(result: StrongestMapResult) -> tuple[list[Pixels], list[Pixels]]:
    """The map's strongest patches in other photos, and their projections, of one size."""
    values = _values(result)
    patches = [Image.fromarray(patch) for patch in result.patches]
    projections = [one.to_pil(values=values) for one in result.projections]
    patches, projections = (
        [one.resize((SMALL, SMALL)) for one in pictures] for pictures in (patches, projections)
    )
    return [np.asarray(one) for one in patches], [np.asarray(one) for one in projections]


def _framed(result: StrongestMapResult) -> Image.Image:
    picture, box = Image.fromarray(result.photo).copy(), result.square
    frame = (box.left, box.top, box.right - 1, box.bottom - 1)
    ImageDraw.Draw(picture).rectangle(frame, outline="black", width=2)
    return picture


def _left(shares: Floats) -> Image.Image | None:
    """Shares of 0 to 1 as grey levels; mid-red where nothing is known."""
    if not shares.size:
        return None
    known = np.isfinite(shares)
    levels = np.clip(np.where(known, shares, 0) * 255, 0, 255).round().astype(np.uint8)
    pixels = np.repeat(levels[..., None], 3, -1)
    pixels[~known] = (160, 60, 60)
    return Image.fromarray(pixels).resize((SIDE, SIDE), Image.Resampling.NEAREST)


def _values(result: StrongestMapResult) -> Values:
    """In what all projections are shown: brightness, or colour where that is what they are of."""
    return clearest_values(colour_share([result.projection, *result.projections]))
