"""Rebuild the sample photos that the package ships.

Reads ``data/photos.tsv`` (which photo, by whom, under which licence, from where), takes each
photo from a folder of GCompris' photos or from scikit-image, brings it to display size, and
writes ``data/photos/*.webp`` and the table's ``our_changes`` column::

    python -m benchmarks.building.build_samples /usr/share/gcompris-qt/photos
    python -m benchmarks.building.build_samples PHOTOS --check      # compare, write nothing
"""

from __future__ import annotations

import csv
import io
import sys
from dataclasses import fields, replace
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from benchmarks.building._options import checking
from zfwidgets.images.sets.samples import ALLOWED_LICENCES, DATA, PhotoLicence, read_table

if TYPE_CHECKING:
    from collections.abc import Sequence

SHORT_SIDE, LONG_SIDE, QUALITY = 288, 480, 80
"""Display size in pixels (no photo is enlarged) and WebP quality."""

TOTAL_BYTES = 4_500_000
KEEP_BYTES = 40_000
"""A WebP that is small enough already is shipped byte for byte."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the tool; returns the exit code."""
    parser = checking(__doc__, "photos", "folder with GCompris' erase/, explore_*/, ...")
    options = parser.parse_args(argv)

    rows, total, differ = [], 0, []
    for row in read_table():
        if row.licence not in ALLOWED_LICENCES:
            parser.error(f"{row.file}: licence {row.licence!r} is not one that we ship")
        data, changes = display_size(source_path(row, options.photos))
        target = Path(str(DATA)) / "photos" / row.file
        if options.check:
            if not target.exists() or target.read_bytes() != data or row.our_changes != changes:
                differ.append(row.file)
        else:
            target.write_bytes(data)
        rows.append(replace(row, our_changes=changes))
        total += len(data)
    if not options.check:
        write_table(rows)
    print(f"{len(rows)} photos, {total / 1e6:.2f} MB")
    if differ:
        print("differ from what is shipped:", ", ".join(differ), file=sys.stderr)
    if total > TOTAL_BYTES:
        print(f"more than {TOTAL_BYTES / 1e6} MB: lower the size or the quality", file=sys.stderr)
    return int(bool(differ) or total > TOTAL_BYTES)


def source_path(row: PhotoLicence, photos: Path) -> Path:
    """Where the unchanged photo lies on this machine."""
    if row.source_package.startswith("scikit-image"):
        return Path(str(files("skimage"))) / "data" / row.source_path
    return photos / row.source_path


def display_size(path: Path) -> tuple[bytes, str]:
    """The bytes to ship, and in words what was done to the photo."""
    image: Image.Image = Image.open(path, formats=("JPEG", "PNG", "WEBP"))
    columns, rows = image.size
    factor = min(1.0, SHORT_SIDE / min(rows, columns), LONG_SIDE / max(rows, columns))
    data = path.read_bytes()
    if factor == 1.0 and image.format == "WEBP" and image.mode == "RGB" and len(data) < KEEP_BYTES:
        return data, ""
    size = (round(columns * factor), round(rows * factor))
    changes = "re-encoded as WebP"
    if size != image.size:
        image = image.resize(size, Image.Resampling.LANCZOS)
        changes = f"resized to {size[0]} x {size[1]}, {changes}"
    stream = io.BytesIO()
    image.convert("RGB").save(stream, "WEBP", quality=QUALITY, method=6)
    return stream.getvalue(), changes


def write_table(rows: Sequence[PhotoLicence]) -> None:
    """Write ``data/photos.tsv``."""
    with Path(str(DATA / "photos.tsv")).open("w", encoding="utf-8", newline="") as stream:
        names = [field.name for field in fields(PhotoLicence)]
        writer = csv.DictWriter(stream, names, delimiter="\t", lineterminator="\n")
        writer.writeheader()
        writer.writerows(vars(row) for row in rows)


if __name__ == "__main__":
    raise SystemExit(main())
