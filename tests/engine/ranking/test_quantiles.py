"""A channel's range in tenths: what sorting all images by hand gives."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tests.engine.ranking.small import engine, network, pictures, transform
from zfwidgets.engine.ranking import ranking_spec
from zfwidgets.errors import InputError
from zfwidgets.records import ActivationSample

COUNT = 47


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return pictures(tmp_path_factory.mktemp("pictures") / "all", COUNT)


def planes(folder: Path, layer: int, channel: int) -> list[np.ndarray]:
    """Each picture's feature map, one picture at a time."""
    net, change, found = network(), transform(), []
    for path in sorted(folder.iterdir()):
        with torch.inference_mode():
            found.append(net[: layer + 1](change(Image.open(path))[None])[0, channel].numpy())
    return found


def rounded(values: list[float]) -> list[float]:
    """To the 11 bits of a float16, on a scale on which the largest is in 1/2..1."""
    scale = 2.0 ** np.frexp(max(map(abs, values)))[1]
    return [float(np.float16(value / scale)) * scale for value in values]


def test_rows_are_those_of_all_images_sorted_by_hand(folder: Path) -> None:
    made = engine(folder)
    for channel in range(7):
        maps = planes(folder, 4, channel)
        kept = rounded([float(one.max()) for one in maps])
        order = sorted(range(COUNT), key=lambda i: (kept[i], -i))
        rows = made.quantiles("4", channel, each=3, parts=10)
        assert (rows.exact, rows.complete, rows.images_seen) == (True, True, COUNT)
        assert [row.images for row in rows] == [5] * 7 + [4] * 3
        for row, start in zip(rows, np.cumsum([0, *(row.images for row in rows)]), strict=False):
            mine = order[start : start + row.images]
            values = [kept[i] for i in mine]
            assert (row.low, row.high) == (min(values), max(values))
            assert row.silent == sum(value <= 0 for value in values)
            last = row.images - 1
            shown = [mine[last - place] for place in (0, round(last / 2), last)]
            shown = [i for i in shown if maps[i].max() > 0]
            assert [a.image for a in row.activations] == shown
            for a in row.activations:
                at = divmod(int(maps[a.image].argmax()), maps[a.image].shape[1])
                assert (a.unit.row, a.unit.col) == at
                assert a.value == pytest.approx(float(maps[a.image].max()), abs=1e-6)
                assert a.box == made.layer("4").receptive_field.box(*at)
                assert a.image_name == f"{a.image:03}.png"


def test_a_sample_says_that_it_is_one(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ranking_spec, "SAMPLE", 20)
    made = engine(folder)
    rows = made.quantiles("4", 1, parts=4)
    assert (rows.exact, rows.sampled, rows.images_seen) == (False, 20, COUNT)
    assert sum(row.images for row in rows) == 20
    sampled = set(ranking_spec.by_hash(made.info.images)[:20].tolist())
    assert {a.image for row in rows for a in row.activations} <= sampled


def test_steps_begin_with_the_strongest_part(folder: Path) -> None:
    made = engine(folder)
    steps = list(made.quantile_steps("4", 0, 2, 5))
    assert not any(rows.complete for rows in steps)
    assert [sum(bool(row.activations) for row in rows) for rows in steps[:3]] == [0, 1, 2]
    assert steps[1][-1].activations
    assert made.quantiles("4", 0, 2, 5).parts == steps[-1].parts
    frame = made.quantiles("4", 0, 2, 5).to_frame()
    assert len(frame) == sum(len(row.activations) for row in steps[-1])


def test_fewer_images_than_parts(tmp_path: Path) -> None:
    rows = engine(pictures(tmp_path / "three", 3)).quantiles("1", 2)
    assert [row.images for row in rows] == [1, 1, 1]
    assert [row.high for row in rows] == sorted(row.high for row in rows)


@pytest.mark.parametrize(("each", "parts"), [(0, 10), (3, 0), (101, 10), (3, 101)])
def test_impossible_numbers_are_named(folder: Path, each: int, parts: int) -> None:
    with pytest.raises(InputError, match=r"expected a number in 1 \.\. 100"):
        engine(folder).quantiles("1", 0, each, parts)


def test_an_image_that_is_gone_is_left_out(tmp_path: Path) -> None:
    made = engine(pictures(tmp_path / "all", 12))
    before = made.quantiles("4", 3, parts=4)
    gone = before[-1].activations[0]
    (tmp_path / "all" / gone.image_name).unlink()
    after = made.quantiles("4", 3, parts=4)
    assert gone not in after[-1].activations
    assert after[-1].activations == before[-1].activations[1:]
    assert after[-1].unreadable == ((gone.image_name, "the file is gone"),)


def test_parts_and_spread_of_a_sample() -> None:
    values = np.array([3, 0, 3, 7, 1, 3], np.float32)
    sample = ActivationSample("x", 0, np.array([9, 4, 2, 5, 8, 7]), values, True)
    weak, strong = sample.parts(2)
    assert strong.images.tolist() == [5, 2, 7]  # equal values: by image
    assert weak.images.tolist() == [9, 8, 4]
    assert strong.spread(2).images.tolist() == [5, 7]
    assert strong.spread(9).images.tolist() == [5, 2, 7]
    assert not strong.complete
    assert [len(part.images) for part in sample.parts(4)] == [2, 2, 1, 1]
