"""PNG files of the wire: what any reader of PNG makes of them is what went in."""

from __future__ import annotations

import io
import zlib

import numpy as np
import pytest
from PIL import Image

from zfwidgets.widgets.wire.png import png


def noise(rows, columns):
    return np.random.default_rng(rows * columns).integers(0, 256, (rows, columns, 3), np.uint8)


@pytest.mark.parametrize(
    "pixels",
    [
        noise(1, 1),
        noise(1, 7),
        noise(13, 1),
        noise(31, 57),
        np.full((40, 9, 3), 255, np.uint8),
        np.zeros((3, 300, 3), np.uint8),
        np.asarray(noise(20, 30)[::2, 5:-6]),
    ],
    ids=["one pixel", "a row", "a column", "noise", "white", "black", "a part"],
)
def test_a_reader_of_png_finds_the_same_pixels(pixels):
    before = pixels.copy()
    with Image.open(io.BytesIO(png(pixels)), formats=["PNG"]) as image:
        image.verify()  # every checksum
    with Image.open(io.BytesIO(png(pixels))) as image:
        assert image.mode == "RGB"
        np.testing.assert_array_equal(np.asarray(image), before)
    np.testing.assert_array_equal(pixels, before)


def test_what_is_smooth_or_even_takes_less_than_its_pixels():
    rows, columns = np.mgrid[:90, :120]
    smooth = np.stack([rows, columns, rows + columns], axis=-1).astype(np.uint8)
    assert len(png(smooth)) < smooth.nbytes / 5
    even = np.full((90, 120, 3), 7, np.uint8)
    assert len(png(even)) < even.nbytes / 50


def test_the_page_knows_its_form():
    """One chunk of data, each row the difference from the one above: js/test/lib/pixels.test.ts."""
    pixels = noise(5, 4)
    file = png(pixels)
    length = int.from_bytes(file[33:37], "big")
    assert (file[37:41], file[49 + length : 53 + length], len(file)) == (
        b"IDAT",
        b"IEND",
        57 + length,
    )
    lines = np.frombuffer(zlib.decompress(file[41 : 41 + length]), np.uint8).reshape(5, 13)
    assert (lines[:, 0] == 2).all()
    summed = np.cumsum(lines[:, 1:], axis=0, dtype=np.uint8)
    np.testing.assert_array_equal(summed.reshape(5, 4, 3), pixels)
