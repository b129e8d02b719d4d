"""Tar shards as WebDataset has them, read in place: each image by its file and offset."""

from __future__ import annotations

import re
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from ...bars import progress_bar
from ...errors import InputError, UnreadableImage
from ..pixels import decode
from .base import FileStamps, digest, stat_stamps
from .items import class_name
from .naming import file_names, unique

ENDINGS = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".tar.zst")
LABEL = "cls"
PARTS = re.compile(r"((?:.*/)?[^/.]+)\.([^/]+)")
"""WebDataset's rule: files of one sample share all up to the first dot of the name."""


def is_shard(path: Path) -> bool:
    """Whether a file is called as a tar archive is."""
    return path.name.lower().endswith(ENDINGS)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where an image is."""

    shard: int
    offset: int
    size: int


class Shards:
    """Images in tar archives.

    Opening them reads the headers of all members and the ``.cls`` files, which are the labels.
    Nothing of it is written anywhere, and neither webdataset nor torch is needed.

    Raises
    ------
    InputError
        There is no image in them, or several in one sample.
    """

    by_file = True

    def __init__(self, paths: Sequence[Path]) -> None:
        self.paths = list(paths)
        self.file_stamps: FileStamps = stat_stamps
        self.names: list[str] = []
        self.labels: list[str | None] = []
        self.rejected: list[tuple[str, str]] = []
        self._places: list[_Place] = []
        with progress_bar(
            zip(file_names(self.paths), self.paths, strict=True),
            "Reading the shards' lists of files",
            total=len(self.paths),
            delay=1,
            unit=" shards",
        ) as bar:
            for number, (name, path) in enumerate(bar):
                if problem := self._list(number, name, path):
                    self.rejected.append((name, problem))
        self.names = unique(self.names)
        if not self.names:
            problems = "; ".join(f"{name}: {why}" for name, why in self.rejected[:3])
            raise InputError(
                f"There is no image in the tar {'files' if len(self.paths) > 1 else 'file'} "
                f"{self.paths[0]}{', ...' if len(self.paths) > 1 else ''}"
                f"{f' ({problems})' if problems else ''}. Known endings: "
                f"{' '.join(sorted(decode.SUFFIXES))}."
            )

    def _list(self, number: int, shard: str, path: Path) -> str:
        """Find a shard's images; says why it can't be read on, if so, and what was found stays."""
        try:
            self._look(number, shard, path)
        except (tarfile.TarError, OSError, EOFError) as error:
            return _reason(path, error)
        return ""

    def _look(self, number: int, shard: str, path: Path) -> None:
        key, image, end = "", "", 0
        label: str | None = None
        with tarfile.open(path, "r:") as archive:
            for member in archive:
                end = member.offset_data + member.size
                parts = PARTS.fullmatch(member.name)
                if not member.isreg() or parts is None:
                    continue
                if parts[1] != key:
                    key, image, label = parts[1], "", None
                if f".{parts[2].rpartition('.')[2].lower()}" in decode.SUFFIXES:
                    if image:
                        raise InputError(
                            f"Sample {key!r} of {path} has several images ({image!r} and "
                            f"{parts[2]!r}): choose one with the webdataset library, "
                            f"wds.WebDataset(shards).decode('pil').to_tuple({image!r}, 'cls')."
                        )
                    image = parts[2]
                    self.names.append(f"{shard}/{member.name}")
                    self.labels.append(label)
                    self._places.append(_Place(number, member.offset_data, member.size))
                elif parts[2].lower() == LABEL:
                    file = archive.extractfile(member)
                    label = class_name(file.read(), ()) if file else None
                    if image:
                        self.labels[-1] = label
                archive.members = []  # type: ignore[attr-defined]  # they'd all be kept
        if path.stat().st_size < end:
            raise tarfile.ReadError("unexpected end of data")

    def encoded(self, number: int) -> bytes:
        """The image's bytes."""
        place = self._places[number]
        try:
            with self.paths[place.shard].open("rb") as file:
                file.seek(place.offset)
                data = file.read(place.size)
        except OSError as error:
            why = decode.reason(error)
            raise UnreadableImage(f"{self.names[number]}: {why}", why) from error
        return data

    def read(self, number: int) -> Image.Image:
        """The decoded image in RGB."""
        return decode.read_rgb(self.encoded(number), self.names[number])

    @property
    def stamps(self) -> list[str]:
        """What tells changed shards, and places in them."""
        shards = self.file_stamps(self.paths)
        return [f"{shards[p.shard]} {p.offset} {p.size}" for p in self._places]

    def stamp(self, number: int) -> str:
        """What tells one image's shard, now, and its place in it."""
        place = self._places[number]
        (shard,) = self.file_stamps([self.paths[place.shard]])
        return f"{shard} {place.offset} {place.size}"

    def fingerprint(self) -> dict[str, str | int]:
        """Names and stamps."""
        data = digest(self.names, self.stamps)
        return {"kind": "shards", "count": len(self.names), "data": data}


def _reason(path: Path, error: BaseException) -> str:
    if isinstance(error, OSError) and error.strerror:
        return decode.reason(error)
    if not path.name.lower().endswith(".tar"):
        return "compressed, so nothing in it can be read in place: unpack it to a .tar"
    return f"not a whole tar file ({error})"
