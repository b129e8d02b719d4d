"""Classes as people call them: twelve species are "birds".

``data/plain_groups.tsv`` was made by hand: about fifty plain groups, for each a few everyday words
and the ImageNet classes that belong to it. A class that is in none is a group of its own.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

FILE = Path(__file__).parent / "data" / "plain_groups.tsv"


@cache
def _groups() -> dict[str, str]:
    """The group of each known name."""
    found: dict[str, str] = {}
    for line in FILE.read_text("utf-8").splitlines()[1:]:
        group, *names = line.split("\t")
        for name in "; ".join([group, *names]).split("; "):
            if name:
                found[_plain(name)] = group
    return found


def _plain(name: str) -> str:
    """A name without its synonyms, in lower case, its words parted by blanks."""
    return " ".join(name.split(",")[0].lower().replace("_", " ").split())


def fold(name: str) -> str:
    """The plain group of a class or label; the name itself where it is in none.

    Parameters
    ----------
    name
        As data sets have it: ``"house finch"``, ``"house_finch"`` and ``"house finch, linnet"``
        are the same.
    """
    groups = _groups()
    whole = " ".join(name.lower().replace("_", " ").split())  # a group's name may have commas
    return groups.get(whole) or groups.get(_plain(name)) or name
