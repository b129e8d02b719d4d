"""Image files and Pillow images of any mode to RGB, one way for the network and for the eye."""

from __future__ import annotations

import io
import re
import stat
import warnings
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from ...errors import InputError, UnreadableImage

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


def check_size(file: bytes, name: str, most_bytes: int, most_pixels: int) -> tuple[str, ...]:
    """What `to_rgb` will do to an encoded image, if it is one and not too large: see `conversions`.

    Looks at its header alone. Raises `UnreadableImage` saying how large it may be.
    """
    if len(file) > most_bytes:
        raise too_many_bytes(len(file), name, most_bytes)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with open_file(file) as image:
                refuse_pixels(image.size, name, most_pixels)
                return conversions(image)
    except UnreadableImage:
        raise
    except Image.DecompressionBombError as error:  # Pillow's own limit is known from the header too
        found = re.search(r"(\d+) pixels", str(error))
        what = f"{int(found[1]):,} pixels" if found else "too many pixels"
        raise too_many_pixels(what, name, most_pixels) from error
    except DECODE_ERRORS as error:
        raise UnreadableImage(f"{name}: {reason(error)}", reason(error)) from error


def too_many_bytes(size: int, name: str, most: int) -> UnreadableImage:
    """The error for a file that is too large."""
    why = f"{size / 1e6:.1f} MB, and a file may have {most / 1e6:g}: make it smaller, or a JPEG"
    return UnreadableImage(f"{name}: {why}.", why)


def refuse_pixels(size: tuple[int, int], name: str, most: int) -> None:
    """Raise `UnreadableImage` for an image of (columns, rows) that is too large."""
    columns, rows = size
    if columns * rows > most:
        raise too_many_pixels(f"{columns:,} x {rows:,} pixels", name, most)


def too_many_pixels(what: str, name: str, most: int) -> UnreadableImage:
    """The error for an image with too many pixels."""
    why = f"{what}, and a photo may have {most / 1e6:g} million: make it smaller"
    return UnreadableImage(f"{name}: {why}.", why)


def conversions(image: Image.Image) -> tuple[str, ...]:
    """What `to_rgb` does to an image, beyond taking its pixels, in sentences."""
    notes = []
    # As packed in the file: what Pillow makes of 16 bits in colour has 8. Decoding lets go of it.
    packed = [str(tile[3]) for tile in getattr(image, "tile", ())]
    if getattr(image, "is_animated", False):
        frames = getattr(image, "n_frames", 1)
        notes.append(f"Animated: the first of its {frames} frames is taken.")
    if image.getexif().get(ExifTags.Base.Orientation, 1) not in (0, 1):
        notes.append("Turned upright, as its EXIF data say.")
    if image.mode.startswith("F"):
        notes.append("Floating point, taken as 0 to 1.")
    elif image.mode.startswith("I") or any("16" in how for how in packed):
        notes.append("16 bits a channel: scaled to 8.")
    if image.mode == "CMYK":
        notes.append("CMYK: converted to RGB without its colour profile.")
    if is_transparent(image):
        notes.append("Its transparent parts are laid on white.")
    return tuple(notes)


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
