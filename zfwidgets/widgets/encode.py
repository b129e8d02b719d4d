"""Pixels and numbers as bytes for the browser, and back for the static picture."""

from __future__ import annotations

import io
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..records import Activation, Pixels

Answer = tuple[dict[str, Any], list[bytes]]
"""JSON and binary buffers, as they cross the wire."""

LOSSLESS_BELOW = 500_000
"""Bytes of raw pixels up to which a picture is sent as PNG."""

GREY = 128
"""The level that is shown where there are no pixels."""


def encode_pictures(
    pictures: Sequence[Pixels], *, lossless: bool = False, quality: int = 92
) -> tuple[str, list[bytes]]:
    """Encode pictures of one answer; all get the MIME type that the largest one needs.

    ``quality`` is JPEG's; below 90 colours have half the resolution.
    """
    small = lossless or max((p.nbytes for p in pictures), default=0) <= LOSSLESS_BELOW
    buffers = []
    for pixels in pictures:
        stream = io.BytesIO()
        image = Image.fromarray(np.ascontiguousarray(pixels))
        if small:
            image.save(stream, "PNG", compress_level=1)
        else:
            image.save(stream, "JPEG", quality=quality, subsampling=0 if quality >= 90 else 2)
        buffers.append(stream.getvalue())
    return ("image/png" if small else "image/jpeg"), buffers


def decode_picture(buffer: bytes) -> Image.Image:
    """A picture of an answer, as an RGB image."""
    return Image.open(io.BytesIO(buffer)).convert("RGB")


def on_scale(levels: Pixels, full: float, scale: float) -> Pixels:
    """Signed levels around `GREY` whose 127 stand for ``full``, as if they stood for ``scale``."""
    signed = (levels.astype(np.float64) - GREY) * (full / scale)
    return np.asarray(np.clip(np.rint(signed), -127, 127) + GREY, dtype=np.uint8)


def described(activation: Activation) -> dict[str, Any]:
    """An activation as it crosses the wire."""
    return {
        "image": activation.image,
        "name": activation.image_name,
        "row": activation.unit.row,
        "col": activation.unit.col,
        "value": activation.value,
        "box": activation.box.to_json(),
    }


def numbers(values: NDArray[Any], dtype: str = "<f4") -> bytes:
    """Numbers as little-endian bytes, row by row."""
    return np.ascontiguousarray(values, dtype=dtype).tobytes()


def finite(value: Any) -> Any:
    """JSON with null for NaN and infinite numbers, which JSON doesn't know."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {name: finite(part) for name, part in value.items()}
    return [finite(part) for part in value] if isinstance(value, list | tuple) else value


def thumbnail(pixels: Pixels, size: int) -> Pixels:
    """Fit pixels into a square of ``size`` px, centred, the rest white."""
    rows, columns = pixels.shape[:2]
    scale = size / max(rows, columns)
    fitted = (max(1, round(columns * scale)), max(1, round(rows * scale)))
    resample = Image.Resampling.NEAREST if scale >= 2 else Image.Resampling.BOX
    small = np.asarray(Image.fromarray(pixels).resize(fitted, resample))
    out = np.full((size, size, 3), 255, dtype=np.uint8)
    top, left = (size - fitted[1]) // 2, (size - fitted[0]) // 2
    out[top : top + fitted[1], left : left + fitted[0]] = small
    return out


def sheet(thumbnails: Sequence[Pixels], size: int) -> tuple[Pixels, int]:
    """Lay square thumbnails out row by row; the picture and its number of columns."""
    columns = max(1, math.ceil(math.sqrt(len(thumbnails))))
    rows = max(1, math.ceil(len(thumbnails) / columns))
    out = np.full((rows * size, columns * size, 3), 255, dtype=np.uint8)
    for i, picture in enumerate(thumbnails):
        top, left = i // columns * size, i % columns * size
        out[top : top + size, left : left + size] = picture
    return out, columns
