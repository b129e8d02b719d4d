"""Image files and Pillow images of any mode to RGB, one way for the network and for the eye."""

from __future__ import annotations

import io
import stat
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from ...errors import InputError, UnreadableImage

if TYPE_CHECKING:
    from numpy.typing import NDArray

File: TypeAlias = Path | bytes
"""An encoded image: a file, or what would be in one."""

SUFFIXES = frozenset(
    ".avif .bmp .gif .jfif .jp2 .jpe .jpeg .jpg .pbm .pgm .png .pnm .ppm .tif .tiff .webp".split()
)
"""File name endings that are taken for images, in lower case."""

LAID_ON_WHITE = "zfwidgets: transparent parts laid on white"
"""Key in ``Image.info`` of an image that had transparent parts."""

RUN_PROGRAMS = {"EPS", "WMF"}
"""Formats for which Pillow starts other programs or system calls: not for files of all kinds."""

DECODE_ERRORS = (Exception,)
"""What decoders raise on broken or hostile files: anything."""


def read_rgb(file: File, name: str = "") -> Image.Image:
    """Decode an image fully, to RGB; raises `UnreadableImage` with name (or path) and reason."""
    try:
        with open_file(file) as image:
            return to_rgb(image)
    except DECODE_ERRORS as error:
        why = reason(error)
        called = name or ("The image" if isinstance(file, bytes) else file)
        raise UnreadableImage(f"{called}: {why}", why) from error


def open_file(file: File) -> Image.Image:
    """Read an image's header, whatever it is called; raises what Pillow does, and OSError."""
    if isinstance(file, bytes):
        if not file:
            raise OSError("it has no bytes")
        return Image.open(io.BytesIO(file), formats=_formats())
    kind = file.stat()
    if not stat.S_ISREG(kind.st_mode):
        raise OSError("not a file but a folder, pipe or device")
    if kind.st_size == 0:
        raise OSError("the file is empty")
    return Image.open(file, formats=_formats())


@cache
def _formats() -> tuple[str, ...]:
    """What is decoded, whatever a file is called."""
    Image.init()
    return tuple(name for name in Image.ID if name not in RUN_PROGRAMS)


def is_plain_jpeg(file: File) -> bool:
    """Whether it is a JPEG in grey or RGB, upright, whose pixels any decoder gives alike."""
    try:
        with open_file(file) as image:
            upright = image.getexif().get(ExifTags.Base.Orientation, 1) == 1
            return image.format == "JPEG" and image.mode in {"L", "RGB"} and upright
    except DECODE_ERRORS:
        return False


def header_problem(path: Path) -> str | None:
    """Why a file can't be an image, judged by its size and header alone; None if it may be."""
    try:
        with open_file(path):
            return None
    except DECODE_ERRORS as error:
        return reason(error)


def reason(error: BaseException) -> str:
    """A decoding error in words that a user can act on."""
    if isinstance(error, FileNotFoundError):
        broken = error.filename and Path(error.filename).is_symlink()
        return "a link to a file that isn't there" if broken else "the file is gone"
    if isinstance(error, PermissionError):
        return "no permission to read the file"
    if isinstance(error, UnidentifiedImageError):
        return "not an image that Pillow can read"
    if isinstance(error, Image.DecompressionBombError):
        return f"too many pixels ({error})"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()  # without the path
    return f"{error}" if str(error) else type(error).__name__


def to_rgb(image: Image.Image) -> Image.Image:
    """An RGB image as the network gets it.

    Turned upright as EXIF says; transparent parts laid on white; 16-bit grey scaled to 0..255
    (Pillow alone would clip it); grey, palette, CMYK and other colour spaces converted.
    """
    image = ImageOps.exif_transpose(image)
    if image.mode.startswith(("I", "F")):
        return _from_deep_grey(image)
    if is_transparent(image):
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        rgb = Image.alpha_composite(white, image).convert("RGB")
        rgb.info[LAID_ON_WHITE] = True
        return rgb
    return image.convert("RGB")


def is_transparent(image: Image.Image) -> bool:
    """Whether an image has an alpha channel or a transparent colour."""
    return image.mode in {"RGBA", "LA", "PA", "RGBa", "La"} or "transparency" in image.info


def _from_deep_grey(image: Image.Image) -> Image.Image:
    """Grey of 16 bits (modes I;16, I) or of floats in 0..1 (mode F)."""
    values = np.asarray(image).astype(np.float64)
    top = 1.0 if image.mode == "F" else 65535.0
    if values.size and not (values.min() >= 0 and values.max() <= top):  # NaN fails too
        raise InputError(
            f"mode {image.mode} with values {values.min():g} to {values.max():g}: expected "
            f"0 to {top:g}. Convert the image to 8 bits."
        )
    return Image.fromarray(np.rint(values * (255 / top)).astype(np.uint8)).convert("RGB")


def from_array(array: NDArray[Any]) -> Image.Image:
    """A uint8 array (rows, columns), or with 1, 3 or 4 channels last, as an RGB image."""
    if array.dtype != np.uint8:
        raise InputError(
            f"an array of {array.dtype}: expected uint8, 0 to 255. Convert it, or pass float "
            "tensors (channels, rows, columns) as the network takes them."
        )
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    if array.ndim not in {2, 3} or (array.ndim == 3 and array.shape[2] not in {3, 4}):
        raise InputError(
            f"an array of shape {array.shape}: expected (rows, columns), or (rows, columns, 3) "
            "RGB or (rows, columns, 4) RGBA."
        )
    if 0 in array.shape:
        raise InputError(f"an array of shape {array.shape} has no pixels.")
    return to_rgb(Image.fromarray(np.ascontiguousarray(array)))
