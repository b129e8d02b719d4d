"""Files told by what is in them: slower to begin with, and the same wherever they are copied."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ...bars import progress_bar
from ...errors import InputError
from ...index.manifest import CONTENT
from ...threads import Pool
from .base import GONE, Files, ImageSet
from .huggingface import Rows
from .items import Items
from .iterables import Spilled
from .shards import Shards

MANY = 500
"""From so many files on, reading them shows a progress bar."""
AT_ONCE = 8


def tell_by_contents(images: ImageSet) -> None:
    """Have files' bytes tell them from others; photos and lists are told by theirs anyway.

    Raises `InputError` where it isn't known which files a dataset reads.
    """
    if isinstance(images, (Files, Shards, Spilled)) or (isinstance(images, Items) and images.files):
        images.file_stamps = Contents()
    elif isinstance(images, Rows):
        raise InputError(
            "hash_files=True needs files: the rows of a Hugging Face dataset are told by its own "
            "fingerprint."
        )
    elif isinstance(images, Items) and not images.is_list:
        raise InputError(
            f"hash_files=True needs files, and the dataset ({type(images.items).__name__}) doesn't "
            "say which it reads, as torchvision's do (.samples)."
        )


class Contents:
    """Stamps of files by their bytes; a file is read again only if its size or time changed."""

    def __init__(self) -> None:
        self._known: dict[Path, tuple[int, int, str]] = {}

    def __getstate__(self) -> dict[str, Any]:
        """Without what is known, which may be long: to be sent to another process."""
        return {"_known": {}}

    def __call__(self, paths: Sequence[Path]) -> list[str]:
        """One stamp for each file; `GONE` if it can't be read."""
        if len(paths) == 1:
            return [self._stamp(paths[0])]
        with Pool(AT_ONCE) as pool:
            stamps, many = pool.map(self._stamp, paths), len(paths) >= MANY
            try:
                with progress_bar(
                    stamps, "Reading all files once", total=len(paths), shown=many
                ) as bar:
                    return list(bar)
            except BaseException:  # an interrupt: don't read the rest first
                pool.shutdown(wait=False, cancel_futures=True)
                raise

    def _stamp(self, path: Path) -> str:
        try:
            status = path.stat()
            now = (status.st_size, status.st_mtime_ns)
            known = self._known.get(path)
            if known is None or known[:2] != now:
                with path.open("rb") as file:
                    digest = hashlib.blake2b(digest_size=20)
                    while block := file.read(2**20):
                        digest.update(block)
                known = self._known[path] = (*now, CONTENT + digest.hexdigest())
        except OSError:
            return GONE
        return known[2]
