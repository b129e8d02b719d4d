"""What images are called."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from itertools import chain, count
from pathlib import Path, PurePath


def file_names(paths: Sequence[PurePath]) -> list[str]:
    """What files are called; where that isn't unique, with the folders that tell them apart."""
    short = [path.name for path in paths]
    if len(set(short)) == len(short):
        return short
    try:
        common = os.path.commonpath([Path(path.parent).absolute() for path in paths])
    except ValueError:  # on several drives
        return unique(short)
    return unique(Path(path).absolute().relative_to(common).as_posix() for path in paths)


def unique(names: Iterable[str]) -> list[str]:
    """The names, with " (2)" and so on behind those that came before."""
    taken: dict[str, None] = {}
    for name in names:
        candidates = chain([name], (f"{name} ({number})" for number in count(2)))
        taken[next(candidate for candidate in candidates if candidate not in taken)] = None
    return list(taken)
