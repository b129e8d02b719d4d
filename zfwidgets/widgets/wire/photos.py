"""The photos to choose from: which there are, how they look, and what the network says of each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...engine.protocol import EngineProtocol
from ...errors import InputError, NotStored, UnreadableImage
from ...records import (
    MOST_OWN,
    MOST_OWN_BYTES,
    MOST_OWN_PIXELS,
    Floats,
    OwnPhoto,
    PhotoResponses,
    Pixels,
    Progress,
)
from .cache import Cache
from .encode import NOTHING, Answer, encode_pictures, numbers, sheet, thumbnail
from .jobs.steps import Steps
from .schema import LONGEST_SIDE, MOST_LEVELS
from .validation import own_photos, takes_own

THUMBNAILS = 24 << 20
"""Bytes of thumbnails that are kept: 600 of the strip's."""
QUALITY = 85
"""Quality of a sheet of photos that is too large for PNG."""
PREDICTIONS_A_PARTIAL = 64
NO_OWN = "This engine takes no photos of your own."
REPORT = "A photo of your own needs a kernel: this is a report."
"""As in ``js/src/report/stored/answers.ts``."""
UNKNOWN = -1
"""In the place of a class that isn't known."""


class Photos:
    """Answers what is asked of many photos at once.

    Parameters
    ----------
    engine
        Engine whose photos they are.
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

    def answer(self, added: int | None = None) -> Answer:
        """Which photos there are to choose from, beside those of the set.

        Parameters
        ----------
        added
            The one that was brought just now.
        """
        held = getattr(self._engine, "held_photos", None)
        own = [
            {"image": photo.image, "name": photo.name, "notes": list(photo.notes)}
            for photo in own_photos(self._engine)
        ]
        return {
            "own": own,
            "no_own": no_own(self._engine),
            "most": MOST_OWN,
            "most_bytes": MOST_OWN_BYTES,
            "most_pixels": MOST_OWN_PIXELS,
            "held": None if held is None else list(held),
            **({} if added is None else {"added": added}),
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
        return self._thumbnails.array((image, size), lambda: thumbnail(self._pixels(image), size))

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


def no_own(engine: EngineProtocol) -> str:
    """Why an engine takes no photos of the user's own; empty if it does."""
    if takes_own(engine):
        return ""
    return REPORT if hasattr(engine, "held_photos") else NO_OWN


def name_of(engine: EngineProtocol, image: int) -> str:
    """What a photo is called, the engine's or the user's own."""
    own = own_photo(engine, image)
    return engine.info.images[image] if own is None else own.name


def public_name(engine: EngineProtocol, image: int) -> str:
    """The same for what is kept: that of a photo of the user's own is nobody else's business."""
    own = image >= len(engine.info.images)
    return "a photo of your own" if own else engine.info.images[image]


def is_private(engine: EngineProtocol, fields: Mapping[str, Any]) -> bool:
    """Whether a request is about a photo of the user's own."""
    return int(fields.get("image", -1)) >= len(engine.info.images)


def label_of(engine: EngineProtocol, image: int) -> str | None:
    """A photo's label; the user's own have none."""
    return engine.info.image_labels[image] if image < len(engine.info.images) else None


def photo_data(engine: EngineProtocol, image: int, pixels: Pixels) -> dict[str, Any]:
    """What is told of a photo beside its picture."""
    return {
        "image": image,
        "name": name_of(engine, image),
        "label": label_of(engine, image),
        "rows": pixels.shape[0],
        "columns": pixels.shape[1],
    }


def own_photo(engine: EngineProtocol, image: int) -> OwnPhoto | None:
    """The user's own photo of a number; None for one of the set."""
    return next((one for one in own_photos(engine) if one.image == image), None)


def responses_answer(found: PhotoResponses) -> Answer:
    """Feature maps of a photo as they cross the wire, the strongest channel first."""
    order = found.order
    channels, rows, columns = found.maps.shape
    step = -(-max(rows, columns) // LONGEST_SIDE)
    while (
        step < max(rows, columns)
        and channels * -(-rows // step) * -(-columns // step) > MOST_LEVELS
    ):
        step += 1
    strongest, places = found.strongest[order], found.places[order]
    maps = _levels(_largest(found.maps[order], step), strongest)
    data: dict[str, Any] = {
        "image": found.image,
        "layer": found.layer,
        "channels": channels,
        "rows": maps.shape[1],
        "columns": maps.shape[2],
        "step": step,
    }
    arrays: list[tuple[NDArray[Any], str]] = [
        (order, "<i4"),
        (strongest, "<f4"),
        (found.totals[order], "<f4"),
    ]
    arrays += [(places[:, 0], "<i4"), (places[:, 1], "<i4"), (maps, "u1")]
    return data, [numbers(array, dtype) for array, dtype in arrays]


def _largest(maps: Floats, step: int) -> Floats:
    """Maps of the largest of each ``step`` x ``step`` units."""
    if step == 1:
        return maps
    _, rows, columns = maps.shape
    starts = np.arange(0, rows, step), np.arange(0, columns, step)
    found: Floats = np.maximum.reduceat(np.maximum.reduceat(maps, starts[0], 1), starts[1], 2)
    return found


def _levels(maps: Floats, strongest: Floats) -> Pixels:
    """0 for zero or less, 255 for each channel's strongest."""
    scale = np.where(np.isfinite(strongest) & (strongest > 0), strongest, np.inf)
    with np.errstate(invalid="ignore"):  # infinity by infinity
        shares = np.nan_to_num(maps / scale[:, None, None], nan=0.0)
    return np.asarray(np.rint(shares.clip(0, 1) * 255), dtype=np.uint8)
