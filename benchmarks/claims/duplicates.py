"""Pictures that are there twice: a test on what was learned from proves nothing."""

from __future__ import annotations

import hashlib
from contextlib import closing
from typing import Any

from zfwidgets.experiments.shared.labelled import Labelled


def find_copies(
    data: Any, other: Any = None, *, transform: Any = None
) -> tuple[tuple[str, str], ...]:
    """Pictures that are equal pixel by pixel, as a network gets them.

    Parameters
    ----------
    data
        Labelled images, as in `zfwidgets.experiments.train`.
    other
        As ``data``: what is looked for among it, such as the images to test on. None: copies
        within ``data``.
    transform
        As in `zfwidgets.Engine`: from a picture to a tensor, the same each time.

    Returns
    -------
    tuple
        Names (in ``data``, in ``other``) of each pair; of several copies in ``data`` the first.

    Raises
    ------
    InputError
        An image has no label.
    """
    images = Labelled.of(data, transform, what="data")
    first: dict[bytes, int] = {}
    found = []
    names = images.source.names
    with closing(images.tensors(range(len(images)))) as reading:
        for number, tensor in reading:
            at = first.setdefault(_digest(tensor), number)
            if other is None and at != number:
                found.append((names[at], names[number]))
    if other is None:
        return tuple(found)
    others = Labelled.of(other, transform, what="other images")
    with closing(others.tensors(range(len(others)))) as reading:
        for number, tensor in reading:
            if (at := first.get(_digest(tensor), -1)) >= 0:
                found.append((names[at], others.source.names[number]))
    return tuple(found)


def _digest(tensor: Any) -> bytes:
    return hashlib.blake2b(tensor.contiguous().numpy().tobytes(), digest_size=16).digest()
