"""Photos of the user's own on a server: the same answers, seen by nobody else, soon forgotten."""

from __future__ import annotations

import asyncio
import io
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import zfwidgets as zf
from tests.engine.test_own_photos import Net, transform
from tests.same import assert_same
from tests.waiting import SECONDS
from zfwidgets.classroom.working.clients import Limits
from zfwidgets.engine.local import LocalEngine
from zfwidgets.errors import InputError, UnreadableImage
from zfwidgets.images.pixels.apart import decode_apart
from zfwidgets.records import MOST_OWN_BYTES, Box, Occluder, OcclusionRequest
from zfwidgets.stepwise import finish

from .same import mistakes, outcome, questions


def engine() -> LocalEngine:
    draw = np.random.default_rng(5)
    pictures = [Image.fromarray(draw.integers(0, 256, (30 + i, 40, 3), np.uint8)) for i in range(7)]
    found = LocalEngine(Net(), pictures, transform(), cache=False)
    found.index(progress=False)
    return found


@pytest.fixture(scope="module")
def served() -> LocalEngine:
    return engine()


def picture(seed: int, mode: str = "RGB") -> Image.Image:
    draw = np.random.default_rng(seed)
    return Image.fromarray(draw.integers(0, 256, (50, 70, 4), np.uint8)).convert(mode)


def as_file(image: Image.Image, kind: str, **options: Any) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def test_a_torch_engine_answers_the_same_from_afar(
    served: LocalEngine, serve: Any, connect: Any
) -> None:
    """Every answer to the bit, every mistake by its kind."""
    remote = connect(serve(served)[1])
    layers = [layer.name for layer in served.layers][:3]
    for ask in questions(served, layers, [0, 3]):
        theirs = outcome(ask, served)
        assert_same(outcome(ask, remote), theirs)
    for ask in mistakes(layers[1], 3, served.layer(layers[1]).channels):
        mine, theirs = outcome(ask, remote), outcome(ask, served)
        assert issubclass(mine[0], theirs[0]), (mine, theirs)


def turned(image: Image.Image) -> Image.Image:
    image.getexif()[0x112] = 6
    return image


ADDED = {
    "png": lambda: as_file(picture(1), "PNG"),
    "jpeg": lambda: as_file(picture(2), "JPEG", quality=80),
    "transparent": lambda: as_file(picture(3, "RGBA"), "PNG"),
    "cmyk": lambda: as_file(picture(4, "CMYK"), "JPEG"),
    "picture": lambda: picture(5),
    "grey picture": lambda: picture(6, "L"),
    "palette": lambda: picture(7, "P"),
    "floats": lambda: Image.fromarray(np.random.default_rng(0).random((40, 50), np.float32)),
    "turned": lambda: turned(picture(10)),
    "array": lambda: np.asarray(picture(8)),
    "tensor": lambda: torch.from_numpy(np.array(picture(9))).permute(2, 0, 1),
}


@pytest.mark.parametrize("kind", ADDED)
def test_a_photo_is_what_it_is_to_a_local_engine(
    kind: str, served: LocalEngine, serve: Any, connect: Any
) -> None:
    remote = connect(serve(served)[1])
    photo = ADDED[kind]()
    there, here = remote.add_photo(photo, "mine"), served.add_photo(photo, "mine")
    occluder = Occluder(Box(3, 5, 9, 8), "mean")
    for ask in (
        lambda e, n: e.photo(n),
        lambda e, n: e.predict(n).logits,
        lambda e, n: e.predict(n, occluder).logits,
        lambda e, n: e.responses(n, "first").maps,
        lambda e, n: finish(e.occlude_steps(OcclusionRequest(n, 9, 8))).logits,
    ):
        assert_same(ask(remote, there), ask(served, here))
    (mine,), theirs = remote.own_photos, served.own_photos[0]
    assert (mine.image, mine.name, mine.notes) == (there, "mine", theirs.notes)
    served.remove_photo(here)


def test_nobody_else_sees_it_by_whatever_question(
    served: LocalEngine, serve: Any, connect: Any
) -> None:
    _, url = serve(served)
    owner, other = connect(url), connect(url)
    number = owner.add_photo(picture(1))
    pixels = owner.photo(number)
    activation = owner.responses(number, "first").activation(owner.layer("first"), 1)
    finish(owner.connection.steps("answer", {"kind": "photo", "fields": {"image": number}}))
    assert other.own_photos == ()
    for ask in (
        lambda e: e.photo(number),
        lambda e: e.predict(number),
        lambda e: e.responses(number, "first"),
        lambda e: e.project_all([activation]),
        lambda e: finish(e.occlude_steps(OcclusionRequest(number))),
        lambda e: finish(e.estimate_steps(OcclusionRequest(number))),
        lambda e: finish(
            e.connection.steps("answer", {"kind": "photo", "fields": {"image": number}})
        ),
        lambda e: finish(
            e.connection.steps(
                "answer", {"kind": "thumbnails", "fields": {"images": [0, number], "size": 20}}
            )
        ),
    ):
        ask(owner)
        with pytest.raises(InputError, match="There are images 0 to 6, got"):
            ask(other)
    with pytest.raises(InputError, match="no photo"):
        other.remove_photo(number)
    assert_same(owner.photo(number), pixels)
    with pytest.raises(InputError, match="one of the engine's"):
        owner.remove_photo(0)


def test_it_is_forgotten_when_it_is_removed_when_others_come_and_when_its_client_goes(
    serve: Any, connect: Any
) -> None:
    served = engine()
    server, url = serve(served, limits=Limits(photos=2))
    one, other = connect(url), connect(url)
    kept = other.add_photo(picture(0))
    kept_answer = other.channels("first")
    numbers = [one.add_photo(picture(seed)) for seed in range(4)]
    assert [photo.image for photo in one.own_photos] == [numbers[3], numbers[2]]
    assert len(served.own_photos) == 3
    one.remove_photo(numbers[3])
    for gone in (numbers[0], numbers[3]):
        with pytest.raises(InputError, match="add it again"):
            one.photo(gone)
    one.photo(numbers[2])
    one.close()
    until = time.monotonic() + SECONDS
    while len(served.own_photos) > 1 and time.monotonic() < until:
        time.sleep(0.01)
    assert [photo.image for photo in served.own_photos] == [kept]
    computed = server.work.computed
    assert_same(other.channels("first"), kept_answer)
    assert server.work.computed == computed, "answers that all see are kept"


def test_an_explorer_shows_a_photo_of_ones_own(
    served: LocalEngine, serve: Any, connect: Any
) -> None:
    remote = connect(serve(served)[1])
    explorer = zf.Explorer(remote, layer="first", channel=1)
    number = explorer.show(picture(1), "mine")
    assert explorer.settle(SECONDS)
    assert explorer.photo == number


@pytest.mark.parametrize("photo", ["no/such/file.jpg", "/dev/null", "/tmp", b"junk", b""])
def test_what_is_no_picture_is_said(
    photo: Any, served: LocalEngine, serve: Any, connect: Any
) -> None:
    with pytest.raises(UnreadableImage):
        connect(serve(served)[1]).add_photo(photo)


@pytest.mark.parametrize(
    "photo", [5, None, [1], np.zeros((3, 4, 5, 3), np.uint8), np.zeros((4, 5))]
)
def test_what_is_nothing_of_the_kind_is_said(
    photo: Any, served: LocalEngine, serve: Any, connect: Any
) -> None:
    with pytest.raises(InputError, match="uint8 array"):
        connect(serve(served)[1]).add_photo(photo)


def test_a_file_that_is_too_large_is_not_sent(
    served: LocalEngine, serve: Any, connect: Any
) -> None:
    with pytest.raises(UnreadableImage, match="may have 30"):
        connect(serve(served)[1]).add_photo(bytes(MOST_OWN_BYTES + 1))


def test_photos_of_one_kernel_come_one_after_the_other(
    served: LocalEngine, serve: Any, connect: Any
) -> None:
    server, url = serve(served)
    remote = connect(url)
    files = [as_file(picture(seed), "PNG") for seed in range(3)]
    with ThreadPoolExecutor(3) as pool:
        numbers = [*pool.map(remote.add_photo, files)]
    assert len({*numbers}) == 3
    assert {photo.image for photo in remote.own_photos} == {*numbers}
    assert server.photos.count == 3


# ------------------------------------------------------------------ decoded apart


def test_hostile_files_end_with_their_process() -> None:
    bomb = as_file(Image.new("L", (20_000, 5_000)), "PNG")  # 100 million pixels in 100 kB
    with pytest.raises(UnreadableImage, match="64 million"):
        asyncio.run(decode_apart(bomb, "bomb"))
    with pytest.raises(UnreadableImage, match="more than 0 seconds"):
        asyncio.run(decode_apart(as_file(picture(0), "PNG"), "slow", seconds=0.0))


def test_a_name_that_is_code_is_a_name() -> None:
    found, _ = asyncio.run(decode_apart(as_file(picture(0), "PNG"), "'); import os; #\n-c"))
    assert_same(np.asarray(found), np.asarray(picture(0)))
