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
    """The group of each known name, as it is written and in lower case.

    As it is written comes first: a Cardigan is a dog, a cardigan is worn.
    """
    exact: dict[str, str] = {}
    for line in FILE.read_text("utf-8").splitlines()[1:]:
        group, *names = line.split("\t")
        exact[group] = group  # maybe with commas
        for name in "; ".join(names).split("; "):
            if name:
                exact[_plain(name)] = group
    lower = {name.lower(): group for name, group in exact.items()}
    return lower | exact


def _plain(name: str) -> str:
    """A name without its synonyms, its words parted by blanks."""
    return " ".join(name.split(",")[0].replace("_", " ").split())


def fold(name: str) -> str:
    """The plain group of a class or label; the name itself where it is in none.

    Parameters
    ----------
    name
        As data sets have it: ``"house finch"``, ``"house_finch"`` and ``"house finch, linnet"``
        are the same.
    """
    groups = _groups()
    plain = _plain(name)
    return groups.get(name) or groups.get(plain) or groups.get(plain.lower()) or name
