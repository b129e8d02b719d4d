"""Two hundred files that are no good images, each with a word of the reason it must be given."""

from __future__ import annotations

import io
import os
import random
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

from PIL import Image


def encoded(image: Image.Image, kind: str) -> bytes:
    """A photo as a file's bytes."""
    stream = io.BytesIO()
    image.save(stream, kind)
    return stream.getvalue()


def decodes(data: bytes) -> bool:
    """Whether Pillow takes it all the same: it is lenient with some cut and odd files."""
    try:
        with Image.open(io.BytesIO(data)) as image:
            image.convert("RGB")
    except Exception:  # noqa: BLE001 -- anything
        return False
    return True


def png(columns: int, rows: int, data: bytes = b"", depth: int = 8, colour: int = 2) -> bytes:
    """A PNG that says it is so large, whatever it holds."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    header = struct.pack(">IIBBBBB", columns, rows, depth, colour, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")
    )


def contents(photo: Image.Image) -> Iterator[tuple[str, bytes, str]]:
    """(ending, bytes, word of the reason)."""
    randoms = random.Random(7)
    kinds = {".jpg": "JPEG", ".png": "PNG", ".webp": "WEBP", ".gif": "GIF", ".bmp": "BMP",
             ".tif": "TIFF", ".jp2": "JPEG2000", ".ppm": "PPM", ".avif": "AVIF"}  # fmt: skip
    whole = {ending: encoded(photo, kind) for ending, kind in kinds.items()}
    for ending, data in whole.items():
        yield ending, b"", "empty"
        for share in (0.001, 0.02, 0.1, 0.3, 0.6, 0.9):
            yield ending, data[: max(int(len(data) * share), 1)], ""
        for size in (1, 8, 64, 5000):
            yield ending, randoms.randbytes(size), "not an image"
        yield ending, data[:20] + randoms.randbytes(len(data) - 20), ""
        yield ending, bytes(len(data)), "not an image"
    others = {
        "text": b"this is no image\n" * 30,
        "html": b"<!doctype html><title>404 Not Found</title>" * 9,
        "svg": b'<svg xmlns="http://www.w3.org/2000/svg"><rect width="9" height="9"/></svg>',
        "pdf": b"%PDF-1.7\n1 0 obj\n<< /Type /Catalog >>\nendobj\n",
        "zip": b"PK\x03\x04" + bytes(200),
        "elf": b"\x7fELF" + bytes(200),
        "gzip": b"\x1f\x8b\x08" + bytes(200),
        "mp4": b"\x00\x00\x00\x18ftypmp42" + bytes(200),
        "pointer": b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n",
        "apple": b"\x00\x05\x16\x07\x00\x02\x00\x00Mac OS X        " + bytes(200),
        "postscript": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\nshowpage\n",
        "pickle": b"\x80\x04\x95" + bytes(200),
    }
    for data in others.values():
        for ending in (".jpg", ".png", ".tif", ".JPEG"):
            yield ending, data, "not an image"
    for columns, rows in ((60_000, 60_000), (2**31 - 1, 1), (400_000, 900), (90_000, 3_000)):
        yield ".png", png(columns, rows, zlib.compress(bytes(9))), "too many pixels"
    bitmap = bytearray(whole[".bmp"])
    bitmap[18:26] = struct.pack("<ii", 70_000, 50_000)
    yield ".bmp", bytes(bitmap), "too many pixels"
    yield ".ppm", b"P6\n80000 80000\n255\n", "too many pixels"
    yield ".pgm", b"P5\n40000 9999\n255\n", "too many pixels"
    for columns, rows in ((0, 5), (5, 0), (0, 0)):
        yield ".png", png(columns, rows), ""
        yield ".ppm", f"P6\n{columns} {rows}\n255\n".encode(), ""
    for columns, rows in ((7000, 1), (1, 9000), (2, 20_000)):
        yield ".png", encoded(Image.new("RGB", (columns, rows)), "PNG"), "too long and thin"
    for depth, colour in ((3, 2), (8, 9), (16, 3), (1, 6), (64, 0)):
        yield ".png", png(9, 7, zlib.compress(bytes(300)), depth, colour), ""
    for data in (b"", b"\x00", b"not compressed", zlib.compress(b"")):
        yield ".png", png(9, 7, data), ""
    yield ".png", png(9, 7, zlib.compress(bytes(2**20))[:40]), ""
    yield ".png", whole[".png"].replace(b"IDAT", b"IDAX"), ""
    yield ".jpg", whole[".jpg"].replace(b"\xff\xc4", b"\xff\xd0"), ""
    yield ".jpg", whole[".jpg"].replace(b"\xff\xdb", b"\xff\xd0"), ""
    yield ".jpg", b"\xff\xd8\xff\xd9", ""
    yield ".jpg", b"\xff\xd8" + b"\xff\xe1\xff\xff" + bytes(100), ""
    for number in range(12):
        data = bytearray(whole[".tif"])
        at = int.from_bytes(data[4:8], "little")
        data[at : at + 60] = randoms.randbytes(60)
        yield ".tif", bytes(data), ""
        data = bytearray(whole[".gif"])
        data[6:10] = struct.pack("<HH", 0, number)
        yield ".gif", bytes(data), ""


NAMES = ("plain", "two words", "line\nbreak", "tab\there", "quote\"'", "naïve", "日本語", "🦒",
         "‮evil", "a" * 200, "%s%d{}", "-rf", "\x7f", "é" * 60)  # fmt: skip


def write(folder: Path, photo: Image.Image) -> dict[str, str]:
    """Put the files there, with names of all kinds; (name, word of the reason)."""
    expected: dict[str, str] = {}
    for number, (ending, data, word) in enumerate(contents(photo)):
        if not word and decodes(data):
            continue
        name = f"{number:03}-{NAMES[number % len(NAMES)]}{ending}"
        (folder / name).write_bytes(data)
        expected[name] = word
    for number, (target, word) in enumerate(
        [("nowhere.jpg", "link to a file that isn't there"), ("loop-01.jpg", ""), ("..", "")]
    ):
        name = f"loop-{number:02}.jpg"
        (folder / name).symlink_to(target)
        if target != "..":  # a folder, which is looked through or not, but is no image
            expected[name] = word
    os.mkfifo(folder / "pipe.png")
    expected["pipe.png"] = "pipe"
    raw = os.fsencode(folder) + b"/latin-\xe9\xff.jpg"
    with open(raw, "wb") as file:  # noqa: PTH123 -- no Path has such a name
        file.write(b"no image")
    expected[os.fsdecode(b"latin-\xe9\xff.jpg")] = "not an image"
    return expected
