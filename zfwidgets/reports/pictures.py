"""Pictures of a report: WebP, without loss or with a loss that is measured and stated.

Measured over SqueezeNet's 3,944 strongest projections, bytes a pixel: PNG 1.4, WebP without loss
1.1, of quality 90 .20, of quality 75 .10, on average 3 and 3.8 of 255 levels off. Below 32 x 32
pixels colours at half resolution would cost up to 14 levels and save little: no loss there.
"""

from __future__ import annotations

import io
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
from PIL import Image

from ..records import Pixels
from ..threads import Pool
from ..widgets.wire.encode import decode_picture

T = TypeVar("T")

MIME = "image/webp"
SMALL = 32 * 32
"""Pixels up to which a projection is stored without loss at any quality."""
ENCODING, WAITING = 2, 12
"""Threads that encode pictures, and what may wait for them."""


@dataclass(frozen=True)
class Encoded:
    """A picture as WebP, and by how many levels it is off on average; None: by none."""

    picture: bytes
    lost: float | None


@dataclass
class Encoder:
    """Encodes pictures of one kind and keeps account of what that lost.

    Attributes
    ----------
    quality
        WebP's, 0 to 100; None: without loss.
    small
        Pixels up to which there is no loss at any quality.
    """

    quality: int | None
    small: int = 0
    _pictures: int = field(default=0, init=False)
    _lost: float = field(default=0.0, init=False)

    def __call__(self, pixels: Pixels) -> bytes:
        """A picture, (rows, columns, 3) uint8, as WebP."""
        return self.count(self.encode(pixels))

    def encode(self, pixels: Pixels) -> Encoded:
        """The same before it is counted; on any thread, while others encode."""
        image = Image.fromarray(np.ascontiguousarray(pixels))
        if self.quality is None or image.width * image.height <= self.small:
            return Encoded(_webp(image, lossless=True, quality=60, method=4), None)
        encoded = _webp(image, quality=self.quality, method=4)
        return Encoded(encoded, levels_off(pixels, decoded(encoded)))

    def count(self, encoded: Encoded) -> bytes:
        """Take account of what a picture lost; gives it."""
        if encoded.lost is not None:
            self._pictures += 1
            self._lost += encoded.lost
        return encoded.picture

    def sentence(self, what: str) -> str:
        """What was lost, for the reader."""
        if not self._pictures:
            return f"{what} are stored without loss."
        lost = self._lost / self._pictures
        return (
            f"{what} are stored as WebP of quality {self.quality}: on average {lost:.1f} of 255 "
            "levels off."
        )


def meanwhile(tasks: Iterable[Callable[[], T]]) -> Generator[T, None, None]:
    """What tasks give, in their order: threads run them while the next ones are made."""
    with Pool(ENCODING, thread_name_prefix="zfwidgets-encode") as pool:
        waiting: deque[Future[T]] = deque()
        try:
            for task in tasks:
                waiting.append(pool.submit(task))
                if len(waiting) > WAITING:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for one in waiting:
                one.cancel()


def _webp(image: Image.Image, **options: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, "WEBP", **options)
    return stream.getvalue()


def levels_off(one: Pixels, other: Pixels) -> float:
    """By how many levels pixels are off on average."""
    off = np.maximum(one, other)
    off -= np.minimum(one, other)
    return int(off.sum(dtype=np.uint64)) / off.size


def decoded(picture: bytes) -> Pixels:
    """The pixels of an encoded picture, (rows, columns, 3) uint8."""
    return np.asarray(decode_picture(picture))


def expected_bytes(pixels: float, quality: int | None) -> float:
    """About how many bytes a projection of so many pixels takes."""
    if quality is None or pixels <= SMALL:
        return 1.25 * pixels + 150
    return {90: 0.21, 75: 0.105, 60: 0.075}[quality] * pixels + 220
