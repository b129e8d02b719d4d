"""Photos that are deleted, cut or replaced after the index was made: marked places, true values."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import zfwidgets as zf
from tests.engine.ranking.small import BAD, COLUMNS, ROWS, network, pictures, transform
from tests.waiting import SECONDS
from zfwidgets.errors import StaleImage, UnreadableImage
from zfwidgets.records import Box, Occluder
from zfwidgets.widgets.wire.jobs.steps import Steps
from zfwidgets.widgets.wire.source import Source

LAYER, CHANNEL, K = "3", 2, 9
BLURRED = Occluder(Box(3, 4, 9, 8), "blur")


def delete(path: Path) -> None:
    path.unlink()


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:700])


def replace(path: Path) -> None:
    pixels = np.random.default_rng(99).integers(0, 256, (ROWS, COLUMNS, 3), np.uint8)
    Image.fromarray(pixels).save(path)
    os.utime(path, ns=(1, 1))  # whatever the clock's resolution


def enlarge(path: Path) -> None:
    Image.new("RGB", (2 * COLUMNS, 3 * ROWS), "red").save(path)


def folder_instead(path: Path) -> None:
    path.unlink()
    path.mkdir()


BREAK = [delete, cut, replace, enlarge, folder_instead]


def make(folder: Path, cache: Path | bool = False) -> zf.Engine:
    return zf.Engine(network(), folder, transform(), cache=cache)


def answer(source: Source, kind: str, **fields: Any) -> tuple[dict[str, Any], list[bytes]]:
    steps = source.answer(kind, fields)
    found = []

    def whole() -> Steps:
        found.append((yield from steps))

    for _ in whole():
        pass
    return found[0]


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    return pictures(tmp_path / "photos", 30)


@pytest.mark.parametrize("broken", BREAK, ids=lambda f: f.__name__)
def test_one_lost_photo_is_one_marked_place(photos: Path, broken: Callable[[Path], None]) -> None:
    engine = make(photos)
    engine.index(progress=False)
    top = list(engine.top(LAYER, CHANNEL, K))
    clean = Source(engine)
    kinds = {
        "top": {"layer": LAYER, "channel": CHANNEL, "k": K},
        "projections": {"layer": LAYER, "channel": CHANNEL, "k": K, "rule": "deconvnet"},
        "sheet": {"layer": LAYER, "first": 0, "count": 7, "size": 32},
    }
    before = {kind: answer(clean, kind, **fields) for kind, fields in kinds.items()}
    projected = engine.project_all(top)
    lost = top[1]
    broken(photos / lost.image_name)

    # The values are the index's still; what needs the photo names it.
    assert list(engine.top(LAYER, CHANNEL, K)) == top
    for ask in (
        lambda: engine.photo(lost.image),
        lambda: engine.patch(lost),
        lambda: engine.project_all(top),
        lambda: engine.respond(lost.image, BLURRED, LAYER),
    ):
        with pytest.raises(UnreadableImage, match=lost.image_name):
            ask()
    others = [a for a in top if a is not lost]
    left = [picture for picture, a in zip(projected, top, strict=True) if a is not lost]
    for now, then in zip(engine.project_all(others), left, strict=True):
        np.testing.assert_allclose(now.pixels, then.pixels, atol=1e-6)
    assert any("stale" in n and lost.image_name in n for n in engine.info.notes)
    assert not engine.info.skipped

    # Widgets mark its places and show all others as before.
    for source in (Source(engine), clean):
        data, buffers = answer(source, "top", **kinds["top"])
        told = [a.get("lost") for a in data["activations"]]
        assert [bool(reason) for reason in told] == [a is lost for a in top]
        then = before["top"][1]
        assert [b for b, reason in zip(buffers, told, strict=True) if not reason] == [
            b for b, a in zip(then, top, strict=True) if a is not lost
        ]
        data, buffers = answer(source, "projections", **kinds["projections"])
        there = [p is not None for p in data["projections"]]
        assert there == [a is not lost for a in top]
        assert len(buffers) == sum(there)
        data, _ = answer(source, "sheet", **kinds["sheet"])
        summary = engine.channels(LAYER)
        channels = [c for c in range(7) if summary.image[c] == lost.image]
        assert [channel for channel, *_ in data["lost"]] == channels
        with pytest.raises(UnreadableImage, match=lost.image_name):
            answer(source, "photo", image=lost.image)
    covered = engine.cover_patches(LAYER, CHANNEL, K, controls=0)
    assert [p.activation for p in covered] == others
    assert [name for name, _ in covered.unreadable] == [lost.image_name]
    rows = engine.quantiles(LAYER, CHANNEL, each=3, parts=10)
    shown = [a.image for row in rows for a in row.activations]
    assert lost.image not in shown
    assert [name for row in rows for name, _ in row.unreadable] == [lost.image_name]

    widget = zf.PatchGrid(engine, layer=LAYER, channel=CHANNEL, image=lost.image)
    assert widget.settle(SECONDS)
    explorer = zf.Explorer(engine, layer=LAYER, channel=CHANNEL, image=lost.image)
    assert explorer.settle(SECONDS)


@pytest.mark.parametrize("broken", BREAK, ids=lambda f: f.__name__)
def test_index_looks_again_at_what_changed_alone(
    photos: Path, broken: Callable[[Path], None]
) -> None:
    engine = make(photos)
    engine.index(progress=False)
    top = list(engine.top(LAYER, CHANNEL, K))
    engine.project_all(top)  # keeps switches and tensors
    engine.respond(top[0].image, BLURRED, LAYER)
    before = engine.info.fingerprint
    lost = next(a for a in top if a.image)  # that all must be as large as the first isn't the point
    broken(photos / lost.image_name)
    found, fresh = engine.index(progress=False), make(photos)
    wanted = fresh.index(progress=False)
    assert engine.info.fingerprint != before
    assert not any("stale" in note for note in engine.info.notes)
    assert found.images_seen == wanted.images_seen
    for layer in found.layers:
        for channel in range(engine.layer(layer).channels):
            mine, theirs = engine.top(layer, channel), fresh.top(layer, channel)
            assert [a.image_name for a in mine] == [a.image_name for a in theirs]
            np.testing.assert_allclose(
                [a.value for a in mine], [a.value for a in theirs], rtol=1e-5, atol=1e-6
            )
    mine = engine.project_all(list(engine.top(LAYER, CHANNEL, K)))
    theirs = fresh.project_all(list(fresh.top(LAYER, CHANNEL, K)))
    for one, other in zip(mine, theirs, strict=True):
        np.testing.assert_allclose(one.pixels, other.pixels, atol=1e-5 * np.abs(other.pixels).max())
    assert engine.index(progress=False) is found, "nothing changed, nothing is computed"


def test_a_new_photo_never_stands_beside_an_old_value(photos: Path) -> None:
    engine = make(photos)
    first = engine.top(LAYER, CHANNEL)[0]
    before = engine.photo(first.image)
    replace(photos / first.image_name)
    with pytest.raises(StaleImage, match=r"engine\.index\(\)"):
        engine.photo(first.image)
    with pytest.raises(StaleImage):
        engine.project(first.unit, first.image)
    engine.index(progress=False)
    with Image.open(photos / first.image_name) as image:
        np.testing.assert_array_equal(engine.photo(first.image), np.asarray(image.convert("RGB")))
    assert (engine.photo(first.image) != before).any()


def test_without_an_index_a_replaced_photo_is_read_anew(photos: Path) -> None:
    engine = make(photos)
    engine.respond(4, BLURRED, LAYER)
    name = engine.info.images[4]
    replace(photos / name)
    fresh = make(photos)
    np.testing.assert_array_equal(engine.photo(4), fresh.photo(4))
    mine, theirs = (one.respond(4, BLURRED, LAYER) for one in (engine, fresh))
    np.testing.assert_array_equal(mine.totals, theirs.totals)


def test_a_reused_index_says_what_the_first_session_said(tmp_path: Path) -> None:
    folder = pictures(tmp_path / "photos", 20)
    for name, content in BAD.items():
        (folder / name).write_bytes(content)
    for number in (17, 3, 11):
        path = folder / f"{number:03}.png"
        path.write_bytes(path.read_bytes()[:700])
    see_through = np.random.default_rng(5).integers(0, 256, (ROWS, COLUMNS, 4), np.uint8)
    Image.fromarray(see_through).save(folder / "090.png")
    first = make(folder, tmp_path / "cache")
    index = first.index(progress=False)
    again = make(folder, tmp_path / "cache")
    assert again.indexed
    assert first.info.skipped == again.info.skipped == index.skipped == again.index().skipped
    assert len(again.info.skipped) == len(BAD) + 3
    assert first.info.notes == again.info.notes
    assert any("transparent" in note for note in again.info.notes)


@pytest.mark.parametrize("images", [None, "all"])
@pytest.mark.parametrize("broken", [delete, replace], ids=lambda f: f.__name__)
def test_a_report_is_written_and_says_which_photo_is_missing(
    photos: Path, tmp_path: Path, broken: Callable[[Path], None], images: Any
) -> None:
    engine = make(photos)
    explorer = zf.Explorer(engine, layer=LAYER, channel=CHANNEL)
    assert explorer.settle(SECONDS)
    top = list(engine.top(LAYER, CHANNEL, K))
    projected = engine.project_all(top)
    lost = top[2]
    broken(photos / lost.image_name)
    saved = zf.save_report(explorer, tmp_path / "report.html", images=images, progress=False)
    assert any(lost.image_name in sentence for sentence in saved.left_out)
    stored = zf.load_report(tmp_path / "report.html")
    assert list(stored.top(LAYER, CHANNEL, K)) == top
    with pytest.raises(UnreadableImage, match=lost.image_name):
        stored.photo(lost.image)
    for activation, whole in zip(top, projected, strict=True):
        if activation is lost:
            with pytest.raises(UnreadableImage):
                stored.project_all([activation])
            continue
        (kept,) = stored.project_all([activation])
        one, other = kept.pixels.ravel(), whole.pixels.ravel()
        assert np.corrcoef(one, other)[0, 1] > 0.99
    data, _ = answer(stored.make_source(), "top", layer=LAYER, channel=CHANNEL, k=K)
    assert [bool(a.get("lost")) for a in data["activations"]] == [a is lost for a in top]
