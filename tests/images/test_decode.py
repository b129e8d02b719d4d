"""Every mode becomes the RGB that a person would expect; broken files say what is wrong."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from zfwidgets.errors import InputError, UnreadableImage
from zfwidgets.images.pixels import decode

ROWS, COLUMNS = 7, 11


def ramp() -> np.ndarray:
    return np.linspace(0, 255, ROWS * COLUMNS).reshape(ROWS, COLUMNS).round().astype(np.uint8)


def reread(image: Image.Image, tmp_path: Path, suffix: str, **options: object) -> np.ndarray:
    path = tmp_path / f"image{suffix}"
    image.save(path, **options)
    rgb = decode.read_rgb(path)
    assert rgb.mode == "RGB"
    return np.asarray(rgb)


def test_grey(tmp_path: Path) -> None:
    pixels = reread(Image.fromarray(ramp()), tmp_path, ".png")
    assert (pixels == ramp()[..., None]).all()


def test_one_bit(tmp_path: Path) -> None:
    image = Image.fromarray(ramp()).point(lambda v: 255 * (v > 127)).convert("1")
    pixels = reread(image, tmp_path, ".png")
    assert (pixels == np.where(ramp() > 127, 255, 0)[..., None]).all()


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_sixteen_bit_grey_is_scaled_not_clipped(tmp_path: Path, suffix: str) -> None:
    deep = ramp().astype(np.uint16) * 257  # 0..65535
    pixels = reread(Image.fromarray(deep), tmp_path, suffix)
    assert (pixels == ramp()[..., None]).all()


def test_float_grey_in_unit_range(tmp_path: Path) -> None:
    pixels = reread(Image.fromarray(ramp().astype(np.float32) / 255), tmp_path, ".tif")
    assert (pixels == ramp()[..., None]).all()


def test_float_grey_out_of_range_is_named(tmp_path: Path) -> None:
    path = tmp_path / "heat.tif"
    Image.fromarray(ramp().astype(np.float32)).save(path)
    with pytest.raises(UnreadableImage, match=r"heat\.tif.*values 0 to 255: expected 0 to 1"):
        decode.read_rgb(path)


def test_alpha_is_laid_on_white(tmp_path: Path) -> None:
    rgba = np.dstack([np.full((ROWS, COLUMNS), 200, np.uint8)] * 3 + [ramp()])
    path = tmp_path / "alpha.png"
    Image.fromarray(rgba).save(path)
    rgb = decode.read_rgb(path)
    expected = 255 + (200 - 255) * (ramp() / 255)
    assert np.abs(np.asarray(rgb) - expected[..., None]).max() <= 1
    assert rgb.info[decode.LAID_ON_WHITE]


def test_grey_with_alpha(tmp_path: Path) -> None:
    la = np.dstack([np.full((ROWS, COLUMNS), 40, np.uint8), ramp()])
    pixels = reread(Image.fromarray(la), tmp_path, ".png")
    expected = 255 + (40 - 255) * (ramp() / 255)
    assert np.abs(pixels - expected[..., None]).max() <= 1


def test_palette_with_and_without_transparency(tmp_path: Path) -> None:
    image = Image.new("P", (COLUMNS, ROWS))
    image.putpalette([10, 20, 30, 200, 100, 50])
    image.paste(1, (0, 0, 4, ROWS))
    opaque = reread(image, tmp_path, ".png")
    assert tuple(opaque[0, 0]) == (200, 100, 50)
    assert tuple(opaque[0, 9]) == (10, 20, 30)
    clear = reread(image, tmp_path, ".gif", transparency=0)
    assert tuple(clear[0, 0]) == (200, 100, 50)
    assert tuple(clear[0, 9]) == (255, 255, 255)


def test_cmyk(tmp_path: Path, coffee: Image.Image) -> None:
    pixels = reread(coffee.convert("CMYK"), tmp_path, ".jpg", quality=98)
    assert np.abs(pixels.astype(int) - np.asarray(coffee)).mean() < 3


@pytest.mark.parametrize("orientation", range(1, 9))
def test_turned_as_exif_says(tmp_path: Path, coffee: Image.Image, orientation: int) -> None:
    undo = {
        2: [Image.Transpose.FLIP_LEFT_RIGHT],
        3: [Image.Transpose.ROTATE_180],
        4: [Image.Transpose.FLIP_TOP_BOTTOM],
        5: [Image.Transpose.TRANSPOSE],
        6: [Image.Transpose.ROTATE_90],
        7: [Image.Transpose.TRANSVERSE],
        8: [Image.Transpose.ROTATE_270],
    }
    stored = coffee
    for step in undo.get(orientation, []):
        stored = stored.transpose(step)
    exif = Image.Exif()
    exif[0x0112] = orientation
    pixels = reread(stored, tmp_path, ".png", exif=exif)
    assert (pixels == np.asarray(coffee)).all()


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp"])
def test_truncated_file_is_named(tmp_path: Path, coffee: Image.Image, suffix: str) -> None:
    whole = io.BytesIO()
    coffee.save(whole, {".jpg": "JPEG", ".png": "PNG", ".webp": "WEBP"}[suffix])
    path = tmp_path / f"half{suffix}"
    path.write_bytes(whole.getvalue()[: len(whole.getvalue()) // 2])
    with pytest.raises(UnreadableImage, match=rf"half\{suffix}: \w+"):
        decode.read_rgb(path)


def test_png_with_a_broken_chunk(tmp_path: Path, coffee: Image.Image) -> None:
    whole = io.BytesIO()
    coffee.save(whole, "PNG")
    data = bytearray(whole.getvalue())
    start = data.index(b"IDAT")
    data[start + 40 : start + 60] = b"\0" * 20
    path = tmp_path / "broken.png"
    path.write_bytes(data)
    with pytest.raises(UnreadableImage, match=r"broken\.png"):
        decode.read_rgb(path)


def test_empty_and_foreign_files(tmp_path: Path) -> None:
    (tmp_path / "empty.jpg").touch()
    (tmp_path / "text.jpg").write_text("this is no image")
    assert decode.header_problem(tmp_path / "empty.jpg") == "the file is empty"
    assert decode.header_problem(tmp_path / "text.jpg") == "not an image that Pillow can read"
    assert decode.header_problem(tmp_path / "gone.jpg") == "the file is gone"


def test_decompression_bomb(tmp_path: Path) -> None:
    path = tmp_path / "bomb.bmp"
    width = height = 30_000  # 900 million pixels in a file of a few bytes
    path.write_bytes(
        b"BM"
        + struct.pack("<IHHI", 54, 0, 0, 54)
        + struct.pack("<IiiHHIIiiII", 40, width, height, 1, 24, 0, 0, 0, 0, 0, 0)
    )
    assert "too many pixels" in (decode.header_problem(path) or "")
    with pytest.raises(UnreadableImage, match=r"bomb\.bmp: too many pixels"):
        decode.read_rgb(path)


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((4, 5, 3), np.float32), "an array of float32: expected uint8"),
        (np.zeros((3, 4, 5), np.uint8), r"shape \(3, 4, 5\)"),
        (np.zeros((4,), np.uint8), r"shape \(4,\)"),
        (np.zeros((0, 5, 3), np.uint8), "no pixels"),
    ],
)
def test_arrays_that_are_no_images(array: np.ndarray, message: str) -> None:
    with pytest.raises(InputError, match=message):
        decode.from_array(array)


def test_arrays(coffee: Image.Image) -> None:
    pixels = np.asarray(coffee)
    assert np.asarray(decode.from_array(pixels)).tolist() == pixels.tolist()
    assert decode.from_array(ramp()).size == (COLUMNS, ROWS)
    assert (np.asarray(decode.from_array(ramp()[..., None])) == ramp()[..., None]).all()
