"""Photos of the user's own as image files, on their way from a kernel to the server."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any

import numpy as np
from PIL import ExifTags, Image

from ...errors import InputError, UnreadableImage
from ...images.pixels import decode
from ...records import MOST_OWN_BYTES


def image_file(photo: Any, name: str | None) -> tuple[bytes, str]:
    """The bytes of an image file, and what it is called."""
    called = name or ""
    if isinstance(photo, (str, os.PathLike)):
        path = Path(photo)
        called = called or path.name
        try:
            size = path.stat().st_size
            if not path.is_file():
                raise UnreadableImage(f"{path}: not a file but a folder, pipe or device")
            _refuse_large(size, called)
            return path.read_bytes(), called
        except OSError as error:
            why = error.strerror or str(error)
            raise UnreadableImage(f"{path}: {why} (looked from {Path.cwd()})", why) from error
    if isinstance(photo, bytes):
        _refuse_large(len(photo), called or "your photo")
        return photo, called
    if isinstance(photo, Image.Image):
        return _encoded(photo), called or Path(getattr(photo, "filename", "") or "").name
    array = photo if isinstance(photo, np.ndarray) else _of_tensor(photo)
    if array is None or array.dtype != np.uint8 or array.ndim not in (2, 3):
        raise InputError(
            "A server takes a path, the bytes of an image file, a PIL image, or a uint8 array "
            f"(rows, columns, 3), not {type(photo).__name__}."
        )
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    try:
        return _encoded(Image.fromarray(np.ascontiguousarray(array))), called
    except (TypeError, ValueError) as error:
        raise InputError(f"An array of shape {array.shape} is no photo: {error}.") from error


def _of_tensor(photo: Any) -> Any:
    """A uint8 tensor (3, rows, columns) as an array; None for all else."""
    if not hasattr(photo, "is_floating_point") or photo.is_floating_point() or photo.ndim != 3:
        return None
    return np.moveaxis(np.asarray(photo), 0, -1)


def _encoded(picture: Image.Image) -> bytes:
    """A picture as a file that holds each of its pixels as it is."""
    stream = io.BytesIO()
    kind = "TIFF" if picture.mode in ("F", "CMYK") else "PNG"
    turned, exif = picture.getexif().get(ExifTags.Base.Orientation, 1), Image.Exif()
    exif[ExifTags.Base.Orientation] = turned
    if picture.mode == "P" and not decode.is_transparent(picture):
        picture = picture.convert("RGB")  # a palette of its own kind may not fit into a file
    try:
        picture.save(stream, kind, **({} if turned in (0, 1) else {"exif": exif}))
    except (OSError, ValueError) as error:
        raise UnreadableImage(f"The picture can't be sent: {error}.") from error
    _refuse_large(stream.tell(), "The picture")
    return stream.getvalue()


def _refuse_large(size: int, name: str) -> None:
    if size > MOST_OWN_BYTES:
        raise decode.too_many_bytes(size, name, MOST_OWN_BYTES)
