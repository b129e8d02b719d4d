"""What covers a part of an image: rectangles, shapes drawn by hand, and what they are filled with.

A hard edge is itself something that a network sees, a grey one as well as any other.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from .layers import Box

BASELINES = ("grey", "mean", "blur", "noise", "border")
"""Names of what any engine can put in the place of pixels; an engine may know more."""

MASK = 16
"""Rows and columns of cells of an occluder's mask."""

MOST_EXTRA_BOXES = 8
"""Rectangles, at most, that stay covered while another one slides."""


@dataclass(frozen=True)
class Occluder:
    """What covers a part of the network's input.

    Attributes
    ----------
    box
        Rectangle that is covered.
    baseline
        "grey" (the paper's: mid-grey of the picture), "mean" (the normalisation's mean colour),
        "blur" (the photo itself, blurred), "noise" (noise with the photo's mean and standard
        deviation), "border" (the mean colour of the photo's outermost pixels), the name of a
        baseline of the engine's own, or a number in the network's input units.
    mask
        Which cells of the box are covered, see `mask_of`; None: all.
    extra_boxes
        Further rectangles that are covered, with the same baseline, whole.
    """

    box: Box
    baseline: str | float = "grey"
    mask: str | None = None
    extra_boxes: tuple[Box, ...] = ()


def mask_of(cells: Any) -> str:
    """A mask, 64 hex digits, from 16 x 16 cells: those that are True are covered.

    Cells are written row by row, the most significant bit first. On a box of another size a pixel
    belongs to the cell in which its centre lies.
    """
    array = np.asarray(cells)
    if array.shape != (MASK, MASK) or array.dtype != bool:
        raise InputError(
            f"A mask is a bool array of shape ({MASK}, {MASK}), not {array.dtype} {array.shape}."
        )
    return check_mask(np.packbits(array).tobytes().hex())


def check_mask(mask: Any) -> str:
    """A mask in lower case; raises `InputError` for what is none, or covers nothing."""
    digits = MASK * MASK // 4
    if (
        isinstance(mask, str)
        and len(mask) == digits
        and set(mask.lower()) <= set("0123456789abcdef")
    ):
        if set(mask) == {"0"}:
            raise InputError("The mask covers nothing: at least one of its bits must be set.")
        return mask.lower()
    raise InputError(
        f"The mask must be None or {digits} hex digits, {MASK} x {MASK} bits row by row "
        f"(zf.records.mask_of makes them of an array), not {mask!r}."
    )


def mask_cells(mask: str) -> NDArray[np.bool_]:
    """The cells of a mask, (16, 16) bool: what `mask_of` was given."""
    packed = np.frombuffer(bytes.fromhex(check_mask(mask)), dtype=np.uint8)
    return np.unpackbits(packed).reshape(MASK, MASK).astype(bool)


def mask_pixels(mask: str, height: int, width: int) -> NDArray[np.bool_]:
    """Which pixels of a box are covered, (height, width) bool."""
    rows, cols = ((2 * np.arange(n) + 1) * MASK // (2 * n) for n in (height, width))
    covered: NDArray[np.bool_] = mask_cells(mask)[np.ix_(rows, cols)]
    if not covered.any():
        raise InputError(
            f"The mask covers no pixel of an occluder of {height} x {width} pixels: make the "
            "occluder larger, or the shape."
        )
    return covered


def check_extra_boxes(boxes: Iterable[Box]) -> tuple[Box, ...]:
    """Rectangles that stay covered, as a tuple; raises `InputError` for too many or empty ones."""
    found = tuple(boxes)
    if len(found) > MOST_EXTRA_BOXES:
        raise InputError(f"At most {MOST_EXTRA_BOXES} rectangles stay covered, not {len(found)}.")
    for box in found:
        if min(box.height, box.width) < 1:
            raise InputError(f"also: expected boxes of at least one pixel, not {box!r}.")
    return found


def occluder_box(row: int, col: int, size: tuple[int, int], stride: tuple[int, int]) -> Box:
    """The occluder centred on cell (row, col), unclipped."""
    top = row * stride[0] + stride[0] // 2 - size[0] // 2
    left = col * stride[1] + stride[1] // 2 - size[1] // 2
    return Box(top, left, *size)
