"""Ways to show a projection, side by side: a sheet to choose the default by.

    python -m benchmarks.looks.displays sheet.webp [--network vgg16] [--layers NAMES] [--units 20]

Of one of four networks (`_networks.py`); all but the sample network need the data of
``ZFWIDGETS_TEST_DATA``. For each of some channels of each layer, drawn by a seed among those that
fire in nine photos, the strongest patch on its whole field and on the square where the signal is,
and its projection: in colour on one scale over the whole field, then on the square in colour, as
brightness, as magnitude, and the patch revealed through it. Beside it stands which share of the
nine projections' energy is one colour and its opposite; a frame is around what the page shows
by itself. Prints, as one JSON object in its last line, what share of its field the square takes in
each layer, the quartiles of the share of colour, and how many channels are shown in colour.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

import zfwidgets as zf
from benchmarks import harness
from benchmarks.looks._networks import LAYERS, engine_of
from zfwidgets import records

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


def in_displays(
    engine: zf.Engine, layer: str, top: list[records.Activation]
) -> list[dict[str, np.ndarray]]:
    """Units of one channel, strongest first, each as uint8 pictures by the names of `HEADS`.

    "clearest" is the projection as the page shows it by itself.
    """
    found = engine.project_all(top)
    field = engine.layer(layer).field_of(top[0].unit.channel)
    side, one = records.focus_side(found, field), records.display_scale(found)
    clearest = records.clearest_values(records.colour_share(found))
    shown = []
    for activation, projection in zip(top, found, strict=True):
        photo = engine.photo(activation.image)
        whole = activation.box.inside(*photo.shape[:2])
        square = records.focus_box(activation.unit, field, side)
        own = records.display_scale([projection])
        cut = square.cut(projection.pixels)
        pictures = {
            "patch": whole.cut(photo),
            "square": square.cut(photo),
            "colour, one": records.signed_to_uint8(whole.cut(projection.pixels), one),
            "colour": records.signed_to_uint8(cut, own),
            "brightness": levels(
                records.brightness(cut, own), records.brightness_scale([projection], [own])
            ),
            "magnitude": np.uint8(255 * np.clip(np.abs(cut).max(-1) / own, 0, 1)),
            "revealed": revealed(square.cut(photo), cut),
        }
        shown.append({**pictures, "clearest": pictures[clearest]})
    return shown


def row(engine: zf.Engine, layer: str, channel: int) -> tuple[list[Image.Image], float, float]:
    """A channel's strongest unit in each display; the square's share of its field, and colour's."""
    top = engine.top(layer, channel, 9)
    pictures = in_displays(engine, layer, top)[0]
    found = engine.project_all(top)
    square, whole = pictures["square"], pictures["patch"]
    share = square.shape[0] * square.shape[1] / (whole.shape[0] * whole.shape[1])
    return [fitted(pictures[head]) for head in HEADS], share, records.colour_share(found)


def main() -> None:
    """Write the sheet."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sheet", type=Path)
    parser.add_argument("--network", choices=LAYERS, default="squeezenet")
    parser.add_argument("--layers", help="by default five from the pixels up")
    parser.add_argument("--work", type=Path, default=Path("displays"), help="keeps trainings")
    parser.add_argument("--units", type=int, default=20)
    arguments = harness.options(parser)
    data = os.environ.get("ZFWIDGETS_TEST_DATA")
    engine = engine_of(arguments.network, data and Path(data), arguments.work)
    layers = arguments.layers.split(",") if arguments.layers else LAYERS[arguments.network]
    wide, tall = len(HEADS) * (CELL + 2) + 40, CELL + 2
    sheet = Image.new("RGB", (wide * len(layers), tall * arguments.units + 16), "white")
    pen, told = ImageDraw.Draw(sheet), {}
    for at, layer in enumerate(layers):
        silent = engine.channels(layer).silent
        fires = np.flatnonzero(silent * len(engine.info.images) <= len(engine.info.images) - 9)
        draw = np.random.default_rng(0).permutation(fires)[: arguments.units]
        for i, head in enumerate(HEADS):
            pen.text((at * wide + 40 + i * (CELL + 2), 2), head, fill="black")
        found, coloured = [], []
        for line, channel in enumerate(sorted(int(c) for c in draw)):
            pictures, share, colour = row(engine, layer, channel)
            found.append(share)
            coloured.append(colour)
            text = f"{layer}\n{channel}"[-14:] + f"\n{colour:.2f}"
            pen.text((at * wide + 2, 16 + line * tall), text, fill="black")
            for i, picture in enumerate(pictures):
                x, y = at * wide + 40 + i * (CELL + 2), 16 + line * tall
                if HEADS[i] == records.clearest_values(colour):
                    pen.rectangle((x - 1, y - 1, x + CELL, y + CELL), outline="red")
                sheet.paste(picture, (x, y))
        told[layer] = {
            "square": round(float(np.median(found)), 3),
            "colour": [round(float(q), 2) for q in np.quantile(coloured, (0.25, 0.5, 0.75))],
            "in_colour": sum(records.clearest_values(share) == "colour" for share in coloured),
            "of": len(coloured),
        }
    sheet.save(arguments.sheet, quality=80)
    harness.finish({"network": arguments.network, "layers": told})


if __name__ == "__main__":
    main()
