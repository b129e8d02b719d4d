"""Photos of an engine and what is cut from them, each decoded once."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ...engine.protocol import EngineProtocol
from ...errors import NotStored
from ...records import Box, Pixels
from .cache import Cache
from .encode import thumbnail

THUMBNAILS = 16 << 20
"""Bytes of thumbnails that are kept: from one look at an index to the next most stay."""


class Pictures:
    """Gives photos, patches and thumbnails, and keeps those that were used last.

    Parameters
    ----------
    engine
        Engine whose photos they are.
    most
        How many bytes of photos are kept.
    absent
        What stands for a patch (rows, columns) of a photo that a report doesn't hold.
    """

    def __init__(
        self,
        engine: EngineProtocol,
        most: int,
        absent: Callable[[int, int], Pixels] | None = None,
    ) -> None:
        self._engine, self._absent = engine, absent
        self.photos = Cache(most)
        self._thumbnails = Cache(THUMBNAILS)

    def renew(self) -> None:
        """Forget what was made of images that are others now."""
        self.photos.clear()
        self._thumbnails.clear()

    def photo(self, image: int) -> Pixels:
        """`EngineProtocol.photo`, decoded once for the many patches that are cut from it."""
        return self.photos.array(image, lambda: self._engine.photo(image))

    def seen_once(self, image: int) -> Pixels:
        """The same without keeping it: whoever looks through all photos drops none in use."""
        pixels: Pixels | None = self.photos.get(image)
        return self._engine.photo(image) if pixels is None else pixels

    def patch(self, image: int | None, box: Box) -> Pixels:
        """The box, moved into the photo, at full size."""
        assert image is not None  # what an index found is in the engine's images
        try:
            pixels = self.photo(image)
        except NotStored:
            if self._absent is None:
                raise
            return self._absent(box.height, box.width)
        return np.asarray(box.inside(*pixels.shape[:2]).cut(pixels))

    def thumbnail(self, image: int, box: Box, size: int) -> Pixels:
        """The same patch on ``size`` rows and columns."""
        return self._thumbnails.array(
            (image, box, size), lambda: thumbnail(self.patch(image, box), size)
        )
