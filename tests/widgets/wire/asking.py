"""A source of the NumPy engine's records, asked as a page asks it."""

from __future__ import annotations

import io
import json

import numpy as np
from PIL import Image

SLIDE = {
    "image": 4,
    "height": 6,
    "width": 9,
    "stride": 5,
    "baseline": "grey",
    "mask": None,
    "extra_boxes": [],
}


def run(steps):
    """All that a generator yields, and its answer."""
    yielded, answer = finish(steps)
    json.dumps(answer[0], allow_nan=False)  # browsers' JSON knows no NaN
    return yielded, answer


def finish(steps):
    """All that a generator yields, and what it returns."""
    returned = []

    def whole():
        returned.append((yield from steps))

    return list(whole()), returned[0]


def answer(source, kind, **fields):
    key = {"fingerprint": source.engine.info.fingerprint, **fields}
    return run(source.answer(kind, source.check(kind, key)))[1]


def pixels(buffer):
    return np.asarray(Image.open(io.BytesIO(buffer)).convert("RGB"))


def floats(buffer):
    return np.frombuffer(buffer, "<f4")


def shown_patch(engine, activation):
    """The photo's pixels of a receptive field, moved into the photo."""
    photo, box = engine.photo(activation.image), activation.box
    rows, columns = photo.shape[:2]
    top, left = (
        max(0, min(at, most - size))
        for at, size, most in ((box.top, box.height, rows), (box.left, box.width, columns))
    )
    return photo[top : top + box.height, left : left + box.width]


def assert_kept_to_the_newest(source, kind, fields):
    for one in fields:
        run(source.answer(kind, one))
    kept = [source.cached(kind, one) is not None for one in fields]
    assert kept[-1]
    assert not kept[0]
