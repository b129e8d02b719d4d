"""Boxes that users mark on photos: which part of the object is where."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...errors import InputError
from ...records import Box

Marks = Mapping[str, Mapping[int, Box]]
"""By part, by photo (its place among the experiment's photos): its box, in input pixels."""


def checked_marks(
    boxes: Mapping[str, Any],
    names: Sequence[str],
    rows: int,
    columns: int,
    *,
    whole: bool = True,
) -> dict[str, dict[int, Box]]:
    """Marks as they are meant; says what is wrong with them.

    Parameters
    ----------
    boxes
        By part: a box a photo, in the photos' order; or boxes by the photo's name or place. A box
        is a `Box`, or (top, left, height, width) in pixels of the network's input.
    names
        Names of the photos.
    rows, columns
        Size of the network's input.
    whole
        Whether each part must be marked in each photo.
    """
    if whole and not boxes:
        raise InputError("There are no parts: pass {'nose': [a box for each photo], ...}.")
    marks: dict[str, dict[int, Box]] = {}
    for part, given in boxes.items():
        by_photo = _by_photo(part, given, names)
        missing = [name for place, name in enumerate(names) if place not in by_photo]
        if missing and whole:
            raise InputError(
                f"{_listed(missing)} {'has' if len(missing) == 1 else 'have'} no box for {part!r}: "
                "mark the part in each photo, or leave the photo out."
            )
        marks[part] = {
            place: checked_box(by_photo[place], f"{part!r} of {name!r}", rows, columns)
            for place, name in enumerate(names)
            if place in by_photo
        }
    return marks


def checked_box(box: Any, what: str, rows: int, columns: int) -> Box:
    """A box inside the photo; raises `InputError` that begins with ``what``."""
    if not isinstance(box, Box):
        try:
            top, left, height, width = (int(value) for value in box)
        except (TypeError, ValueError):
            raise InputError(
                f"{what} is {box!r}: expected a box, (top, left, height, width) in pixels."
            ) from None
        box = Box(top, left, height, width)
    if box.height < 1 or box.width < 1:
        raise InputError(f"{what} is {box.height} x {box.width} pixels: mark at least one.")
    whole: Box = box
    if whole.clip(rows, columns) != whole:
        raise InputError(
            f"{what} reaches outside of the photo: rows {box.top} to {box.bottom - 1}, columns "
            f"{box.left} to {box.right - 1} of {rows} x {columns} pixels."
        )
    return whole


def _by_photo(part: str, given: Any, names: Sequence[str]) -> dict[int, Any]:
    if not isinstance(given, Mapping):
        if isinstance(given, str) or not hasattr(given, "__len__") or len(given) != len(names):
            raise InputError(
                f"Boxes of {part!r} are {given!r}: expected one for each of the {len(names)} "
                "photos, or {photo: box}."
            )
        return dict(enumerate(given))
    found = {}
    for photo, box in given.items():
        if isinstance(photo, str) and photo in names:
            photo = names.index(photo)
        if isinstance(photo, str) or not 0 <= photo < len(names):
            raise InputError(
                f"{part!r} has a box for {photo!r}, which isn't one of the photos: {_listed(names)}"
                "."
            )
        found[int(photo)] = box
    return found


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(repr(name) for name in names[:6])
    return f"{shown} and {len(names) - 6} more" if len(names) > 6 else shown
