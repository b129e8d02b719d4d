"""Files that are whole or not there, errors that name them, and one writer at a time."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from ..errors import IndexBusy, InputError

Array = NDArray[Any]
KEY = "zfwidgets"
"""The entry of a file's metadata that holds our JSON."""


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
            save_file(plain, temporary, {KEY: json.dumps(about)})
        except SafetensorError as error:  # it wraps what the operating system said
            raise OSError(f"{temporary.parent} can't be written to: {error}") from error


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Where to write what is to become ``path``: in its place after the block, or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.stem}.{uuid4().hex}.part")
    try:
        yield temporary
        _sync(temporary)
        temporary.replace(path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise
    _sync(path.parent)


def _sync(path: Path) -> None:
    if path.is_dir() and os.name == "nt":  # folders can't be opened there
        return
    handle = os.open(path, os.O_RDONLY if os.name != "nt" else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sweep(folder: Path) -> None:
    """Remove what writers left that were killed while writing; only for who holds the lock."""
    for left in folder.glob(".*.part"):
        with suppress(OSError):
            left.unlink()


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
    hint = "Delete it, and it's rebuilt."
    try:
        with safe_open(path, "numpy") as file:
            about = json.loads((file.metadata() or {})[KEY])
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except FileNotFoundError as error:
        raise InputError(f"There is no {path} ({what} was expected).") from error
    except KeyError as error:
        raise InputError(
            f"{path} isn't a readable zfwidgets index: it has no entry {error} and isn't {what}. "
            f"{hint}"
        ) from error
    except (SafetensorError, OSError, ValueError, TypeError, RecursionError) as error:
        raise InputError(
            f"{path} isn't a readable zfwidgets index, {what} was expected ({error}). {hint}"
        ) from error
    found = about.get("schema") if isinstance(about, dict) else None
    if found != schema:
        raise InputError(f"{path} has index schema {found!r}, this version reads {schema}. {hint}")
    return about, arrays


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
