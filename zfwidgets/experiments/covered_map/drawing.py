"""Fig. 7a to 7c of a photo on one sheet."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw

from ...drawing.page import GAP, MARGIN, WIDTH, Page
from ...drawing.palette import SOFT
from ...records import Floats, Pixels, Values, clearest_values, colour_share, signed_picture

if TYPE_CHECKING:
    from ...language.words import Words
    from .result import StrongestMapResult

SIDE = 340
SMALL = 200


def draw(result: StrongestMapResult, words: Words) -> Image.Image:
    """The photo with the square, what each place of the square leaves, the projection; others."""
    title, _, found = finding_text(result, words).partition(": ")
    page = Page(title, found[0].upper() + found[1:], 24)
    heads = (
        words("strongest.head.photo"),
        words("strongest.head.left"),
        words("strongest.head.projection", rule=result.projection.rule),
    )
    pictures = [None if p is None else Image.fromarray(p) for p in covered_pictures(result)]
    step = (WIDTH - 2 * MARGIN - 3 * SIDE) // 2 + SIDE
    for number, (head, picture) in enumerate(zip(heads, pictures, strict=True)):
        x = MARGIN + number * step
        page.text(x, page.y, head, 16, SOFT, SIDE)
        if picture is None:
            page.empty(x, page.y + 26, SIDE, SIDE, words("experiment.missing"))
        else:
            page.picture(x, page.y + 26, picture, SIDE, SIDE)
    page.y += 26 + SIDE + 2 * GAP
    if not result.others:
        return page.finish()
    others = words("strongest.head.others", channel=result.channel, layer=result.layer)
    page.line(others, 16)
    rows = [[Image.fromarray(one) for one in row] for row in _others(result)]
    for number, activation in enumerate(result.others):
        x = MARGIN + number * (SMALL + GAP)
        if x + SMALL > WIDTH - MARGIN:
            break
        page.text(x, page.y, activation.image_name, 14, SOFT, SMALL)
        for row, shown in enumerate(rows):
            y = page.y + 24 + row * (SMALL + GAP)
            page.picture(x, y, shown[number], SMALL, SMALL)
    page.y += 24 + 2 * SMALL + GAP
    return page.finish()


def finding_text(result: StrongestMapResult, words: Words) -> str:
    """What the numbers say, in a sentence."""
    both = bool(np.isfinite(result.anywhere))
    return words(
        f"strongest.finding{'.both' if both else ''}",
        channel=result.channel,
        layer=result.layer,
        photo=result.image_name,
        left=words.fixed(result.left, 2),
        anywhere=words.fixed(result.anywhere, 2),
    )


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
    patches, projections = (
        [np.asarray(Image.fromarray(one).resize((SMALL, SMALL))) for one in pictures]
        for pictures in _others(result)
    )
    return patches, projections


def _others(result: StrongestMapResult) -> tuple[list[Pixels], list[Pixels]]:
    """Patches and projections of other photos, each the part that counts."""
    values = _values(result)
    projections = [
        signed_picture(view.cut(one.pixels), values, field=one.crop())
        for view, one in zip(result.views, result.projections, strict=True)
    ]
    return list(result.patches), projections


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
