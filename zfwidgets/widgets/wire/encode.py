"""Pixels and numbers as bytes for the browser, and back for the static picture."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from ...errors import BrokenReport
from ...records import Activation, Pixels
from .png import png

Answer = tuple[dict[str, Any], list[bytes]]
"""JSON and binary buffers, as they cross the wire."""

LOSSLESS_BELOW = 500_000
"""Bytes of raw pixels up to which a picture is sent as PNG."""

GREY = 128
"""The level that is shown where there are no pixels."""

NOTHING: Pixels = np.full((1, 1, 3), GREY, np.uint8)
"""In the place of a picture whose photo can't be read any more; words say so."""


def encode_pictures(
    pictures: Sequence[Pixels], *, lossless: bool = False, quality: int = 92
) -> tuple[str, list[bytes]]:
    """Encode pictures of one answer; all get the MIME type that the largest one needs.

    ``quality`` is JPEG's; below 90 colours have half the resolution.
    """
    small = lossless or max((p.nbytes for p in pictures), default=0) <= LOSSLESS_BELOW
    if small:
        return "image/png", [png(np.ascontiguousarray(pixels)) for pixels in pictures]
    buffers = []
    for pixels in pictures:
        stream = io.BytesIO()
        image = Image.fromarray(np.ascontiguousarray(pixels))
        image.save(stream, "JPEG", quality=quality, subsampling=0 if quality >= 90 else 2)
        buffers.append(stream.getvalue())
    return "image/jpeg", buffers


FORMATS = ("PNG", "JPEG", "WEBP")
"""What pictures of answers are encoded as; a report may come from anybody."""


def decode_picture(buffer: bytes) -> Image.Image:
    """A picture of an answer, as an RGB image; raises `BrokenReport` for what is none of ours."""
    with _picture(buffer) as image:
        return image.convert("RGB")


def picture_size(buffer: bytes) -> tuple[int, int]:
    """(rows, columns) of a picture, from its header; raises `BrokenReport`."""
    with _picture(buffer) as image:
        return image.height, image.width


@contextmanager
def _picture(buffer: bytes) -> Iterator[Image.Image]:
    try:
        with Image.open(io.BytesIO(buffer), formats=FORMATS) as image:
            yield image
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        reason = (
            "it is no PNG, JPEG or WebP" if isinstance(error, UnidentifiedImageError) else error
        )
        raise BrokenReport(f"A picture can't be decoded ({reason}).") from error


def on_scale(levels: Pixels, full: float | None, scale: float | None) -> Pixels:
    """Signed levels around `GREY` whose 127 stand for ``full``, as if they stood for ``scale``."""
    ratio = read_number(full) / read_number(scale)
    if not math.isfinite(ratio):  # values that float32 doesn't hold: nothing to be seen
        return np.full_like(levels, GREY)
    signed = (levels.astype(np.float64) - GREY) * ratio
    return np.asarray(np.clip(np.rint(signed), -127, 127) + GREY, dtype=np.uint8)


def described(activation: Activation, lost: str | None = None) -> dict[str, Any]:
    """An activation as it crosses the wire; ``lost`` is why its photo can't be read any more."""
    return {
        **({} if lost is None else {"lost": lost}),
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


def json_text(data: Any, *, ascii_only: bool = True) -> str:
    """JSON of what crosses the wire or lies in a report: null for NaN and infinity.

    JSON has no such numbers, and a browser refuses all of a message that has one.
    """
    options: Any = {
        "separators": (",", ":"),
        "allow_nan": False,
        "ensure_ascii": ascii_only,
        "default": _of_numpy,
    }
    try:
        return json.dumps(data, **options)
    except ValueError:
        return json.dumps(finite(data), **options)


def sendable(data: dict[str, Any]) -> dict[str, Any]:
    """The same as a message can carry it; what it can't would be lost on its way without a word.

    Null for numbers that JSON doesn't have; replaced what UTF-8 doesn't have, as a file's name is
    any bytes on Linux.
    """
    text = json_text(data, ascii_only=False)
    sent: dict[str, Any] = json.loads(text.encode("utf-8", "replace"))
    return sent


def _of_numpy(value: Any) -> Any:
    if isinstance(value, np.generic):
        return finite(value.item())
    raise TypeError(f"{type(value).__name__} isn't JSON")


def finite(data: Any) -> Any:
    """The same JSON with null for each number that isn't finite."""
    if isinstance(data, float):
        return data if math.isfinite(data) else None
    if isinstance(data, dict):
        return {name: finite(value) for name, value in data.items()}
    return [finite(value) for value in data] if isinstance(data, list | tuple) else data


def read_number(value: float | None) -> float:
    """A number of an answer; NaN for null."""
    return math.nan if value is None else float(value)
