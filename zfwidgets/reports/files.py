"""Reports on disk: written whole or not at all, and read back."""

from __future__ import annotations

import base64
import binascii
import errno
import os
import re
import shutil
import stat
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from ..errors import BrokenReport, InputError
from ..storage.whole import whole
from .parts import ADVICE, LARGEST

PARTS = "parts/"
"""Where a folder's parts lie, beside its page."""
PAGE = "index.html"
_ELEMENT = re.compile(
    rb'<script type="application/octet-stream" id="zf-part-([\w/-]+)">([^<]*)(</script>)?'
)
_BESIDE = f'<meta name="zfwidgets-parts" content="{PARTS}">'.encode()
_HEAD = re.compile(rb"(?s)\A.*?(?:</head>|<body)")
_GENERATOR = b'<meta name="generator" content="zfwidgets '


def is_folder(path: Path) -> bool:
    """Whether a path names the folder form: all but ``*.html`` and ``*.htm``."""
    return path.suffix.lower() not in (".html", ".htm")


@contextmanager
def new_file(path: Path) -> Iterator[IO[bytes]]:
    """A file that takes ``path`` when the block ends, and leaves no trace if it fails.

    Raises
    ------
    InputError
        If it can't be written, before the block runs or when the disk is full.
    """
    if path.is_dir():
        raise InputError(f"{path} is a folder: a report of one file needs a name like report.html.")
    with _named(path):
        path.parent.stat()  # a folder that isn't there was mistyped
        with whole(path) as temporary, temporary.open("wb") as file:
            yield file


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """A folder that takes ``path`` when the block ends; an older report there is replaced.

    Raises
    ------
    InputError
        If something else is there, or it can't be written.
    """
    if path.exists() and not _is_ours(path):
        raise InputError(f"{path} exists and isn't a report: choose a folder of its own.")
    with _named(path):
        temporary = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
    try:
        with _named(path):
            yield temporary
            temporary.chmod(0o777 & ~_umask())
            _swap(temporary, path)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def _swap(new: Path, path: Path) -> None:
    """Put a folder into the place of another, which comes back if that fails."""
    if not path.exists():
        new.replace(path)
        return
    old = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent)) / "old"
    path.replace(old)
    try:
        new.replace(path)
    except BaseException:
        old.replace(path)
        raise
    finally:
        shutil.rmtree(old.parent, ignore_errors=True)


@contextmanager
def _named(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise InputError(
            f"Can't write the report {path}: {error.strerror or error}. What was there before is "
            "as it was; choose another place."
        ) from error


def _is_ours(path: Path) -> bool:
    with suppress(OSError), (path / PAGE).open("rb") as page:
        return _GENERATOR in page.read(4096)
    return path.is_dir() and not any(path.iterdir())


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def write(file: IO[bytes], pieces: Iterable[bytes]) -> int:
    """Write pieces; how many bytes they are."""
    return sum(file.write(piece) for piece in pieces)


def part_file(name: str) -> str:
    """The name of a part's file in a folder."""
    return f"{name.replace('/', '-')}.zfpart"


# ---------------------------------------------------------------------- reading


class Parts(Mapping[str, bytes]):
    """The parts of a report on disk, packed, read when they are asked for.

    Parameters
    ----------
    path
        A report's file, its folder, or the page in that folder.

    Raises
    ------
    InputError
        If there is no file, or it isn't a report.
    BrokenReport
        If a part isn't there or isn't whole.
    """

    def __init__(self, path: Path) -> None:
        page = path / PAGE if path.is_dir() else path
        try:
            content = page.read_bytes()
        except OSError as error:
            raise InputError(f"Can't read the report {page}: {error.strerror or error}.") from error
        if b"zf-part-" not in content:
            raise InputError(f"{page} isn't a report of zfwidgets: it holds no parts.")
        self.path = page
        head = _HEAD.match(content)  # the page's script has these words, too
        self._folder = page.parent / PARTS if head and _BESIDE in head[0] else None
        self._encoded: dict[str, bytes] = {}
        for match in _ELEMENT.finditer(content):
            if match[3]:  # of two with one name the page takes the first
                self._encoded.setdefault(match[1].decode(), match[2])

    def __getitem__(self, name: str) -> bytes:
        if name in self._encoded:
            try:
                return base64.b64decode(self._encoded[name], validate=True)
            except binascii.Error as error:
                raise BrokenReport(
                    f"Part {name!r} of {self.path} is damaged ({error}). {ADVICE}"
                ) from error
        if self._folder is not None:
            try:
                return _read(self._folder / part_file(name))
            except OSError as error:
                raise BrokenReport(
                    f"Part {name!r} of {self.path} isn't there ({error.strerror}). {ADVICE}"
                ) from error
        raise BrokenReport(f"Part {name!r} isn't in {self.path}. {ADVICE}")

    def __iter__(self) -> Iterator[str]:
        return iter(self._encoded)

    def __len__(self) -> int:
        return len(self._encoded)


def _read(path: Path) -> bytes:
    """The bytes of a part's file: what is no file, or larger than any part, isn't opened."""
    status = path.stat()
    if not stat.S_ISREG(status.st_mode) or status.st_size > LARGEST:
        raise OSError(errno.EINVAL, "it isn't the file of a part")
    return path.read_bytes()
