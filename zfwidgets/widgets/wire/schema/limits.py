"""How much one message may ask for or hold."""

from __future__ import annotations

MOST_THUMBNAILS = 256
LARGEST_THUMBNAIL = 256
MOST_PATCHES = 100
MOST_PHOTOS = 64
"""Photos whose thumbnails one request may ask for."""
PART_BYTES = 4 << 20
"""Bytes of a photo in one message: Jupyter's server takes none of more than 10 MiB."""
LONGEST_SIDE = 128
"""Rows and columns of a photo's feature maps in an answer, at most."""
MOST_LEVELS = 1 << 20
"""Bytes of these maps, at most, however many channels: Jupyter's server drops what is too much."""
