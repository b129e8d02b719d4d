"""The photos to choose from: which there are, how they look, and what the network says of each."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from ...engine.protocol import EngineProtocol
from ...errors import InputError, NotStored, UnreadableImage
from ...records import Pixels, Progress
from .cache import Cache
from .encode import NOTHING, Answer, encode_pictures, numbers, sheet, thumbnail
from .steps import Steps

THUMBNAILS = 24 << 20
"""Bytes of thumbnails that are kept: 600 of the strip's."""
QUALITY = 85
"""Of a sheet of photos that is too large for PNG."""
PREDICTIONS_A_PARTIAL = 64
NO_OWN = "This engine takes no photos of your own."
REPORT = "A photo of your own needs a kernel: this is a report."
"""As in ``js/src/report/stored_source.ts``."""
UNKNOWN = -1
"""In the place of a class that isn't known."""


class Photos:
    """Answers what is asked of many photos at once.

    Parameters
    ----------
    engine
        Whose photos they are.
    pixels
        Gives one of them, as the network sees it.
    """

    def __init__(self, engine: EngineProtocol, pixels: Callable[[int], Pixels]) -> None:
        self._engine, self._pixels = engine, pixels
        self._thumbnails = Cache(THUMBNAILS)
        self._classes: dict[int, int] = {}

    def renew(self) -> None:
        """Forget what was made of images that are others now."""
        self._thumbnails.clear()
        self._classes.clear()

    def listed(self) -> Steps:
        """Which photos there are."""
        yield from ()
        return self.answer()

    def answer(self) -> Answer:
        """Which photos there are to choose from, beside those of the set."""
        held = getattr(self._engine, "held_photos", None)
        return {
            "own": [],
            "no_own": NO_OWN if held is None else REPORT,
            "most": 0,
            "most_bytes": 0,
            "most_pixels": 0,
            "held": None if held is None else list(held),
        }, []

    def thumbnails(self, images: Sequence[int], size: int) -> Steps:
        """Square pictures of some photos; decoding one is a step."""
        pictures, lost = [], []
        for done, image in enumerate(images):
            if done:
                yield Progress(done, len(images), None, "reading photos")
            try:
                pictures.append(self._thumbnail(image, size))
            except (UnreadableImage, NotStored, InputError) as error:
                pictures.append(thumbnail(NOTHING, size))
                lost.append([image, getattr(error, "reason", str(error))])
        picture, columns = sheet(pictures, size)
        mime, buffers = encode_pictures([picture], quality=QUALITY)
        about = {"images": list(images), "lost": lost, "size": size, "columns": columns}
        return {**about, "mime": mime}, buffers

    def _thumbnail(self, image: int, size: int) -> Pixels:
        found: Pixels | None = self._thumbnails.get((image, size))
        if found is None:
            found = thumbnail(self._pixels(image), size)
            self._thumbnails.put((image, size), found, found.nbytes)
        return found

    def predicted(self) -> Steps:
        """The class that the network gives each photo of the set, one after the other."""
        total = len(self._engine.info.images)
        if self._engine.info.no_classes:
            raise InputError(self._engine.info.no_classes)
        for image in range(total):
            if image in self._classes:
                continue
            self._classes[image] = self._class_of(image)
            if (image + 1) % PREDICTIONS_A_PARTIAL:
                yield Progress(image + 1, total, None, "predicting classes")
            else:
                yield lambda done=image + 1: self._so_far(done, total)  # type: ignore[misc]
        return self._so_far(total, total)

    def _class_of(self, image: int) -> int:
        try:
            scores = self._engine.predict(image).probabilities
        except (UnreadableImage, NotStored):
            return UNKNOWN
        return int(scores.argmax()) if np.isfinite(scores).all() else UNKNOWN

    def _so_far(self, done: int, total: int) -> Answer:
        known = [self._classes[i] if i < done else UNKNOWN for i in range(total)]
        return {"done": done, "total": total}, [numbers(np.array(known), "<i4")]
