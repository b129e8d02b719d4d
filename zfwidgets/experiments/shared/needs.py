"""What an experiment's widget needs beside this package, said where it is missing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ...errors import MissingDependency


@contextmanager
def needs_torch(what: str) -> Iterator[None]:
    """Around the import of a computation: where torch is missing, say that ``what`` needs it."""
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise
        raise MissingDependency(
            f"{what} and needs torch where it runs: pip install torch"
        ) from error
