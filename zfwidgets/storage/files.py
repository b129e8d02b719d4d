"""Files of arrays, errors that name them, and one writer at a time."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from ..errors import IndexBusy, InputError
from . import checksums
from .whole import sweep, whole

Array = NDArray[Any]
OURS = ("index.safetensors", "pass.safetensors")
"""What an index and an unfinished pass are called in their folder."""


def write(path: Path, arrays: Mapping[str, Array], about: Mapping[str, Any]) -> None:
    """Write arrays and a JSON description: a reader sees the old file or the whole new one.

    The bytes are on the disk before the name is, so that a power loss leaves one of the two.

    Raises
    ------
    OSError
        The disk is full, or the folder can't be written to. What was there stays.
    """
    plain = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    with whole(path) as temporary:
        try:
            save_file(plain, temporary, checksums.described(about))
            checksums.seal(temporary)
        except SafetensorError as error:  # it wraps what the operating system said
            raise OSError(f"{temporary.parent} can't be written to: {error}") from error


def write_npz(path: Path, arrays: Mapping[str, Array]) -> None:
    """Write arrays as NumPy's compressed ``npz`` with a checksum, whole or not at all."""
    with whole(path) as temporary:
        with temporary.open("wb") as file:
            np.savez_compressed(file, **arrays)  # type: ignore[arg-type]
        checksums.seal(temporary)


def read(path: Path, what: str, schema: int) -> tuple[dict[str, Any], dict[str, Array]]:
    """The JSON description and the arrays of a file written by `write`.

    Parameters
    ----------
    path
        The file.
    what
        What it should be, for errors.
    schema
        The version of its layout that is wanted.

    Raises
    ------
    InputError
        It isn't that, or is damaged, or has another schema.
    """
    ours: bool | None = None
    try:
        if not path.is_file():  # to open a pipe would wait for who writes to it
            path.stat()
            raise ValueError("it is a folder" if path.is_dir() else "it is no ordinary file")
        with safe_open(path, "numpy") as file:
            text = (file.metadata() or {}).get(checksums.KEY)
            ours = text is not None
            if text is None:
                raise ValueError("zfwidgets didn't write it")
            about = json.loads(text)
            found = about.get("schema") if isinstance(about, dict) else None
            if found != schema:
                raise ValueError(f"it has index schema {found!r}, this version reads {schema}")
            checksums.check(path)
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except FileNotFoundError as error:
        raise InputError(f"There is no {path} ({what} was expected).") from error
    except (SafetensorError, OSError, ValueError, TypeError, RecursionError) as error:
        raise InputError(unreadable(path, what, str(error), ours)) from error
    return about, arrays


def unreadable(path: Path, what: str, why: str, ours: bool | None = True) -> str:
    """Says that a file isn't what was expected, and what to do if it's ours (None: who knows)."""
    hint = " Delete it, and it's rebuilt." if ours else ""
    if ours is None and path.name in OURS:
        hint = " If zfwidgets wrote it, it is damaged: move it away, and it's built again."
    return f"{path} isn't a readable zfwidgets index, {what} was expected ({why}).{hint}"


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Be the only one who writes to a folder; the lock goes with the process, however it ends.

    Raises
    ------
    IndexBusy
        Another process, or another thread here, is writing there; names it.
    OSError
        The folder can't be written to.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock, holder = FileLock(folder / "lock", timeout=0, thread_local=False), folder / "writer"
    try:
        lock.acquire()
    except Timeout as error:
        who = "another process"
        with suppress(OSError, ValueError):
            who = holder.read_text("utf-8")[:200] or who
        raise IndexBusy(
            f"{folder} is being written by {who}. Wait until it's done and open the index, or take "
            "another folder."
        ) from error
    try:
        holder.write_text(f"process {os.getpid()} on {socket.gethostname()}", "utf-8")
        sweep(folder)
        yield
    finally:
        with suppress(OSError):
            holder.unlink()
        lock.release()
