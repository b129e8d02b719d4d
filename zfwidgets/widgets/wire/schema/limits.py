"""How much one message may ask for or hold, and what page and Python must agree on beside."""

from __future__ import annotations

from typing import Any

MOST_THUMBNAILS = 256
LARGEST_THUMBNAIL = 256
MOST_PATCHES = 100
THUMBNAIL = 96
"""Pixels of a channel's thumbnail in the page's sheets of them, each of `MOST_THUMBNAILS`."""
PATCHES = 9
"""Patches of a channel that the page shows."""
MOST_PHOTOS = 64
"""Photos whose thumbnails one request may ask for."""
PART_BYTES = 4 << 20
"""Bytes of a photo in one message: Jupyter's server takes none of more than 10 MiB."""
LONGEST_SIDE = 128
"""Rows and columns of a photo's feature maps in an answer, at most."""
MOST_LEVELS = 1 << 20
"""Bytes of these maps, at most, however many channels: Jupyter's server drops what is too much."""

FIRST: dict[str, Any] = {
    "sort": "index",
    "patches": "both",
    "values": "auto",
    "scale": "own",
    "whole": False,
    "pixels": False,
    "photo_follows": True,
    "pinned": None,
    "overlay": "probability",
    "opacity": 0.7,
    "auto": True,
}
"""What the options of a widget's views are at first; of colours that is `DEFAULT_COLOURS`."""
PAGE = {
    "PART_BYTES": (PART_BYTES, "Most bytes of a photo in one message."),
    "SHEET": (MOST_THUMBNAILS, "Channels in one sheet of thumbnails."),
    "THUMBNAIL": (THUMBNAIL, "Pixels: what a screen with two per CSS pixel shows of one."),
    "PATCHES": (PATCHES, "Patches of a channel that are shown."),
}
"""Numbers of these that the page needs, by their names there."""
