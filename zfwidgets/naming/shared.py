"""What groups the nine strongest images of a channel are in, more often than chance would have it.

The chance that nine images drawn at random hold as many of a group is counted exactly, against the
images whose group is known (the nine among them), and corrected at once for every group of every
channel of the layer that could have been named.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .chance import LEVEL, corrected, tail

K = 9
FEWEST = 3
"""Fewer of the nine have nothing in common; a group with fewer images can't be named."""


@dataclass(frozen=True)
class SharedName:
    """Something that many of a channel's nine strongest have in common.

    Attributes
    ----------
    text
        What it is, as "birds" or "red".
    count
        How many of the nine have it.
    of
        How many the nine are: those whose group is known.
    share
        Share among all images whose group is known, or among random patches, 0..1.
    compared
        How many images or random patches that share is over.
    p
        The chance that any channel of the layer would get any name by chance alone with as much
        in common, at most: corrected for ``tests``.
    tests
        How many names could have been given in the layer.
    most
        The most frequent class in it and how many of the nine have that, where some of them are
        one class; else None.
    """

    text: str
    count: int
    of: int
    share: float
    compared: int
    p: float
    tests: int
    most: tuple[str, int] | None = None

    @property
    def named(self) -> bool:
        """Whether chance would hardly give it anywhere in the layer."""
        return self.count >= FEWEST and self.p <= LEVEL

    def __str__(self) -> str:
        return f"{self.count} of {self.of}: {self.text} (of all: {100 * self.share:.0f} %)"


def share_groups(
    nine: Sequence[int],
    classes: Mapping[int, str],
    groups: Mapping[int, str],
    channels: int,
) -> tuple[SharedName, ...]:
    """What groups a channel's strongest images are in, the least probable by chance first.

    Parameters
    ----------
    nine
        Numbers of the channel's strongest images.
    classes
        The class or label of each image that is known, by its number.
    groups
        The group of each image that is known, by its number.
    channels
        How many channels of the layer may be named.

    Returns
    -------
    tuple of SharedName
        Groups with at least `FEWEST` of the nine, whether or not chance would give them: see
        `SharedName.named`.
    """
    known = [image for image in nine if image in groups]
    everywhere = Counter(groups.values())
    tests = channels * sum(there >= FEWEST for there in everywhere.values())
    found = []
    for group, count in Counter(groups[image] for image in known).items():
        if count < FEWEST:
            continue
        there, total = everywhere[group], len(groups)
        p = corrected(tail(len(known), count, there, total), tests)
        own = Counter(classes[image] for image in known if groups[image] == group)
        name, often = own.most_common(1)[0]
        most = (name, often) if often > 1 and name != group else None
        found.append(SharedName(group, count, len(known), there / total, total, p, tests, most))
    return tuple(sorted(found, key=lambda name: (name.p, -name.count, name.text)))
