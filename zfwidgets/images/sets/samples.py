"""The sample photos that the package ships, with their licences, and what reads them.

Nothing here needs a network connection: photos, their table of licences and the class names, as
torchvision has them, are in the package.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

from ...records import table
from ..pixels.transforms import imagenet

if TYPE_CHECKING:
    import pandas
    from PIL import Image

DATA = files("zfwidgets.images") / "data"

ALLOWED_LICENCES = {
    "public-domain": "https://creativecommons.org/publicdomain/mark/1.0/",
    "CC0-1.0": "https://creativecommons.org/publicdomain/zero/1.0/",
    "CC-BY-2.0": "https://creativecommons.org/licenses/by/2.0/",
    "CC-BY-3.0": "https://creativecommons.org/licenses/by/3.0/",
    "CC-BY-SA-4.0": "https://creativecommons.org/licenses/by-sa/4.0/",
}
"""The licences of shipped photos, with the address of each one's text."""


@dataclass(frozen=True)
class PhotoLicence:
    """Who made a sample photo, under which licence it is shipped, and what was changed."""

    file: str
    title: str
    author: str
    licence: str
    licence_url: str
    source_url: str
    source_path: str
    source_package: str
    upstream_changes: str
    our_changes: str

    @property
    def changes(self) -> str:
        """All that was done to the original, in words; empty if nothing."""
        return "; ".join(filter(None, (self.upstream_changes, self.our_changes)))

    @property
    def attribution(self) -> str:
        """One line to print beside the photo."""
        changes = f" ({self.changes})" if self.changes else ""
        return f"{self.title}, {self.author}, {self.licence}, {self.source_url}{changes}"


class SamplePhotos(Sequence["Image.Image"]):
    """The shipped photos: a sequence of PIL images with names and licences.

    ``photos[3]`` is an RGB image, ``photos["coffee"]`` the one of that name, ``photos[2:5]`` and
    ``photos[["coffee", "kitten"]]`` are smaller sets. Pass any of them to ``zf.Engine``.
    """

    def __init__(self, licences: Sequence[PhotoLicence]) -> None:
        self.licences = tuple(licences)
        self.names = tuple(row.file.removesuffix(".webp") for row in self.licences)

    @property
    def labels(self) -> tuple[None, ...]:
        """No photo has a class label: they aren't of ImageNet."""
        return (None,) * len(self)

    def __len__(self) -> int:
        return len(self.licences)

    @overload
    def __getitem__(self, key: int | str) -> Image.Image: ...
    @overload
    def __getitem__(self, key: slice | list[Any] | tuple[Any, ...]) -> SamplePhotos: ...
    def __getitem__(self, key: Any) -> Image.Image | SamplePhotos:
        if isinstance(key, slice):
            return SamplePhotos(self.licences[key])
        if isinstance(key, (list, tuple)):
            return SamplePhotos([self.licences[self.index_of(item)] for item in key])
        from PIL import Image

        webp = io.BytesIO(self.webp(self.index_of(key)))
        return Image.open(webp, formats=("WEBP",)).convert("RGB")

    def index_of(self, key: int | str) -> int:
        """The number of the photo with this name (a number is returned as it is)."""
        if isinstance(key, str):
            if key not in self.names:
                from difflib import get_close_matches

                near = get_close_matches(key, self.names, n=3, cutoff=0.3) or self.names[:3]
                raise KeyError(f"No sample photo is called {key!r}. Nearest: {', '.join(near)}.")
            return self.names.index(key)
        return key

    def path(self, number: int) -> Path:
        """Where a photo's WebP file is."""
        return Path(str(DATA / "photos" / self.licences[number].file))

    def webp(self, number: int) -> bytes:
        """The WebP file of a photo."""
        return (DATA / "photos" / self.licences[number].file).read_bytes()

    @cached_property
    def digest(self) -> str:
        """SHA-256 over the shipped bytes: the same on every machine."""
        digest = hashlib.sha256()
        for number, name in enumerate(self.names):
            digest.update(name.encode() + b"\0" + hashlib.sha256(self.webp(number)).digest())
        return digest.hexdigest()

    @property
    def transform(self) -> Any:
        """The transform that the sample network wants (see `imagenet`)."""
        return imagenet()

    def to_frame(self) -> pandas.DataFrame:
        """The licences as a pandas table."""
        return table(vars(row) for row in self.licences)

    def __repr__(self) -> str:
        return f"<{len(self)} sample photos: {', '.join(self.names[:4])}, ...>"


def photos() -> SamplePhotos:
    """The sample photos that the package ships, as a sequence of RGB PIL images."""
    return SamplePhotos(read_table())


@cache
def categories() -> tuple[str, ...]:
    """The names of ImageNet's 1000 classes, in the order of the network's outputs."""
    return tuple((DATA / "imagenet_classes.txt").read_text(encoding="utf-8").splitlines())


@cache
def read_table() -> tuple[PhotoLicence, ...]:
    """The table of photos and licences, ``data/photos.tsv``."""
    lines = (DATA / "photos.tsv").read_text(encoding="utf-8").splitlines()
    return tuple(PhotoLicence(**row) for row in csv.DictReader(lines, delimiter="\t"))
