"""What crosses the wire: each message, each kind of request, and the fields of what they hold.

The one place that says so. `validation` takes the fields of keys from here; the TypeScript types
(``js/src/lib/wire/messages.ts``) and the tables of ``docs/protocol.md`` are made from it by
``js/made.py``, which loads this package alone: it must import nothing but its own files.

`kinds` has the kinds of requests, `messages` what carries them, `objects` what answers are made of,
`limits` how much of it there may be. A field is ``"type"`` or ``"type # what it is."``, in
TypeScript's notation, where ``int`` is a whole number, ``int 1..9`` one with limits, and ``name?``
a field that may be missing.
"""

from __future__ import annotations

from .kinds import GROUPS, KINDS, MAPS, Kind
from .limits import (
    FIRST,
    LARGEST_THUMBNAIL,
    LONGEST_SIDE,
    MOST_LEVELS,
    MOST_PATCHES,
    MOST_PHOTOS,
    MOST_THUMBNAILS,
    PAGE,
    PART_BYTES,
    PATCHES,
    THUMBNAIL,
)
from .messages import MESSAGES
from .objects import ALIASES, OBJECTS, Fields

__all__ = [
    "ALIASES",
    "FIRST",
    "GROUPS",
    "KINDS",
    "LARGEST_THUMBNAIL",
    "LONGEST_SIDE",
    "MAPS",
    "MESSAGES",
    "MOST_LEVELS",
    "MOST_PATCHES",
    "MOST_PHOTOS",
    "MOST_THUMBNAILS",
    "OBJECTS",
    "PAGE",
    "PART_BYTES",
    "PATCHES",
    "THUMBNAIL",
    "Fields",
    "Kind",
]
