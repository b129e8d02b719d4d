"""Patches and projections as the page shows them, written out the slow way.

Runs in the tests' process and in a notebook's kernel; needs NumPy alone, and of a field only the
box that a record says.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

SOURCE = Path(__file__).read_text("utf-8") if "__file__" in globals() else ""


def middle(box: Any, side: int) -> tuple[int, int, int, int]:
    """The square of ``side`` pixels in the middle of a box, cut to it: top, left, height, width."""
    height, width = min(side, box.height), min(side, box.width)
    top = box.top + (box.height - height) // 2
    return top, box.left + (box.width - width) // 2, height, width


def side_of(projections: Any) -> int:
    """The smallest side whose squares hold 95 % of all projections' energy."""
    energies = [np.square(p.pixels.astype(float)).sum(-1) for p in projections]
    total = sum(energy.sum() for energy in energies)
    side = held = 0
    while held < 0.95 * total:
        side, held = side + 1, 0
        for projection, energy in zip(projections, energies, strict=True):
            top, left, height, width = middle(projection.activation.box, side)
            rows = slice(max(top, 0), max(top + height, 0))
            held += energy[rows, max(left, 0) : max(left + width, 0)].sum()
    return side


def window(activation: Any, side: int | None, shape: tuple[int, ...]) -> tuple[slice, slice]:
    """Rows and columns that are shown of a photo; ``side`` None: the whole field."""
    box = activation.box
    top, left, height, width = middle(box, side or max(box.height, box.width))
    height, width = min(height, shape[0]), min(width, shape[1])
    top = min(max(top, 0), shape[0] - height)
    left = min(max(left, 0), shape[1] - width)
    return slice(top, top + height), slice(left, left + width)


def scale_of(values: Any) -> float:
    """The 99.5th percentile of the magnitudes that aren't zero."""
    magnitudes = np.abs(values)
    return float(np.percentile(magnitudes[magnitudes > 0], 99.5))


def colour_share(projections: Any) -> float:
    """Of all projections' energy the most that lies along a line of colours through grey."""
    pixels = np.concatenate([p.pixels.reshape(-1, 3).astype(float) for p in projections])
    red_green, both_blue = np.array([1, -1, 0]) / 2**0.5, np.array([1, 1, -2]) / 6**0.5
    along = [
        np.square(pixels @ (np.cos(angle) * red_green + np.sin(angle) * both_blue)).sum()
        for angle in np.linspace(0, np.pi, 181)
    ]
    return float(max(along) / np.square(pixels).sum())


def picture(projection: Any, projections: Any, values: str = "auto", scale: str = "own") -> Any:
    """A projection's whole picture, (rows, columns, 3) uint8, to be cut by `window`."""
    if values == "auto":
        values = "colour" if colour_share(projections) >= 0.5 else "brightness"
    common = scale_of(np.concatenate([p.pixels.ravel() for p in projections]))
    pixels = projection.pixels.astype(float)
    end = scale_of(pixels)
    full = max(common, end)
    if values == "colour":
        end = common if scale == "one" else end
        return (np.rint(np.clip(pixels / end, -1, 1) * 127) + 128).astype(np.uint8)
    grey = np.clip(pixels, -full, full) @ (0.299, 0.587, 0.114)
    levels = np.rint(np.clip(grey / scale_of(grey), -1, 1) * 127) + 128
    return np.repeat(levels[..., None], 3, axis=-1).astype(np.uint8)
