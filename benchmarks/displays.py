"""Ways to show a projection, side by side: a sheet to choose the default by.

    python benchmarks/displays.py sheet.webp [--layers features.3,features.7] [--units 20]

For each of some channels of each layer, drawn by a seed among those that fire in nine photos, the
strongest patch on its whole field and on the square where the signal is, and its projection: in
colour on one scale over the whole field, then on the square in colour, as brightness, as magnitude,
and the patch revealed through it. Prints, as one JSON object in its last line, what share of its
field the square takes in each layer.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

import zfwidgets as zf
from zfwidgets.records import (
    brightness,
    brightness_scale,
    display_scale,
    focus_box,
    focus_side,
    signed_to_uint8,
)

CELL = 84
HEADS = ("patch", "square", "colour, one", "colour", "brightness", "magnitude", "revealed")


def fitted(pixels: np.ndarray) -> Image.Image:
    """Smoothly enlarged, as on the page."""
    return Image.fromarray(pixels).convert("RGB").resize((CELL, CELL), Image.Resampling.BICUBIC)


def levels(values: np.ndarray, scale: float) -> np.ndarray:
    """Signed values around mid-grey."""
    return (np.clip(np.rint(values / scale * 127), -127, 127) + 128).astype(np.uint8)


def revealed(patch: np.ndarray, projection: np.ndarray) -> np.ndarray:
    """The patch where the blurred magnitude of its projection is large, else light grey."""
    from PIL import ImageFilter

    largest = np.abs(projection).max(-1)
    mask = Image.fromarray(np.uint8(255 * np.clip(largest / (largest.max() or 1), 0, 1)))
    blurred = np.asarray(mask.filter(ImageFilter.GaussianBlur(max(1, len(patch) / 24))), float)
    share = np.clip(1.6 * blurred / (blurred.max() or 1), 0, 1)[..., None]
    return np.uint8(share * patch + (1 - share) * 238)


def row(engine: zf.Engine, layer: str, channel: int) -> tuple[list[Image.Image], float]:
    """A channel's strongest unit in each display, and the square's share of its field."""
    top = engine.top(layer, channel, 9)
    found = engine.project_all(top)
    field = engine.layer(layer).field_of(channel)
    side = focus_side(found, field)
    one, projection = display_scale(found), found[0]
    photo = engine.photo(top[0].image)
    whole = top[0].box.inside(*photo.shape[:2])
    square = focus_box(top[0].unit, field, side)
    own = display_scale([projection])
    cut = square.cut(projection.pixels)
    grey = brightness(cut, own)
    pictures = [
        whole.cut(photo),
        square.cut(photo),
        signed_to_uint8(whole.cut(projection.pixels), one),
        signed_to_uint8(cut, own),
        levels(grey, brightness_scale([projection], [own])),
        np.uint8(255 * np.clip(np.abs(cut).max(-1) / own, 0, 1)),
        revealed(square.cut(photo), cut),
    ]
    share = square.height * square.width / (whole.height * whole.width)
    return [fitted(picture) for picture in pictures], share


def main() -> None:
    """Write the sheet."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sheet", type=Path)
    parser.add_argument(
        "--layers", default="features.0,features.3,features.7,features.10,features.12"
    )
    parser.add_argument("--units", type=int, default=20)
    arguments = parser.parse_args()
    engine = zf.Engine(zf.samples.network(), zf.samples.photos())
    layers = arguments.layers.split(",")
    wide, tall = len(HEADS) * (CELL + 2) + 40, CELL + 2
    sheet = Image.new("RGB", (wide * len(layers), tall * arguments.units + 16), "white")
    pen, shares = ImageDraw.Draw(sheet), {}
    for at, layer in enumerate(layers):
        silent = engine.channels(layer).silent
        fires = np.flatnonzero(silent * len(engine.info.images) <= len(engine.info.images) - 9)
        draw = np.random.default_rng(0).permutation(fires)[: arguments.units]
        for i, head in enumerate(HEADS):
            pen.text((at * wide + 40 + i * (CELL + 2), 2), head, fill="black")
        found = []
        for line, channel in enumerate(sorted(int(c) for c in draw)):
            pictures, share = row(engine, layer, channel)
            found.append(share)
            pen.text((at * wide + 2, 16 + line * tall), f"{layer}\n{channel}"[-14:], fill="black")
            for i, picture in enumerate(pictures):
                sheet.paste(picture, (at * wide + 40 + i * (CELL + 2), 16 + line * tall))
        shares[layer] = round(float(np.median(found)), 3)
    sheet.save(arguments.sheet, quality=80)
    print(json.dumps({"median_share_of_field": shares, "units": arguments.units}))


if __name__ == "__main__":
    main()
